import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { evacuationJsonSchema } from '../../src/fleet/evacuation/json-schema.ts';
import { FLEET_DESCRIPTIONS, fleetJsonSchema } from '../../src/fleet/datacentre/json-schema.ts';
import { HOST_DESCRIPTIONS, hostJsonSchema } from '../../src/fleet/host/json-schema.ts';
import { eachKey, SCENARIO_DESCRIPTIONS } from '../../src/scenario/descriptions.ts';
import { ScenarioDocument } from '../../src/scenario/document.ts';
import { scenarioJsonSchema } from '../../src/scenario/json-schema.ts';
import { presets } from '../../src/scenario/load.ts';

describe('JSON schema', () => {
  interface JsonSchema {
    readonly type?: string;
    readonly title?: string;
    readonly $schema?: string;
    readonly additionalProperties?: boolean;
    readonly required?: readonly string[];
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly items?: JsonSchema;
    readonly enum?: readonly unknown[];
    readonly anyOf?: readonly JsonSchema[];
    readonly oneOf?: readonly JsonSchema[];
    readonly const?: unknown;
  }
  const schema = scenarioJsonSchema() as JsonSchema;
  const guest = schema.properties!['guest']!;

  it('describes a map of the keys of a scenario', () => {
    expect(schema).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      title: 'Pageferry scenario',
      additionalProperties: false,
      required: ['guest'],
    });
    expect(Object.keys(schema.properties!)).toEqual([
      'name',
      'seed',
      'runtime',
      'guest',
      'link',
      'migration',
      'costs',
      'verify',
    ]);
  });

  it.each([
    ['a scenario', scenarioJsonSchema],
    ['an evacuation', evacuationJsonSchema],
    ['an overcommitted host', hostJsonSchema],
    ['a fleet', fleetJsonSchema],
  ])('describes every key of %s in a sentence', (_, read) => {
    const wrong: string[] = [];
    eachKey(read(), (key, { description }) => {
      if (!/^[^ ].{8,}\.$/.test(description ?? '')) wrong.push(`${key}: ${description}`);
    });
    expect(wrong).toEqual([]);
  });

  it.each([
    ['a scenario', scenarioJsonSchema, SCENARIO_DESCRIPTIONS],
    ['an overcommitted host', hostJsonSchema, HOST_DESCRIPTIONS],
    ['a fleet', fleetJsonSchema, FLEET_DESCRIPTIONS],
  ])('describes no key of %s that is not there', (_, read, descriptions) => {
    const known = new Set<string>();
    eachKey(read(), (key) => known.add(key));
    expect(Object.keys(descriptions).filter((key) => !known.has(key))).toEqual([]);
  });

  it('requires of the guest its memory alone', () => {
    expect(guest.required).toEqual(['memory']);
    expect(schema.properties!['link']!.required ?? []).toEqual([]);
    expect(schema.properties!['migration']!.required ?? []).toEqual([]);
  });

  it('lists what can be chosen', () => {
    const logs = ['bitmap', 'bytemap', 'atomic', 'ring', 'none'];
    expect(guest.properties!['dirtyLog']!.enum).toEqual(logs);
    const { items } = guest.properties!['workloads']!;
    const patterns = (items!.anyOf ?? items!.oneOf)!.map(
      (option) => option.properties!['pattern']!.const,
    );
    expect(patterns).toEqual([
      'sequential',
      'uniform',
      'zipf',
      'hotspot',
      'stride',
      'quicksort',
      'dirty-vector',
      'trace',
    ]);
  });

  it('knows every key of the presets', () => {
    const unknown = (value: unknown, at: JsonSchema): string[] => {
      if (Array.isArray(value)) return value.flatMap((one) => unknown(one, at.items ?? {}));
      if (typeof value !== 'object' || value === null) return [];
      const options = at.anyOf ?? at.oneOf;
      if (options) {
        const facts = value as { pattern?: string; kind?: string };
        const isOne = (one: JsonSchema): boolean =>
          one.properties?.['pattern']?.const === facts.pattern &&
          one.properties?.['kind']?.const === facts.kind;
        return unknown(value, options.find(isOne) ?? {});
      }
      return Object.entries(value).flatMap(([key, inner]) =>
        at.properties?.[key] ? unknown(inner, at.properties[key]) : [key],
      );
    };
    for (const { name } of presets()) {
      const path = new URL(`../../fixtures/scenarios/${name}.yaml`, import.meta.url);
      const content = readFileSync(path, 'utf8');
      expect(unknown(new ScenarioDocument(name, content).value(), schema)).toEqual([]);
    }
  });
});
