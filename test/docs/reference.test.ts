import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldsOf } from '../../src/cli/reference/fields.ts';
import { keyTable, sectionsOf } from '../../src/cli/reference/sections.ts';
import { referencePages } from '../../src/cli/reference/pages.ts';
import { sentence, table } from '../../src/cli/reference/table.ts';
import { EVACUATION_RESULT_DESCRIPTIONS } from '../../src/fleet/evacuation/result-descriptions.ts';
import { evacuationResultSchema } from '../../src/fleet/evacuation/result-schema.ts';
import { HOST_RESULT_DESCRIPTIONS } from '../../src/fleet/host/result-descriptions.ts';
import { hostResultSchema } from '../../src/fleet/host/result-schema.ts';
import { FLEET_RESULT_DESCRIPTIONS } from '../../src/fleet/datacentre/result-descriptions.ts';
import { fleetResultSchema } from '../../src/fleet/datacentre/result-schema.ts';
import { RESULT_DESCRIPTIONS } from '../../src/result/descriptions.ts';
import { resultSchema } from '../../src/result/schema.ts';
import { RESTORE_DESCRIPTIONS, SAVE_DESCRIPTIONS } from '../../src/result/snapshot-descriptions.ts';
import { restoreSchema, saveSchema } from '../../src/result/snapshot-schema.ts';
import type { Descriptions } from '../../src/scenario/descriptions.ts';
import { duration, share, size, whole } from '../../src/scenario/fields.ts';

const pages = await referencePages();

describe('the reference', () => {
  it.each(Object.keys(pages))('%s is what the code says: npm run reference writes it', (name) => {
    const path = new URL(`../../docs/reference/${name}`, import.meta.url);
    expect(readFileSync(path, 'utf8')).toBe(pages[name]);
  });

  const results: readonly [string, z.ZodType, Descriptions][] = [
    ['a run', resultSchema, RESULT_DESCRIPTIONS],
    ['an evacuation', evacuationResultSchema, EVACUATION_RESULT_DESCRIPTIONS],
    ['a host', hostResultSchema, HOST_RESULT_DESCRIPTIONS],
    ['a fleet', fleetResultSchema, FLEET_RESULT_DESCRIPTIONS],
    ['a save', saveSchema, SAVE_DESCRIPTIONS],
    ['a restore', restoreSchema, RESTORE_DESCRIPTIONS],
  ];
  it.each(results)('says of every field of %s what it means, and of no other', (_, schema, all) => {
    const keys = new Set(fieldsOf(schema, {}).map(({ key }) => key));
    expect([...keys].filter((key) => !/^[^ ].+\.$/.test(all[key] ?? ''))).toEqual([]);
    expect(Object.keys(all).filter((key) => !keys.has(key))).toEqual([]);
  });
});

describe('the fields of a schema', () => {
  const schema = z.strictObject({
    one: size.default('4KiB').describe('A size.'),
    two: whole(1, 4).optional(),
    three: z.array(z.strictObject({ within: share(0, 0.5) })).default([]),
    four: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('a'), both: duration, own: z.number().gt(0) }),
      z.strictObject({ kind: z.literal('b'), both: duration, other: z.string() }),
    ]),
  });

  it('have their values, defaults, places and kinds', () => {
    expect(fieldsOf(schema, { two: 'a number.', 'four.own': 'its own.' })).toEqual([
      { key: 'one', value: 'size', presence: 'defaulted', fallback: '4KiB', about: 'A size.' },
      field('two', 'whole number from 1 to 4', { presence: 'optional', about: 'a number.' }),
      field('three', 'list of maps', { presence: 'defaulted', fallback: '[]' }),
      field('three[].within', 'number from 0 to 0.5'),
      field('four', 'map'),
      field('four.kind', '`a`, `b`'),
      field('four.both', 'duration'),
      field('four.own', 'number above 0', { about: 'its own.', of: ['a'] }),
      field('four.other', 'text', { of: ['b'] }),
    ]);
  });

  const field = (key: string, value: string, facts: object = {}) => ({
    key,
    value,
    presence: 'required',
    fallback: '',
    about: '',
    ...facts,
  });

  it('stand in the section of the nearest map around them', () => {
    const sections = sectionsOf(fieldsOf(schema, {}), ['three[]', 'four']);
    expect(sections.map(({ key, fields }) => [key, fields.map((one) => one.key)])).toEqual([
      ['', ['one', 'two', 'three', 'four']],
      ['three[]', ['within']],
      ['four', ['kind', 'both', 'own', 'other']],
    ]);
    expect(keyTable(sections[2]!.fields.slice(2, 3), 'kind')).toBe(
      '| key | kind | value | default |\n|---|---|---|---|\n| `own` | `a` | number above 0 | required |',
    );
  });
});

describe('a table', () => {
  it('leaves out what is empty in all rows, and keeps bars in cells', () => {
    expect(table(['a', 'b'], [['x|y', '']])).toBe('| a |\n|---|\n| x\\|y |');
  });

  it('has sentences, in which names stay as they are', () => {
    expect(['how long', 'off: none', 'totalTimeMs and so on', ''].map(sentence)).toEqual([
      'How long.',
      'off: none.',
      'totalTimeMs and so on.',
      '',
    ]);
  });
});
