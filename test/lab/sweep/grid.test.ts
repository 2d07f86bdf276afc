import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { identityOf } from '../../../src/lab/sweep/identity.ts';
import { Sweep } from '../../../src/lab/sweep/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'pageferry-sweep-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const BASE = `name: grid
scenario:
  runtime: virtual
  guest: { memory: 64MiB, backing: versions, workloads: [{ pattern: uniform, rate: 1000 }] }
  link: { bandwidth: 1Gbit/s }
`;

const open = (rest: string, sets: string[] = []): Sweep =>
  new Sweep('grid.yaml', BASE + rest, folder, sets);

/** Returns what a sweep sets at each of its points, as text, and undefined where a condition leaves a point out. */
const pointsOf = (sweep: Sweep): (string | undefined)[] =>
  Array.from({ length: sweep.points }, (_, index) => {
    const point = sweep.point(index);
    if (!point) return undefined;
    const { settings } = sweep.place(index);
    return [...settings.map(({ value }) => String(value)), point.scenario.seed].join(' ');
  });

const valuesOf = (range: string): unknown[] =>
  open(`vary:\n  guest.memory: ${range}\n`).axes[0]!.positions.map(([setting]) => setting!.value);

describe('a grid', () => {
  it('has every combination of the keys that vary, the last one fastest, and its seeds in a row', () => {
    const sweep = open('vary: { guest.vcpus: [1, 2], verify: [off, full] }\nrepeats: 2\n');
    expect(pointsOf(sweep)).toEqual([
      '1 off 1',
      '1 off 2',
      '1 full 1',
      '1 full 2',
      '2 off 1',
      '2 off 2',
      '2 full 1',
      '2 full 2',
    ]);
  });

  it('has keys that vary together, and keys that vary one at a time', () => {
    const zip = 'zip: [{ guest.vcpus: [1, 2], link.latency: [1ms, 2ms] }]\n';
    const each = 'each: { guest.memory: [32MiB, 64MiB], link.bandwidth: [1Gbit/s] }\n';
    expect(pointsOf(open(zip + each))).toEqual([
      '1 1ms 32MiB 1',
      '1 1ms 64MiB 1',
      '1 1ms 1Gbit/s 1',
      '2 2ms 32MiB 1',
      '2 2ms 64MiB 1',
      '2 2ms 1Gbit/s 1',
    ]);
  });

  it('makes scenarios of several files and presets', () => {
    writeFileSync(join(folder, 'own.yaml'), 'guest: { memory: 32MiB }\n');
    const text = 'name: several\nscenarios: [./own.yaml, web-server]\nset: { runtime: virtual }\n';
    const sweep = new Sweep('several.yaml', text, folder);
    expect([0, 1].map((index) => sweep.point(index)!.label)).toEqual(['./own.yaml', 'web-server']);
    expect(sweep.point(0)!.config.guest.memoryBytes).toBe(32 * 2 ** 20);
    expect(sweep.point(1)!.config.runtime).toBe('virtual');
  });

  it('leaves out what its conditions say, which see the defaults and may guard against what is impossible', () => {
    const vary =
      'vary:\n  guest.workloads[0].region.size: [32MiB, 64MiB, 128MiB]\n  guest.vcpus: [1, 2]\n';
    const where = `where: ["guest.workloads[0].region.size <= guest.memory", "guest.vcpus = 1 or guest.workloads[0].region.size < 64MiB"]\n`;
    expect(pointsOf(open(vary + where))).toEqual([
      '32MiB 1 1',
      '32MiB 2 1',
      '64MiB 1 1',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('overrides keys of every point', () => {
    const sweep = open('vary: { guest.vcpus: [1, 2] }\n', ['seed=7', 'guest.vcpus=4']);
    expect([0, 1].map((i) => sweep.point(i)!.config.guest.vcpus)).toEqual([4, 4]);
    expect(sweep.point(0)!.scenario.seed).toBe(7);
  });
});

describe('conditions', () => {
  it.each([
    ['guest.vcpus = 2 and verify = full', ['2 full 1']],
    ['guest.vcpus = 2 and verify = full or verify = off', ['1 off 1', '2 off 1', '2 full 1']],
    ['guest.vcpus != 1', ['2 off 1', '2 full 1']],
    ['guest.memory < 1GiB', ['1 off 1', '1 full 1', '2 off 1', '2 full 1']],
    ['link.latency > 1ms', []],
    ['migration.maxBandwidth = 1MB/s', []],
  ])('%s', (condition, points) => {
    const sweep = open(
      `vary: { guest.vcpus: [1, 2], verify: [off, full] }\nwhere: ['${condition}']\n`,
    );
    expect(pointsOf(sweep).filter((point) => point !== undefined)).toEqual(points);
  });

  it('of what has no order are refused with their place', () => {
    const sweep = open('where: [verify < full]\n');
    expect(() => sweep.point(0)).toThrow(
      'grid.yaml:6:9 where[0]: "replay" and "full" can\'t be put in order: "verify < full"',
    );
  });
});

describe('a range', () => {
  it.each([
    ['{ from: 64MiB, to: 256MiB, steps: 4 }', ['64MiB', '134217728B', '201326592B', '256MiB']],
    ['{ from: 64MiB, to: 1GiB, steps: 3, scale: log }', ['64MiB', '268435456B', '1GiB']],
    ['{ from: 10ms, to: 1s, steps: 3, scale: log }', ['10ms', '100000000ns', '1s']],
    ['{ from: 1, to: 4, steps: 3 }', [1, 3, 4]],
    ['{ from: 0.5, to: 1, steps: 3 }', [0.5, 0.75, 1]],
  ])('%s', (range, values) => {
    expect(valuesOf(range)).toEqual(values);
  });
});

describe('the identity of a run', () => {
  it('is the same however a scenario is written, and another one for another seed', () => {
    const sweep = open('vary: { guest.memory: [64MiB, 65536KiB, 67108864, 32MiB] }\n');
    const ids = [0, 1, 2, 3].map((index) => identityOf(sweep.point(index)!));
    expect(ids.slice(1, 3)).toEqual([ids[0], ids[0]]);
    expect(ids[3]).not.toBe(ids[0]);
    const rates = open('vary: { migration.maxBandwidth: [1GB/s, unlimited] }\n');
    const [slow, fast] = [0, 1].map((index) => identityOf(rates.point(index)!));
    expect(fast).not.toBe(slow);
    const twice = open('repeats: 2\n');
    const [first, second] = [0, 1].map((index) => identityOf(twice.point(index)!));
    expect(second).not.toBe(first);
    expect(identityOf(open('set: { name: other }\n').point(0)!)).toBe(first);
  });
});

describe('a sweep that is wrong is refused with its place', () => {
  it.each([
    [
      'vary: { guest.vcpus: 3 }',
      'grid.yaml:6:22 vary.guest.vcpus: expected a list of values, or a range such as { from: 1GiB, to: 8GiB, steps: 4 }, got 3',
    ],
    [
      'vary: { guest..vcpus: [3] }',
      'grid.yaml:6:23 vary.guest..vcpus: expected a key of a scenario such as guest.workloads[0].rate',
    ],
    [
      'zip: [{ guest.vcpus: [1, 2], link.latency: [1ms] }]',
      'grid.yaml:6:44 zip[0].link.latency: has 1 values, guest.vcpus has 2: keys that vary together have equally many',
    ],
    [
      'vary: { guest.memory: { from: 1MiB, to: 1s, steps: 2 } }',
      'grid.yaml:6:23 vary.guest.memory: from and to must be two numbers, or two quantities of one kind such as 1ms and 1s',
    ],
    [
      'vary: { guest.vcpus: { from: 0, to: 4, steps: 2, scale: log } }',
      'grid.yaml:6:22 vary.guest.vcpus: a range with scale: log must be above 0 at both ends',
    ],
    [
      'where: [guest.vcpus]',
      'grid.yaml:6:9 where[0]: expected a comparison such as guest.vcpus <= 4, with one of <= >= != = < >, got "guest.vcpus"',
    ],
    [
      'vary: { seed: [1, 2] }\nrepeats: 2',
      'grid.yaml:6:15 vary.seed: repeats sets the seeds: leave one of them out',
    ],
    [
      'vary: { guest.vcpus: [1] }\nset: { guest.vcpus: 2 }',
      'grid.yaml:6:22 vary.guest.vcpus: set sets it already',
    ],
    [
      'scenarios: [web-server]',
      'grid.yaml:6:12 scenarios: expected either scenario, which is varied, or scenarios, a list of them',
    ],
    ['repeat: 2', 'grid.yaml:6:1 repeat: unknown key: did you mean repeats?'],
    [
      'set: null',
      'grid.yaml:6:6 set: expected keys of a scenario with a value each, such as { link.latency: 1ms }, got null',
    ],
    [
      'repeats: 1000000\nvary: { guest.vcpus: [1, 2] }',
      'grid.yaml:1:1: the grid has 2000000 points, a sweep has at most 1000000: leave out some values or repeats',
    ],
  ])('%s', (text, message) => {
    expect(() => open(`${text}\n`)).toThrow(message);
  });

  it('also a sweep in place of the scenario that is varied', () => {
    const text = 'name: own\nscenarios: [web-server, ./sweep.yaml]\nrepeats: 2\n';
    writeFileSync(join(folder, 'sweep.yaml'), text);
    expect(() => new Sweep('sweep.yaml', text, folder)).toThrow(
      'sweep.yaml:2:25 scenarios[1]: ./sweep.yaml is a sweep itself, as it has the key scenarios: name a scenario',
    );
  });

  it('also a value that only one point has, with the place of its list and what the point is', () => {
    const sweep = open('vary: { guest.vcpus: [1, many] }\n');
    expect(sweep.point(0)).toBeDefined();
    expect(() => sweep.point(1)).toThrow(
      /^grid\.yaml:6:22 guest\.vcpus: expected a whole number .* got "many" \(at guest\.vcpus = "many"\)$/,
    );
  });
});
