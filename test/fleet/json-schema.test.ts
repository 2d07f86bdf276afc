import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { evacuationJsonSchema } from '../../src/fleet/evacuation/json-schema.ts';
import { evacuationPresets } from '../../src/fleet/evacuation/load.ts';

describe('the JSON schema', () => {
  it('knows the keys of an evacuation and those of its guests', () => {
    const schema = evacuationJsonSchema() as {
      properties: Record<string, { items?: { properties: Record<string, unknown> } }>;
      required: string[];
    };
    expect(schema.required).toEqual(['hosts', 'guests']);
    const group = schema.properties['guests']!.items!.properties as Record<
      string,
      { properties: Record<string, unknown> }
    >;
    expect(Object.keys(group['guest']!.properties)).toContain('workloads');
    expect(Object.keys(group['migration']!.properties)).toContain('policy');
  });

  it('is a valid one for each preset, by its own keys', () => {
    const { properties } = evacuationJsonSchema() as { properties: Record<string, unknown> };
    for (const { name } of evacuationPresets()) {
      const yaml = readFileSync(
        new URL(`../../fixtures/evacuations/${name}.yaml`, import.meta.url),
        'utf8',
      );
      const keys = Array.from(yaml.matchAll(/^(\w+):/gm), (match) => match[1]!);
      for (const key of keys) expect(Object.keys(properties)).toContain(key);
    }
  });
});
