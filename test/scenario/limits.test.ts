import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError, MOST_PROBLEMS } from '../../src/scenario/input-error.ts';
import { loadScenario } from '../../src/scenario/load.ts';
import { readBytes, ReadError } from '../../src/scenario/read-text.ts';
import { parseYaml } from '../../src/scenario/yaml.ts';
import { MINIMAL, scenarioFolder, withGuest, withMore } from '../support/scenarios.ts';

const { folder, load, complaints } = scenarioFolder();

const DEEP = 'lists and maps nest more than 100 levels deep here: write it flatter';
const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join('');

describe('what nests too deep', () => {
  it.each([
    ['lists in brackets', `a: ${'['.repeat(100_000)}`],
    ['maps in braces', `a: ${'{a: '.repeat(100_000)}`],
    ['lists by dashes', `${'- '.repeat(50_000)}x\n`],
    ['keys by question marks', `${'? '.repeat(5000)}x\n`],
    ['maps by colons', `${'a: '.repeat(5000)}x\n`],
    ['maps by lines', times(150, (i) => `${' '.repeat(i)}a:\n`)],
    ['JSON', `{ "guest": ${'['.repeat(100_000)}${']'.repeat(100_000)} }`],
  ])('is refused with its place: %s', (_, yaml) => {
    const [complaint, ...others] = complaints(yaml);
    expect(complaint).toMatch(new RegExp(`^\\d+:\\d+: ${DEEP}$`));
    expect(others).toEqual([]);
  });

  it('begins after a hundred levels', () => {
    const lists = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(parseYaml(lists(100)).problems).toEqual([]);
    expect(parseYaml(lists(110)).problems).toEqual([
      { offset: expect.any(Number), sentence: DEEP },
    ]);
  });

  it('is refused in --set too, in the value and in the key', () => {
    expect(complaints(MINIMAL, [`name=${'['.repeat(50_000)}`])).toEqual([`--set name: ${DEEP}`]);
    const [complaint] = complaints(MINIMAL, [`name${'.a'.repeat(50_000)}=1`]);
    expect(complaint).toMatch(new RegExp(`^--set name(?:\\.a)+\\.?…: ${DEEP}$`));
  });
});

describe('many problems', () => {
  it('are listed up to twenty, in time that grows with their number alone', () => {
    const keys = 20_000;
    const lines = complaints(withMore(times(keys, (i) => `key${i}: 1\n`)));
    expect(lines).toHaveLength(MOST_PROBLEMS + 1);
    expect(lines[0]).toMatch(/^2:1 key0: unknown key: expected one of name, seed, runtime/);
    expect(lines.at(-1)).toBe('… and 19 980 more');
  });

  it('of keys that are there twice are listed likewise', () => {
    const lines = complaints(withMore('seed: 1\n'.repeat(30)));
    expect(lines[0]).toBe('3:1: this key is there twice: leave one out');
    expect(lines.at(-1)).toBe('… and 9 more');
    expect(lines).toHaveLength(MOST_PROBLEMS + 1);
  });

  it('of several kinds are counted together', () => {
    const regions = '{ kind: zero, region: { start: 64MiB, size: 1MiB } },'.repeat(25);
    const lines = complaints(withGuest(`contents: [${regions}]`));
    expect(lines.slice(19)).toEqual([
      expect.stringMatching(/contents\[19\]\.region: ends at 65 MiB/),
      '… and 5 more',
    ]);
    const wrong = new InputError([{ place: 'a', key: '', sentence: 'b' }], 1_234_567);
    expect(wrong.message).toBe('a: b\n… and 1 234 567 more');
  });

  it('of values, keys and both are counted together', () => {
    const text = (more: string): string => `{ kind: text, ${more} },`;
    const values = text('zeroShare: 5').repeat(18);
    const keys = complaints(withGuest(`contents: [${values}${text('a: 1, b: 2, c: 3')}]`));
    expect(keys).toHaveLength(MOST_PROBLEMS + 1);
    expect(keys.slice(17)).toEqual([
      expect.stringMatching(/contents\[17\]\.zeroShare: /),
      expect.stringMatching(/contents\[18\]\.a: /),
      expect.stringMatching(/contents\[18\]\.b: /),
      '… and 1 more',
    ]);
    const later = complaints(withGuest(`contents: [${text('zeroShare: 5').repeat(23)}]`));
    expect(later).toHaveLength(MOST_PROBLEMS + 1);
    expect(later.at(-1)).toBe('… and 3 more');
    expect(complaints(withGuest(`contents: [${text('zeroShare: 5').repeat(20)}]`))).toHaveLength(
      MOST_PROBLEMS,
    );
  });

  it('show values and keys that are not endless', () => {
    const long = 'x'.repeat(100_000);
    const lines = complaints(`guest: { memory: ${long} }\n${long}: 1\n`, []);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(700);
    expect(complaints(MINIMAL, [long])[0]!.length).toBeLessThan(300);
    // A quantity of spaces alone takes no quadratic time.
    expect(complaints(`guest: { memory: "1${' '.repeat(500_000)}!" }\n`)).toHaveLength(1);
  });
});

describe('what is too much', () => {
  it('is a list of more than 1000 entries', () => {
    const list = (key: string, entry: string): string[] =>
      complaints(withGuest(`${key}: [${`${entry},`.repeat(1001)}]`));
    const many = 'has 1001 entries, at most 1000 are read: leave some out';
    expect(list('contents', '{ kind: zero }')).toEqual([`3:13 guest.contents: ${many}`]);
    expect(list('workloads', '{ pattern: uniform, rate: 1 }')).toEqual([
      `3:14 guest.workloads: ${many}`,
    ]);
    const outages = `link: { outages: [${'{ after: 1s },'.repeat(1001)}] }`;
    expect(complaints(withMore(outages))).toEqual([`2:18 link.outages: ${many}`]);
    const used = 'memoryManager: { used: [';
    expect(complaints(withGuest(`${used}${'{ size: 4KiB },'.repeat(1001)}] }`))).toEqual([
      `3:26 guest.memoryManager.used: ${many}`,
    ]);
    const encodings = `migration: { encodings: [${'zero,'.repeat(1001)}] }`;
    expect(complaints(withMore(encodings))).toEqual([`2:25 migration.encodings: ${many}`]);
  });

  it('is a text of more than a mebibyte', () => {
    const sentence = 'has more than 1 MiB, which is the most that is read: make it shorter';
    const file = join(folder, 'long.yaml');
    writeFileSync(file, `${MINIMAL}${'#'.repeat(1024 * 1024)}\n`);
    expect(() => loadScenario(file)).toThrow(`${file}: ${sentence}`);
    expect(parseYaml(' '.repeat(1024 * 1024 + 1)).problems).toEqual([{ offset: 0, sentence }]);
    // Reading ends there, however long the file is.
    expect(() => readBytes('/dev/zero', 1000)).toThrow(ReadError);
  });

  it('is a plan of more streams than their state has room for, before it is made', () => {
    const workload = '{ pattern: uniform, rate: 1 },';
    const yaml = `guest:\n  memory: 1GiB\n  vcpus: 256\n  memslots: 512\n  workloads: [${workload.repeat(900)}]\n`;
    expect(complaints(yaml, ['guest.backing=versions', 'runtime=virtual'])).toEqual([
      '5:14 guest.workloads: its workloads make 117964800 streams (vCPUs × workloads × memslots), ' +
        'their state fits for 9532: use fewer of either',
    ]);
  });

  it('is a table of more entries than there is room for, before it is made', () => {
    const yaml = `guest:\n  memory: 1TiB\n  backing: versions\n  workloads: [{ pattern: zipf, rate: 1 }]\nruntime: virtual\n`;
    expect(complaints(yaml)).toEqual([
      '4:14 guest.workloads: the tables of its workloads of pattern zipf, quicksort and trace have 536870912 ' +
        'entries, there is room for 134217728: use smaller regions, shorter traces or fewer vCPUs',
    ]);
    expect(load(yaml.replace('1TiB', '64MiB')).scenario.guest.memory).toBe('64MiB');
  });

  it('is told in bytes where rounded sizes would look alike', () => {
    const image = join(folder, 'image.raw');
    writeFileSync(image, Buffer.alloc(8 * 1024 * 1024 - 1));
    const contents = `contents: [{ kind: file, path: ${image}, region: { size: 8MiB } }]`;
    expect(complaints(withGuest(contents))).toEqual([
      '3:34 guest.contents[0].path: FOLDER/image.raw has 8388607 bytes from offset 0 bytes on, ' +
        'its region 8388608 bytes: give it a region of that size',
    ]);
  });
});
