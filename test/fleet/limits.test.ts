import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEvacuation } from '../../src/fleet/evacuation/load.ts';
import { InputError } from '../../src/scenario/input-error.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evacuation-limits-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function complaints(yaml: string): string[] {
  const file = join(folder, 'scenario.yaml');
  writeFileSync(file, yaml);
  try {
    loadEvacuation(file);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message.split('\n').map((line) => line.replace(`${file}:`, ''));
  }
  return [];
}

const HOSTS = 'hosts: [{ name: old }, { name: new }]\n';
/** One guest of 16 MiB; further lines stand from line 3 on. */
const withMore = (more: string): string =>
  `${HOSTS}guests: [{ name: web, guest: { memory: 16MiB } }]\n${more}\n`;
/** One guest; its keys stand on line 3. */
const withGuest = (keys: string): string => `${HOSTS}guests:\n  - { name: web, ${keys} }\n`;

describe('an evacuation that is too much', () => {
  it('has too many guests, hosts or entries', () => {
    expect(complaints(withGuest('count: 10001, guest: { memory: 16MiB }'))).toEqual([
      '3:25 guests[0].count: expected a whole number from 1 to 10000, got 10001',
    ]);
    const group = (name: string): string =>
      `{ name: ${name}, count: 6000, guest: { memory: 1MiB } }`;
    expect(complaints(`${HOSTS}guests: [${group('a')}, ${group('b')}]\n`)).toEqual([
      '2:9 guests: 12000 guests are too many, there may be 10000: leave some out',
    ]);
    const guests = 'guests: [{ name: web, guest: { memory: 16MiB } }]\n';
    const hosts = Array.from({ length: 1001 }, (_, i) => `{ name: h${i} }`).join(', ');
    expect(complaints(`hosts: [${hosts}]\n${guests}`)).toEqual([
      '1:8 hosts: has 1001 entries, at most 1000 are read: leave some out',
    ]);
  });

  it('nests too deep, or has more problems than are listed', () => {
    expect(complaints(withMore(`parallel: ${'['.repeat(5000)}`))[0]).toMatch(
      /^3:\d+: lists and maps nest more than 100 levels deep here/,
    );
    const unknown = Array.from({ length: 30 }, (_, i) => `key${i}: 1`).join(', ');
    const lines = complaints(withGuest(`guest: { memory: 16MiB, ${unknown} }`));
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('… and 10 more');
    const targets = Array.from(
      { length: 40 },
      (_, i) => `  - { name: g${i}, guest: { memory: 1MiB }, target: there${i} }\n`,
    ).join('');
    const wrong = complaints(`${HOSTS}guests:\n${targets}`);
    expect(wrong[19]).toBe('22:51 guests[19].target: there is no host there19: there is new');
    expect(wrong.at(-1)).toBe('… and 20 more');
  });
});
