import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/scenario/input-error.ts';
import { scenarioJsonSchema } from '../../src/scenario/json-schema.ts';
import { loadScenario } from '../../src/scenario/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'outages-'));
const file = join(folder, 'scenario.yaml');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A 64 MiB guest and one more line, the second. */
function load(line: string, sets: readonly string[] = []) {
  writeFileSync(file, `guest: { memory: 64MiB }\n${line}\n`);
  return loadScenario(file, sets);
}

function complaints(line: string): string[] {
  try {
    load(line);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message.split('\n').map((text) => text.replace(`${file}:`, ''));
  }
  return [];
}

describe('outages of a link', () => {
  it('become numbers; one without a duration never ends', () => {
    const { config } = load('link: { outages: [{ after: 1s, for: 500ms }, { after: 2s }] }');
    expect(config.link.outages).toEqual([
      { afterNs: 1e9, forNs: 5e8 },
      { afterNs: 2e9, forNs: Infinity },
    ]);
  });

  it('are none by default, and can be set', () => {
    expect(load('').config.link.outages).toBeUndefined();
    const { config } = load('', ['link.outages=[{after: 0s, for: 1ms}]']);
    expect(config.link.outages).toEqual([{ afterNs: 0, forNs: 1e6 }]);
  });

  it.each([
    ['no list', 'link: { outages: 3 }', '2:18 link.outages: expected a list of outages'],
    [
      'one without a beginning',
      'link: { outages: [{ for: 1s }] }',
      '2:19 link.outages[0].after: is missing: expected a duration such as 300ms or 10s',
    ],
    [
      'one that takes no time',
      'link: { outages: [{ after: 1s, for: 0s }] }',
      '2:37 link.outages[0].for: expected a duration above 0 such as 300ms or 10s, got "0s"',
    ],
    [
      'one without a unit',
      'link: { outages: [{ after: 5 }] }',
      '2:28 link.outages[0].after: expected a duration such as 300ms or 10s, got 5',
    ],
    [
      'an unknown key',
      'link: { outages: [{ after: 1s, until: 2s }] }',
      '2:32 link.outages[0].until: unknown key: expected one of after, for',
    ],
    [
      'one while another lasts',
      'link: { outages: [{ after: 1s, for: 1s }, { after: 1500ms, for: 1s }] }',
      '2:52 link.outages[1].after: must be later than the end of the outage before ("1s" + "1s")',
    ],
    [
      'one at the moment in which another ends',
      'link: { outages: [{ after: 1s, for: 1s }, { after: 2s }] }',
      '2:52 link.outages[1].after: must be later than the end of the outage before ("1s" + "1s")',
    ],
    [
      'one after another that never ends',
      'link: { outages: [{ after: 1s }, { after: 2s }] }',
      '2:43 link.outages[1].after: comes after an outage that never ends: give that one a for',
    ],
  ])('with %s are refused', (_, line, expected) => {
    expect(complaints(line)).toEqual([expected]);
  });
});

describe('the recovery of a post-copy', () => {
  it('has a time limit, or is not done at all', () => {
    const recovery = (line: string) => load(line).config.migration.recoverWithinNs;
    expect(recovery('')).toBe(60e9);
    expect(recovery('migration: { algorithm: hybrid, postcopyRecoveryTimeout: 2min }')).toBe(120e9);
    expect(recovery('migration: { algorithm: hybrid, postcopyRecovery: false }')).toBeUndefined();
  });

  it.each([
    [
      'is no word',
      'migration: { postcopyRecovery: never }',
      '2:32 migration.postcopyRecovery: expected true or false, got "never"',
    ],
    [
      'has some time',
      'migration: { postcopyRecoveryTimeout: 0s }',
      '2:39 migration.postcopyRecoveryTimeout: expected a duration above 0 such as 300ms or 10s, got "0s"',
    ],
    [
      'has no limit when there is none',
      'migration: { algorithm: hybrid, postcopyRecovery: false, postcopyRecoveryTimeout: 2s }',
      '2:83 migration.postcopyRecoveryTimeout: has an effect only with postcopyRecovery, which is off: leave it out, or set postcopyRecovery: true',
    ],
  ])('%s', (_, line, expected) => {
    expect(complaints(line)).toEqual([expected]);
  });
});

describe('the JSON schema', () => {
  it('knows outages', () => {
    expect(JSON.stringify(scenarioJsonSchema())).toContain('"outages"');
  });
});
