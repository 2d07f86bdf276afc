import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/runtime/config.ts';
import { check } from '../../src/scenario/check.ts';
import type { Problem } from '../../src/scenario/problem.ts';
import { ScenarioDocument } from '../../src/scenario/document.ts';
import { InputError } from '../../src/scenario/input-error.ts';
import { scenarioJsonSchema } from '../../src/scenario/json-schema.ts';
import { type LoadedScenario, loadScenario, presets } from '../../src/scenario/load.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { ResolveError, resolveScenario } from '../../src/scenario/resolve.ts';
import type { Scenario } from '../../src/scenario/schema.ts';
import { nearest } from '../../src/scenario/suggest.ts';
import { MIB } from '../../src/units/brand.ts';
import { KUBEVIRT_DEFAULTS } from '../../src/migration/policies/kubevirt.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';

let folder = '';
let file = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scenario-'));
  file = join(folder, 'scenario.yaml');
  mkdirSync(join(folder, 'traces'));
  writeTraces();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(yaml: string, sets: readonly string[] = []): LoadedScenario {
  writeFileSync(file, yaml);
  return loadScenario(file, sets);
}

/** The lines of the error that loading gives, without the file's name. */
function complaints(yaml: string, sets: readonly string[] = []): string[] {
  try {
    load(yaml, sets);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message
      .split('\n')
      .map((line) => line.replace(`${file}:`, '').replaceAll(folder, 'FOLDER'));
  }
  return [];
}

/** A 64 MiB guest with one workload; the workload begins at line 4, column 7. */
const withWorkload = (workload: string): string =>
  `guest:\n  memory: 64MiB\n  workloads:\n    - ${workload}\n`;
/** A 64 MiB guest and more, from line 2. */
const withMore = (more: string): string => `guest: { memory: 64MiB }\n${more}\n`;
/** A 64 MiB guest with one more key, at line 3, column 3. */
const withGuest = (key: string): string => `guest:\n  memory: 64MiB\n  ${key}\n`;
const withTrace = (trace: string): string => withWorkload(`{ pattern: trace, trace: ${trace} }`);
const MINIMAL = 'guest: { memory: 64MiB }\n';

const HEADER = { format: 'pageferry/trace@1', intervalMs: 10, pageSize: 4096 };

function writeTraces(): void {
  const write = (name: string, lines: readonly unknown[]): void => {
    const content = lines.map((line) => JSON.stringify(line)).join('\n');
    writeFileSync(join(folder, 'traces', name), gzipSync(`${content}\n`));
  };
  write('good', [HEADER, [0, 4, 8, 1], [3, 1], []]);
  write('short', [HEADER, [0, 4, 8, 1]]);
  write('header', [{ ...HEADER, format: 'pageferry/trace@9' }]);
  write('null', [null]);
  write('interval', [{ ...HEADER, intervalMs: 0 }, [0, 1]]);
  write('page-size', [{ ...HEADER, pageSize: '4KiB' }, [0, 1]]);
  write('large-pages', [{ ...HEADER, pageSize: 16384 }, [0, 1]]);
  write('empty', [HEADER]);
  write('odd', [HEADER, [0, 4], [0, 4, 9]]);
  write('map', [HEADER, {}]);
  write('fraction', [HEADER, [0, 1.5]]);
  write('backwards', [HEADER, [0, 4, 2, 1]]);
  write('no-pages', [HEADER, [0, 0]]);
  write('far', [HEADER, [0, 4, 16_384, 1]]);
  write('endless', [HEADER, [0, 2_000_000_000]]);
  const everything = [0, 16_384];
  write('long', [HEADER, ...Array.from({ length: 65_537 }, () => everything)]);
  writeFileSync(join(folder, 'traces', 'text'), gzipSync('hello\n'));
  writeFileSync(join(folder, 'traces', 'plain'), 'hello\n');
}

describe('presets', () => {
  it('are there, each with a summary', () => {
    expect(presets().map(({ name }) => name)).toEqual(
      expect.arrayContaining(['quick', 'redis', 'web-server']),
    );
    for (const { summary } of presets()) expect(summary).toMatch(/\w{3}/);
  });

  it.each(presets().map(({ name }) => name))('%s loads', (name) => {
    const { scenario, config } = loadScenario(name);
    expect(scenario.name).toBe(name);
    expect(config.guest.workloads.length).toBeGreaterThan(0);
  });

  it('can be overridden', () => {
    const { scenario, config } = loadScenario('quick', [
      'guest.workloads[1].rate=max',
      'link.latency=1ms',
      'verify=full',
      'migration={algorithm: stop-and-copy}',
    ]);
    expect(config.guest.workloads[1]!.rate).toBe(Infinity);
    expect(config.link.latencyNs).toBe(1e6);
    expect(config.verify).toBe('full');
    expect(scenario.migration.algorithm).toBe('stop-and-copy');
    expect(scenario.migration.downtimeLimit).toBe('300ms');
  });
});

describe('defaults', () => {
  it('make the shortest scenario complete', () => {
    expect(load(MINIMAL).scenario).toEqual({
      seed: 1,
      runtime: 'threads',
      guest: {
        memory: '64MiB',
        pageSize: '4KiB',
        vcpus: 2,
        dirtyLog: 'bitmap',
        dirtyRingSize: 4096,
        memslots: 1,
        backing: 'bytes',
        contents: [],
        workloads: [],
      },
      link: { bandwidth: '1Gbit/s', latency: '100us', integrity: 'full', outages: [] },
      migration: {
        algorithm: 'precopy',
        policy: 'qemu',
        qemuVersion: '10',
        autoConverge: false,
        throttle: { trigger: 0.5, initial: 0.2, increment: 0.1, max: 0.99, tailSlow: false },
        downtimeLadder: 'none',
        postcopyPreempt: false,
        pseudoPaging: false,
        swapOrder: 'gfn',
        swapReadaheadPages: 1,
        timeoutAction: 'cancel',
        rounds: 30,
        postcopyAfter: 1,
        postcopyBandwidth: 'unlimited',
        postcopyRecovery: true,
        postcopyRecoveryTimeout: '60s',
        pageOrder: 'follow',
        strictRate: false,
        downtimeLimit: '300ms',
        startAfter: '1s',
        runAfter: '1s',
        timeout: '60s',
        encodings: ['zero'],
      },
      costs: { profile: 'kvm' },
      verify: 'replay',
    });
  });

  it('complete contents, workloads, regions and traces', () => {
    const { scenario } = load(`guest:
  memory: 64MiB
  contents: [{ kind: text }]
  workloads:
    - { pattern: zipf, rate: 5, region: { size: 1MiB } }
    - { pattern: trace, trace: { file: traces/good } }
`);
    expect(scenario.guest.contents).toEqual([{ kind: 'text', zeroShare: 0 }]);
    expect(scenario.guest.workloads).toEqual([
      {
        pattern: 'zipf',
        theta: 0.99,
        rate: 5,
        writes: 1,
        wordsPerPage: 1,
        from: '0s',
        region: { start: 0, size: '1MiB' },
      },
      {
        pattern: 'trace',
        trace: { file: 'traces/good', speed: 1, end: 'loop' },
        wordsPerPage: 1,
        from: '0s',
      },
    ]);
  });

  it('are the same for a scenario loaded twice', () => {
    const { scenario } = load(withWorkload('{ pattern: uniform, rate: 3 }'));
    expect(load(JSON.stringify(scenario)).scenario).toEqual(scenario);
  });
});

describe('numbers of a scenario', () => {
  it('are all there, without units', () => {
    const { config } = load(`
name: everything
seed: 9007199254740991
guest:
  memory: 96MiB
  pageSize: 16KiB
  vcpus: 3
  dirtyLog: atomic
  contents:
    - { kind: random, zeroShare: 0.25 }
    - { region: { start: 1MiB, size: 2MiB }, kind: duplicate }
  workloads:
    - { pattern: sequential, rate: 100, wordsPerPage: 4, tick: 10ms }
    - { pattern: zipf, theta: 0.5, rate: max, vcpu: 2, writes: 0.5 }
    - pattern: hotspot
      hotPages: 0.1
      hotAccesses: 0.9
      rate: 1.5
      region: { start: 16KiB, size: 1600KiB }
      from: 1s
      until: 1min
    - { pattern: hotspot, hotPages: 1, hotAccesses: 1, rate: 1 }
    - { pattern: hotspot, hotPages: 0, hotAccesses: 1, rate: 1 }
    - { pattern: stride, stride: 64KiB, rate: 7 }
link: { bandwidth: unlimited, latency: 0, integrity: header }
migration:
  algorithm: precopy
  policy: rounds
  rounds: 3
  maxBandwidth: 80Mbit/s
  strictRate: true
  downtimeLimit: 50ms
  startAfter: 0
  runAfter: 20ms
  timeout: 2min
  encodings: []
verify: full
`);
    const all = { firstGfn: 0, pages: 6144 };
    const usual = { writes: 1, wordsPerPage: 1, fromNs: 0, untilNs: Infinity };
    expect(config).toEqual({
      seed: Number.MAX_SAFE_INTEGER,
      runtime: 'threads',
      costs: COST_PROFILES.kvm,
      guest: {
        memoryBytes: 100_663_296,
        pageSize: 16_384,
        vcpus: 3,
        dirtyLog: 'atomic',
        backing: 'bytes',
        dirtyRingSize: 4096,
        memslots: 1,
        contents: [
          { ...all, kind: 'random', zeroShare: 0.25 },
          { firstGfn: 64, pages: 128, kind: 'duplicate', zeroShare: 0 },
        ],
        workloads: [
          {
            ...all,
            ...usual,
            pattern: { kind: 'sequential' },
            rate: 100,
            wordsPerPage: 4,
            tickNs: 1e7,
          },
          {
            ...all,
            ...usual,
            pattern: { kind: 'zipf', theta: 0.5 },
            rate: Infinity,
            vcpu: 2,
            writes: 0.5,
          },
          {
            firstGfn: 1,
            pages: 100,
            ...usual,
            pattern: { kind: 'hotspot', hotPages: 10, hotAccesses: 0.9 },
            rate: 1.5,
            fromNs: 1e9,
            untilNs: 60e9,
          },
          { ...all, ...usual, pattern: { kind: 'uniform' }, rate: 1 },
          {
            ...all,
            ...usual,
            pattern: { kind: 'hotspot', hotPages: 1, hotAccesses: 1 },
            rate: 1,
          },
          { ...all, ...usual, pattern: { kind: 'stride', stridePages: 4 }, rate: 7 },
        ],
      },
      link: { bytesPerSecond: Infinity, latencyNs: 0, integrity: 'header' },
      migration: {
        algorithm: 'precopy',
        policy: 'rounds',
        qemuVersion: '10',
        preempt: false,
        pseudoPaging: false,
        swapOrder: 'gfn',
        swapReadaheadPages: 1,
        timeoutAction: 'cancel',
        postcopyAfter: 1,
        postcopyBytesPerSecond: Infinity,
        recoverWithinNs: 60e9,
        pageOrder: 'follow',
        rounds: 3,
        maxBytesPerSecond: 1e7,
        strictRate: true,
        downtimeLimitNs: 5e7,
        startAfterNs: 0,
        runAfterNs: 2e7,
        timeoutNs: 120e9,
        encodings: [],
      },
      verify: 'full',
    });
  });

  it('take a limit of the link alone for none of the migration', () => {
    expect(load(MINIMAL).config.migration.maxBytesPerSecond).toBe(Infinity);
    expect(load(MINIMAL).config.link.bytesPerSecond).toBe(125_000_000);
  });

  it('read traces beside the scenario', () => {
    const { config } = load(withTrace('{ file: traces/good, speed: 2, end: hold }'));
    const { pattern, rate, writes } = config.guest.workloads[0]!;
    if (pattern.kind !== 'trace') throw new Error(`expected a trace, got ${pattern.kind}`);
    expect({ speed: pattern.speed, end: pattern.end, rate, writes }).toEqual({
      speed: 2,
      end: 'hold',
      rate: Infinity,
      writes: 1,
    });
    expect(pattern.intervals.intervalNs).toBe(1e7);
    expect(pattern.intervals.endGfn).toBe(9);
    expect(
      pattern.intervals.intervals.map((pages) => [...pages].toSorted((a, b) => a - b)),
    ).toEqual([[0, 1, 2, 3, 8], [3], []]);
  });

  it('read traces from any other folder', () => {
    const absolute = withTrace(`{ file: ${join(folder, 'traces', 'good')} }`);
    expect(load(absolute).config.guest.workloads[0]!.pattern.kind).toBe('trace');
  });
});

describe('--set', () => {
  const scenario = withWorkload('{ pattern: uniform, rate: 3 }');
  const set = (...sets: string[]): Scenario => load(scenario, sets).scenario;

  it('replaces a value', () => {
    expect(set('guest.memory=128MiB').guest.memory).toBe('128MiB');
    expect(set('guest.workloads[0].rate=7').guest.workloads[0]).toMatchObject({ rate: 7 });
  });

  it('adds keys and the maps that they are in', () => {
    expect(set('link.bandwidth=10Gbit/s').link.bandwidth).toBe('10Gbit/s');
    expect(set('guest.workloads[0].region.size=1MiB').guest.workloads[0]!.region).toEqual({
      start: 0,
      size: '1MiB',
    });
  });

  it('appends to a list', () => {
    const added = set('guest.workloads[1]={ pattern: zipf, rate: 2 }');
    expect(added.guest.workloads).toHaveLength(2);
  });

  it('goes on from what an earlier one has set', () => {
    expect(
      set('link={ latency: 1ms }', 'link.bandwidth=2Gbit/s', 'link.latency=2ms').link,
    ).toMatchObject({ bandwidth: '2Gbit/s', latency: '2ms' });
  });

  it('reads values as YAML, up to the first equals sign', () => {
    expect(set('name="a = b"').name).toBe('a = b');
    expect(set('migration.strictRate=true').migration.strictRate).toBe(true);
    expect(set('migration.encodings=[]').migration.encodings).toEqual([]);
  });

  it('fills an empty scenario and an empty key', () => {
    expect(load('', ['guest.memory=16MiB']).scenario.guest.memory).toBe('16MiB');
    expect(load('~\n', ['guest.memory=16MiB']).scenario.guest.memory).toBe('16MiB');
    expect(load(withMore('link:'), ['link.latency=1ms']).scenario.link.latency).toBe('1ms');
  });

  it('changes one place of a value that aliases repeat', () => {
    const { guest } = load(
      withGuest(
        'workloads:\n    - &one { pattern: uniform, rate: 3, region: { size: 4KiB } }\n    - *one',
      ),
      ['guest.workloads[1].region.size=8KiB'],
    ).scenario;
    expect(guest.workloads.map(({ region }) => region?.size)).toEqual(['4KiB', '8KiB']);
  });
});

type Row = readonly [what: string, yaml: string, ...complaints: string[]];

const PATTERNS = 'expected pattern sequential, uniform, zipf, hotspot, stride, quicksort or trace';
const RATE = 'expected a rate such as 1Gbit/s or 100MB/s, or unlimited';
const ACCESSES = 'expected page accesses a second, a number above 0 such as 20000, or max';
const TOP_KEYS = 'expected one of name, seed, runtime, guest, link, migration, costs, verify';
const PAGE_SIZES = 'expected 4KiB, 16KiB, 64KiB or 2MiB';
const SEED = 'expected a whole number from 0 to 9007199254740991';
const KINDS = 'expected kind zero, random, text, duplicate, mixed or file';

describe('unknown keys', () => {
  it.each<Row>([
    ['at the top', withMore('sede: 3'), '2:1 sede: unknown key: did you mean seed?'],
    ['far from any other', withMore('abcdefgh: 3'), `2:1 abcdefgh: unknown key: ${TOP_KEYS}`],
    ['of the guest', withGuest('vcpu: 3'), '3:3 guest.vcpu: unknown key: did you mean vcpus?'],
    [
      'of the link',
      withMore('link: { latency: 1ms, bandwith: 1Gbit/s }'),
      '2:23 link.bandwith: unknown key: did you mean bandwidth?',
    ],
    [
      'in other letters',
      withMore('migration:\n  downtimelimit: 3ms'),
      '3:3 migration.downtimelimit: unknown key: did you mean downtimeLimit?',
    ],
    [
      'of contents',
      withGuest('contents:\n    - { kind: text, zeroshare: 1 }'),
      '4:21 guest.contents[0].zeroshare: unknown key: did you mean zeroShare?',
    ],
    [
      'of a region',
      withWorkload('{ pattern: uniform, rate: 1, region: { strat: 0, size: 4KiB } }'),
      '4:46 guest.workloads[0].region.strat: unknown key: did you mean start?',
    ],
    [
      'of a workload, known by its pattern',
      withWorkload('{ pattern: zipf, rate: 10, thetta: 1 }'),
      '4:34 guest.workloads[0].thetta: unknown key: did you mean theta?',
    ],
    [
      'of another pattern',
      withWorkload('{ pattern: uniform, rate: 10, theta: 1 }'),
      '4:37 guest.workloads[0].theta: unknown key: expected one of pattern, region, vcpu, ' +
        'wordsPerPage, from, until, frees, rate, writes, tick',
    ],
    [
      'of a trace',
      withTrace('{ file: traces/good, sped: 2 }'),
      '4:53 guest.workloads[0].trace.sped: unknown key: did you mean speed?',
    ],
    ['that are numbers', withMore('3: 4'), `2:1 3: unknown key: ${TOP_KEYS}`],
    [
      'named as a prototype is',
      withMore('__proto__: 4'),
      `2:1 __proto__: unknown key: ${TOP_KEYS}`,
    ],
    [
      'repeated by an alias, at the alias',
      'guest: &it { memory: 64MiB }\nlink: *it\n',
      '2:7 link.memory: unknown key: expected one of bandwidth, latency, integrity, outages',
    ],
    [
      'after a byte order mark and with Windows line ends',
      '\uFEFFguest:\r\n  memory: 64MiB\r\n  vcpu: 3\r\n',
      '3:3 guest.vcpu: unknown key: did you mean vcpus?',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});

describe('missing keys', () => {
  it.each<Row>([
    ['the guest', 'seed: 2\n', '1:1 guest: is missing: expected a map of keys'],
    ['everything', '', '1:1 guest: is missing: expected a map of keys'],
    ['everything but a comment', '# to be done\n', '1:1 guest: is missing: expected a map of keys'],
    [
      'its memory',
      'guest:\n  vcpus: 2\n',
      '2:3 guest.memory: is missing: expected a size above 0 such as 64MiB',
    ],
    [
      "a workload's pattern",
      withWorkload('{ rate: 10 }'),
      `4:7 guest.workloads[0].pattern: is missing: ${PATTERNS}`,
    ],
    [
      "a workload's rate",
      withWorkload('{ pattern: uniform }'),
      `4:7 guest.workloads[0].rate: is missing: ${ACCESSES}`,
    ],
    [
      'a stride',
      withWorkload('{ pattern: stride, rate: 3 }'),
      '4:7 guest.workloads[0].stride: is missing: expected a size above 0 such as 64MiB',
    ],
    [
      'the shares of a hot spot',
      withWorkload('{ pattern: hotspot, rate: 3 }'),
      '4:7 guest.workloads[0].hotPages: is missing: expected a share from 0 to 1',
      '4:7 guest.workloads[0].hotAccesses: is missing: expected a share from 0 to 1',
    ],
    [
      'the trace',
      withWorkload('{ pattern: trace }'),
      '4:7 guest.workloads[0].trace: is missing: expected a map of keys',
    ],
    [
      "the trace's file",
      withTrace('{ speed: 1 }'),
      '4:32 guest.workloads[0].trace.file: is missing: expected the name of a trace file',
    ],
    [
      "a region's size",
      withWorkload('{ pattern: uniform, rate: 3, region: { start: 0 } }'),
      '4:44 guest.workloads[0].region.size: is missing: expected a size above 0 such as 64MiB',
    ],
    [
      'the kind of contents',
      withGuest('contents:\n    - { zeroShare: 1 }'),
      `4:7 guest.contents[0].kind: is missing: ${KINDS}`,
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});

describe('wrong values', () => {
  it.each<Row>([
    ['a list for a scenario', '- guest\n', '1:1: expected a map of keys'],
    ['a word for a scenario', 'hello\n', '1:1: expected a map of keys'],
    ['a list for a map', 'guest: [1]\n', '1:8 guest: expected a map of keys'],
    ['a word for a map', withMore('link: 1Gbit/s'), '2:7 link: expected a map of keys'],
    [
      'a map for a list',
      withGuest('workloads: { pattern: uniform }'),
      '3:14 guest.workloads: expected a list of workloads',
    ],
    [
      'a word for a list',
      withGuest('contents: zero'),
      '3:13 guest.contents: expected a list of contents',
    ],
    [
      'a word in a list of maps',
      withGuest('contents: [zero]'),
      '3:14 guest.contents[0]: expected a map of keys',
    ],
    [
      'a word for a workload',
      withWorkload('uniform'),
      '4:7 guest.workloads[0]: expected a map of keys',
    ],
    [
      'a word for a trace',
      withTrace('traces/good'),
      '4:32 guest.workloads[0].trace: expected a map of keys',
    ],
    [
      'a word for encodings',
      withMore('migration: { encodings: zero }'),
      '2:25 migration.encodings: expected a list such as [zero]',
    ],
    ['a number for a name', withMore('name: 12'), '2:7 name: expected text, got 12'],
    [
      'a number for a file',
      withTrace('{ file: 3 }'),
      '4:40 guest.workloads[0].trace.file: expected the name of a trace file, got 3',
    ],
    [
      'a word for a flag',
      withMore('migration: { strictRate: yes }'),
      '2:26 migration.strictRate: expected true or false, got "yes"',
    ],
    ['a word for a number', withMore('seed: abc'), `2:7 seed: ${SEED}, got "abc"`],
    ['a fraction', withMore('seed: 1.5'), `2:7 seed: ${SEED}, got 1.5`],
    ['a number below the range', withMore('seed: -1'), `2:7 seed: ${SEED}, got -1`],
    ['a number without end', withMore('seed: .inf'), `2:7 seed: ${SEED}, got Infinity`],
    [
      'no vCPU',
      withGuest('vcpus: 0'),
      '3:10 guest.vcpus: expected a whole number from 1 to 256, got 0',
    ],
    [
      'too many vCPUs',
      withGuest('vcpus: 257'),
      '3:10 guest.vcpus: expected a whole number from 1 to 256, got 257',
    ],
    [
      'a quoted number',
      withGuest('vcpus: "2"'),
      '3:10 guest.vcpus: expected a whole number from 1 to 256, got "2"',
    ],
    [
      'rounds',
      withMore('migration: { rounds: 0 }'),
      '2:22 migration.rounds: expected a whole number from 1 to 10000, got 0',
    ],
    [
      'a misspelt dirty log',
      withGuest('dirtyLog: bitmp'),
      '3:13 guest.dirtyLog: expected bitmap or bytemap or atomic or ring or none, got "bitmp"',
    ],
    [
      'a misspelt pattern',
      withWorkload('{ pattern: zpif, rate: 1 }'),
      `4:18 guest.workloads[0].pattern: ${PATTERNS}, got "zpif"`,
    ],
    [
      'a misspelt encoding',
      withMore('migration: { encodings: [zero, zeros] }'),
      '2:32 migration.encodings[1]: expected zero, got "zeros"',
    ],
    [
      'a misspelt end of a trace',
      withTrace('{ file: traces/good, end: stop }'),
      '4:58 guest.workloads[0].trace.end: expected loop or hold, got "stop"',
    ],
    [
      'a misspelt proof',
      withMore('verify: replays'),
      '2:9 verify: expected replay or full or off, got "replays"',
    ],
    [
      'a size in a unit of rate',
      'guest:\n  memory: 64MB/s\n',
      '2:11 guest.memory: expected a size such as 64MiB, got "64MB/s"',
    ],
    [
      'a size in no known unit',
      'guest: { memory: 64Mib }\n',
      '1:18 guest.memory: expected a size such as 64MiB, got "64Mib"',
    ],
    [
      'no memory',
      'guest: { memory: 0 }\n',
      '1:18 guest.memory: expected a size above 0 such as 64MiB, got 0',
    ],
    [
      'memory below nothing',
      'guest: { memory: -5 }\n',
      '1:18 guest.memory: expected a size such as 64MiB, got -5',
    ],
    [
      'true for a size',
      'guest: { memory: true }\n',
      '1:18 guest.memory: expected a size above 0 such as 64MiB, got true',
    ],
    [
      'nothing for a size',
      'guest:\n  memory:\n',
      '2:10 guest.memory: expected a size above 0 such as 64MiB, got null',
    ],
    [
      'no number for a size',
      'guest: { memory: .nan }\n',
      '1:18 guest.memory: expected a size above 0 such as 64MiB, got NaN',
    ],
    [
      'a rate in a unit of size',
      withMore('link: { bandwidth: 1GiB }'),
      `2:20 link.bandwidth: ${RATE}, got "1GiB"`,
    ],
    [
      'a rate in no known unit',
      withMore('link: { bandwidth: 1Gbps }'),
      `2:20 link.bandwidth: ${RATE}, got "1Gbps"`,
    ],
    [
      'a rate without a unit',
      withMore('link: { bandwidth: 1000000 }'),
      `2:20 link.bandwidth: ${RATE}, got 1000000`,
    ],
    [
      'a rate of nothing',
      withMore('migration: { maxBandwidth: 0MB/s }'),
      `2:28 migration.maxBandwidth: ${RATE}, got "0MB/s"`,
    ],
    [
      'a list for a rate',
      withMore('link: { bandwidth: [1] }'),
      `2:20 link.bandwidth: ${RATE}, got [1]`,
    ],
    [
      'a duration without a unit',
      withMore('link: { latency: 100 }'),
      '2:18 link.latency: expected a duration such as 300ms or 10s, got 100',
    ],
    [
      'a duration in a unit of size',
      withMore('link: { latency: 1MiB }'),
      '2:18 link.latency: expected a duration such as 300ms or 10s, got "1MiB"',
    ],
    [
      'a duration of nothing where there has to be one',
      withMore('migration: { timeout: 0 }'),
      '2:23 migration.timeout: expected a duration above 0 such as 300ms or 10s, got 0',
    ],
    [
      'a map for a duration',
      withMore('migration: { timeout: { s: 1 } }'),
      '2:23 migration.timeout: expected a duration above 0 such as 300ms or 10s, got {"s":1}',
    ],
    [
      'a rate of nothing for a workload',
      withWorkload('{ pattern: uniform, rate: 0 }'),
      `4:33 guest.workloads[0].rate: ${ACCESSES}, got 0`,
    ],
    [
      'a rate with a unit for a workload',
      withWorkload('{ pattern: uniform, rate: 10/s }'),
      `4:33 guest.workloads[0].rate: ${ACCESSES}, got "10/s"`,
    ],
    [
      'a share above 1',
      withWorkload('{ pattern: uniform, rate: 3, writes: 2 }'),
      '4:44 guest.workloads[0].writes: expected a share from 0 to 1, got 2',
    ],
    [
      'a share in percent',
      withGuest('contents:\n    - { kind: text, zeroShare: 10% }'),
      '4:32 guest.contents[0].zeroShare: expected a share from 0 to 1, got "10%"',
    ],
    [
      'theta out of its range',
      withWorkload('{ pattern: zipf, rate: 3, theta: 11 }'),
      '4:40 guest.workloads[0].theta: expected a number from 0 to 10, got 11',
    ],
    [
      'a word for theta',
      withWorkload('{ pattern: zipf, rate: 3, theta: a }'),
      '4:40 guest.workloads[0].theta: expected a number such as 0.99, got "a"',
    ],
    [
      'a trace at no speed',
      withTrace('{ file: traces/good, speed: 0 }'),
      '4:60 guest.workloads[0].trace.speed: expected a factor above 0, got 0',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it('are all told at once', () => {
    expect(complaints('guest:\n  vcpus: 0\nsede: 1\n')).toEqual([
      '2:3 guest.memory: is missing: expected a size above 0 such as 64MiB',
      '2:10 guest.vcpus: expected a whole number from 1 to 256, got 0',
      '3:1 sede: unknown key: did you mean seed?',
    ]);
  });
});

const withMemory = (memory: string, availableBytes: number): RunConfig => {
  const { scenario } = load(MINIMAL);
  const sized = { ...scenario, guest: { ...scenario.guest, memory } };
  return resolveScenario(sized, folder, availableBytes);
};
const problemWith = (memory: string, availableBytes: number): Problem | undefined => {
  try {
    withMemory(memory, availableBytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    return error.problem;
  }
};

describe('impossible scenarios', () => {
  it.each<Row>([
    [
      'memory that pages do not fill',
      'guest: { memory: 5000 }\n',
      '1:18 guest.memory: 5000 is no multiple of the page size, 4 KiB',
    ],
    [
      'memory that large pages do not fill',
      'guest: { memory: 65MiB, pageSize: 2MiB }\n',
      '1:18 guest.memory: "65MiB" is no multiple of the page size, 2 MiB',
    ],
    [
      'a page size that no machine has',
      withGuest('pageSize: 8KiB'),
      `3:13 guest.pageSize: ${PAGE_SIZES}, got "8KiB"`,
    ],
    [
      'a page size that is no size',
      withGuest('pageSize: big'),
      `3:13 guest.pageSize: ${PAGE_SIZES}, got "big"`,
    ],
    [
      'a list for a page size',
      withGuest('pageSize: [4KiB]'),
      '3:13 guest.pageSize: expected a page size of 4KiB, 16KiB, 64KiB or 2MiB, got ["4KiB"]',
    ],
    [
      'a region beyond the memory',
      withWorkload('{ pattern: uniform, rate: 3, region: { start: 60MiB, size: 8MiB } }'),
      "4:44 guest.workloads[0].region: ends at 68 MiB, beyond the guest's 64 MiB",
    ],
    [
      'contents beyond the memory',
      withGuest('contents:\n    - { kind: text, region: { start: 48MiB, size: 17MiB } }'),
      "4:29 guest.contents[0].region: ends at 65 MiB, beyond the guest's 64 MiB",
    ],
    [
      'a region that begins within a page',
      withWorkload('{ pattern: uniform, rate: 3, region: { start: 100, size: 8MiB } }'),
      '4:53 guest.workloads[0].region.start: is no multiple of the page size, 4 KiB',
    ],
    [
      'a region that ends within a page',
      withWorkload('{ pattern: uniform, rate: 3, region: { size: 5KiB } }'),
      '4:52 guest.workloads[0].region.size: is no multiple of the page size, 4 KiB',
    ],
    [
      'an empty region',
      withWorkload('{ pattern: uniform, rate: 3, region: { size: 0 } }'),
      '4:52 guest.workloads[0].region.size: expected a size above 0 such as 64MiB, got 0',
    ],
    [
      'a vCPU that the guest does not have',
      withWorkload('{ pattern: uniform, rate: 3, vcpu: 2 }'),
      '4:42 guest.workloads[0].vcpu: the guest has 2 vCPUs, numbered from 0',
    ],
    [
      'more words than a page has',
      withWorkload('{ pattern: uniform, rate: 3, wordsPerPage: 513 }'),
      '4:50 guest.workloads[0].wordsPerPage: 513 words take 4104 bytes, a page has 4096',
    ],
    [
      'more words than any page has',
      withWorkload('{ pattern: uniform, rate: 3, wordsPerPage: 1000000 }'),
      '4:50 guest.workloads[0].wordsPerPage: expected a whole number from 1 to 8192, got 1000000',
    ],
    [
      'more words of all streams than a page has',
      withGuest('vcpus: 64\n  workloads: [{ pattern: uniform, rate: 3, wordsPerPage: 64 }]'),
      '4:14 guest.workloads: the words of all streams over a page take 4608 bytes, a page has ' +
        '4096: use fewer words per page, fewer vCPUs, or regions that do not overlap',
    ],
    [
      'an end before the beginning',
      withWorkload('{ pattern: uniform, rate: 3, from: 2s, until: 1s }'),
      '4:53 guest.workloads[0].until: must be later than from ("2s")',
    ],
    [
      'an end at the beginning',
      withWorkload('{ pattern: uniform, rate: 3, from: 1s, until: 1000ms }'),
      '4:53 guest.workloads[0].until: must be later than from ("1s")',
    ],
    [
      'ticks at full speed',
      withWorkload('{ pattern: uniform, rate: max, tick: 1ms }'),
      '4:44 guest.workloads[0].tick: a workload of rate max has no ticks: leave it out, or give ' +
        'a rate',
    ],
    [
      'a stride of parts of a page',
      withWorkload('{ pattern: stride, rate: 3, stride: 100 }'),
      '4:43 guest.workloads[0].stride: is no multiple of the page size, 4 KiB',
    ],
    [
      'pre-copy without a dirty log',
      withGuest('dirtyLog: none'),
      '3:13 guest.dirtyLog: pre-copy needs a dirty log: choose bitmap, bytemap, atomic or ring, ' +
        'or algorithm stop-and-copy or postcopy',
    ],
    [
      'a link with too much under way',
      withMore('link: { bandwidth: 10Gbit/s, latency: 1s }'),
      '2:39 link.latency: "10Gbit/s" × "1s" is more under way than a ring of 64 MiB holds: lower ' +
        'one of them',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it('a guest of more memory than the machine has', () => {
    expect(problemWith('64MiB', 640 * MIB)).toBeUndefined();
    expect(problemWith('64MiB', 600 * MIB)).toEqual({
      path: ['guest', 'memory'],
      sentence:
        'source and destination of 64 MiB and the runtime need 640 MiB, this machine has ' +
        '600 MiB free: choose a smaller guest',
    });
    expect(complaints('guest: { memory: 4000TiB }\n')).toEqual([
      expect.stringMatching(/^1:18 guest\.memory: .*, this machine has .* free: choose a smaller/),
    ]);
  });

  it('a memory image that is not there, or shorter than its region', () => {
    const withImage = (path: string): string =>
      withGuest(`contents: [{ kind: file, path: ${path}, region: { size: 8MiB } }]`);
    expect(complaints(withImage('/no/such.raw'))).toEqual([
      '3:34 guest.contents[0].path: /no/such.raw is not there',
    ]);
    expect(complaints(withImage(import.meta.filename))).toEqual([
      expect.stringMatching(/from offset 0 B on, its region 8 MiB: give it a region of that size$/),
    ]);
  });

  it('everything that is impossible is told at once', () => {
    const yaml = withGuest('dirtyLog: none\n  contents: [{ kind: text, region: { size: 1GiB } }]');
    expect(complaints(yaml)).toHaveLength(2);
    expect(check(load(MINIMAL).scenario)).toEqual([]);
  });
});

describe('a memory manager', () => {
  const managed = (manager: string, rest = ''): string =>
    `guest:\n  memory: 64MiB\n  vcpus: 1\n  memoryManager: ${manager}\n${rest}`;

  it('becomes what the guest gets', () => {
    const manager =
      '{ kernel: 4MiB, used: [{ start: 4MiB, size: 1MiB }], cache: [{ start: 8MiB, size: 2MiB }], ' +
      'cacheReclaimShare: 0.25, selfBallooning: { interval: 2s, share: 0.5 }, release: cache }';
    const { guest } = load(managed(manager)).config;
    expect(guest.memoryManager).toEqual({
      kernelPages: 1024,
      used: [{ firstGfn: 1024, pages: 256 }],
      cache: [{ firstGfn: 2048, pages: 512 }],
      deflatePages: 128,
      cacheReclaimShare: 0.25,
      release: 'cache',
      ballooning: { intervalNs: 2e9, share: 0.5, holdOff: 10 },
    });
  });

  it('is given what its workloads free, and how often references are looked at', () => {
    const rest = '  lruScan: 1s\n  workloads: [{ pattern: quicksort, rate: 9, frees: 3s }]\n';
    const { guest } = load(managed('{}', rest)).config;
    expect(guest).toMatchObject({ lruScanNs: 1e9, workloads: [{ freesNs: 3e9, writes: 1 }] });
  });

  const NEEDED = 'needs guest.memoryManager, which knows what is free: add it, or leave this out';
  it.each<Row>([
    [
      'a kernel of half a page',
      managed('{ kernel: 2KiB }'),
      '4:28 guest.memoryManager.kernel: is no multiple of the page size, 4 KiB',
    ],
    [
      'a kernel larger than the guest',
      managed('{ kernel: 128MiB }'),
      "4:28 guest.memoryManager.kernel: is more than the guest's 64 MiB",
    ],
    [
      'a region beyond the guest',
      managed('{ cache: [{ start: 63MiB, size: 2MiB }] }'),
      "4:28 guest.memoryManager.cache[0]: ends at 65 MiB, beyond the guest's 64 MiB",
    ],
    [
      'a region of half a page',
      managed('{ used: [{ start: 1MiB, size: 2KiB }] }'),
      '4:27 guest.memoryManager.used[0]: is no multiple of the page size, 4 KiB',
    ],
    [
      'a region for a list',
      managed('{ used: 1MiB }'),
      '4:26 guest.memoryManager.used: expected a list of regions of memory in use',
    ],
    [
      'an interval without a unit',
      managed('{ selfBallooning: { interval: 5 } }'),
      '4:48 guest.memoryManager.selfBallooning.interval: expected a duration such as 300ms or 10s, got 5',
    ],
    [
      'something else to release',
      managed('{ release: all }'),
      '4:29 guest.memoryManager.release: expected none or free or cache, got "all"',
    ],
    [
      'workloads over the same pages',
      managed(
        '{}',
        '  workloads:\n    - { pattern: uniform, rate: 9 }\n    - { pattern: uniform, rate: 9 }\n',
      ),
      '7:7 guest.workloads[1]: overlaps workload 0: with a memoryManager each page belongs to one workload',
    ],
    [
      'a workload of several vCPUs',
      'guest:\n  memory: 64MiB\n  memoryManager: {}\n  workloads:\n    - { pattern: uniform, rate: 9 }\n',
      '5:7 guest.workloads[0]: of a guest with a memoryManager needs a vcpu: name the one that does it',
    ],
    [
      'frees without one',
      withWorkload('{ pattern: uniform, rate: 9, frees: 1s }'),
      `4:43 guest.workloads[0].frees: ${NEEDED}`,
    ],
    [
      'pseudo-paging without one',
      withMore('migration: { algorithm: postcopy, pseudoPaging: true }'),
      `2:49 migration.pseudoPaging: ${NEEDED}`,
    ],
    [
      'pseudo-paging of pre-copy',
      managed('{}', 'migration: { pseudoPaging: true }\n'),
      '5:28 migration.pseudoPaging: is of post-copy, the migration is precopy: leave it out',
    ],
    [
      'an order of references that nobody looks at',
      withMore('migration: { algorithm: postcopy, swapOrder: lru }'),
      '2:46 migration.swapOrder: needs guest.lruScan, how often the guest looks which pages were referenced',
    ],
    [
      'an order of post-copy with pre-copy',
      withMore('migration: { swapOrder: allocation, swapReadaheadPages: 8 }'),
      '2:25 migration.swapOrder: is of post-copy, the migration is precopy: leave it out',
      '2:57 migration.swapReadaheadPages: is of post-copy, the migration is precopy: leave it out',
    ],
    [
      'a queue of no pages that is discarded',
      withMore(
        'migration: { algorithm: hybrid, pageOrder: bubbling, bubbling: { discardsQueue: true } }',
      ),
      '2:81 migration.bubbling.discardsQueue: needs queuePages, how many pages the queue has: add it, or leave this out',
    ],
    [
      'page cache in the kernel',
      managed('{ kernel: 2MiB, cache: [{ start: 1MiB, size: 2MiB }] }'),
      '4:42 guest.memoryManager.cache[0]: overlaps what is in use throughout (kernel or used): it would be no page cache',
    ],
    [
      'a region that ends a page too late',
      managed('{ used: [{ start: 64MiB, size: 4KiB }] }'),
      "4:27 guest.memoryManager.used[0]: ends at byte 67112960, beyond the guest's 67108864",
    ],
    [
      'a look at references every nanosecond',
      withGuest('lruScan: 1ns'),
      '3:12 guest.lruScan: expected a duration of 1ms or more, such as 300ms or 10s, got "1ns"',
    ],
    [
      'a queue for nothing',
      withMore('migration: { pageOrder: bubbling, bubbling: { queuePages: -1 } }'),
      '2:59 migration.bubbling.queuePages: expected a whole number from 0 to 1000000, got -1',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});

describe('traces that can not be used', () => {
  it.each([
    ['gone', 'FOLDER/traces/gone is not there'],
    ['.', "FOLDER/traces can't be read (EISDIR)"],
    ['plain', 'traces/plain is not a gzip file of a page trace'],
    ['text', 'traces/text line 1: is not JSON'],
    ['header', 'traces/header line 1: expected a header with format "pageferry/trace@1"'],
    ['null', 'traces/null line 1: expected a header with format "pageferry/trace@1"'],
    ['interval', 'traces/interval line 1: expected intervalMs, a number of milliseconds above 0'],
    ['page-size', 'traces/page-size line 1: expected pageSize, a number of bytes'],
    ['empty', 'traces/empty has no interval'],
    ['odd', 'traces/odd line 3: expected [gfnStart, count, ...] pairs'],
    ['map', 'traces/map line 2: expected [gfnStart, count, ...] pairs'],
    ['fraction', 'traces/fraction line 2: expected [gfnStart, count, ...] pairs'],
    ['backwards', 'traces/backwards line 2: runs must be ascending, disjoint and not empty'],
    ['no-pages', 'traces/no-pages line 2: runs must be ascending, disjoint and not empty'],
    [
      'large-pages',
      "traces/large-pages was taken with pages of 16384 bytes, the guest's have 4096",
    ],
    ['far', 'traces/far names page 16384, the region has 16384 pages'],
    ['endless', 'traces/endless names page 1999999999, the region has 16384 pages'],
    ['long', 'traces/long makes 1073758208 accesses, a memslot has room for 1073741824'],
  ])('%s', (name, sentence) => {
    expect(complaints(withTrace(`{ file: traces/${name} }`))).toEqual([
      `4:40 guest.workloads[0].trace.file: ${sentence}`,
    ]);
  });

  it('beyond a region that is smaller than memory', () => {
    const yaml = withWorkload(
      '{ pattern: trace, region: { size: 32KiB }, trace: { file: traces/good } }',
    );
    expect(complaints(yaml)).toEqual([
      '4:65 guest.workloads[0].trace.file: traces/good names page 8, the region has 8 pages',
    ]);
  });

  it.each([
    ['gone', 'FOLDER/traces/gone is not there'],
    ['far', 'traces/far names page 16384, the region has 16384 pages'],
    ['short', 'traces/short has other intervals than traces/good: both come from one run'],
  ])('touched pages: %s', (name, sentence) => {
    expect(complaints(withTrace(`{ file: traces/good, touched: traces/${name} }`))).toEqual([
      `4:62 guest.workloads[0].trace.touched: ${sentence}`,
    ]);
  });

  it.each(['rate: 3', 'writes: 1', 'tick: 1ms'])('with a pace of another kind: %s', (key) => {
    const yaml = withWorkload(`{ pattern: trace, trace: { file: traces/good }, ${key} }`);
    expect(complaints(yaml)).toEqual([
      `4:55 guest.workloads[0].${key.split(':')[0]}: a trace has its own pace and its own ` +
        'writes: leave it out',
    ]);
  });
});

describe('costs and policies of the virtual runtime', () => {
  const config = (yaml: string): RunConfig => load(withMore(yaml)).config;

  it('come from a profile, but for what is given', () => {
    const { costs, runtime } = config(
      'runtime: virtual\ncosts: { profile: qemu-tcg, access: 7ns, rawSend: 1GB/s, windowLagPerMB: 2us }',
    );
    expect(runtime).toBe('virtual');
    expect(costs).toEqual({
      ...COST_PROFILES['qemu-tcg'],
      accessNs: 7,
      rawSendBytesPerSecond: 1e9,
      firstSendBytesPerSecond: 1e9,
      windowLagNsPerByte: 0.002,
    });
  });

  it.each(['7.2', '"7.2"'])('take the version %s as it is written', (version) => {
    expect(config(`migration: { qemuVersion: ${version} }`).migration.qemuVersion).toBe('7.2');
  });

  it('turn those of managers and limits into numbers', () => {
    const { migration } = config(
      'migration: { algorithm: hybrid, downtimeLadder: kubevirt-stall, kubevirt: { maxDowntime: 2s } }',
    );
    expect(migration.kubevirt).toEqual({
      ...KUBEVIRT_DEFAULTS,
      allowPostCopy: true,
      maxDowntimeMs: 2000,
    });
  });

  it('take all their keys', () => {
    const { migration } = config(
      'migration: { algorithm: hybrid, autoConverge: true, throttle: { max: 0.5, tailSlow: true }, downtimeLadder: nova, availSwitchoverBandwidth: 1GB/s, postcopyPreempt: true, qemuVersion: "7.2", postcopyAfter: 0 }',
    );
    expect(migration).toMatchObject({
      autoConverge: { trigger: 0.5, initial: 0.2, increment: 0.1, max: 0.5, tailSlow: true },
      manager: 'nova',
      availSwitchoverBytesPerSecond: 1e9,
      preempt: true,
      qemuVersion: '7.2',
      postcopyAfter: 0,
    });
  });

  it.each<Row>([
    [
      'an unknown profile',
      withMore('costs: { profile: vax }'),
      '2:19 costs.profile: expected kvm or qemu-tcg or none, got "vax"',
    ],
    [
      'an access of no time',
      withMore('costs: { access: 0ns }'),
      '2:18 costs.access: expected a duration above 0 such as 300ms or 10s, got "0ns"',
    ],
    [
      'a rate without a unit',
      withMore('costs: { rawSend: 5 }'),
      '2:19 costs.rawSend: expected a rate such as 1Gbit/s or 100MB/s, or unlimited, got 5',
    ],
    [
      'a trigger above 1',
      withMore('migration: { throttle: { trigger: 50 } }'),
      '2:35 migration.throttle.trigger: expected a share from 0 to 1, got 50',
    ],
    [
      'a throttle that takes all',
      withMore('migration: { throttle: { initial: 1 } }'),
      '2:35 migration.throttle.initial: expected a share from 0.01 to 0.99, got 1',
    ],
    [
      'a throttle that begins beyond its end',
      withMore('migration: { autoConverge: true, throttle: { initial: 0.9, max: 0.3 } }'),
      '2:65 migration.throttle.max: must not be less than initial (0.9)',
    ],
    [
      'a setting of another policy',
      withMore('migration: { policy: xen, autoConverge: true }'),
      '2:41 migration.autoConverge: is a setting of policy qemu, the migration has policy xen: leave it out',
    ],
    [
      'a dirty limit without a ring',
      withMore('migration: { dirtyLimit: 1MB/s }'),
      '2:26 migration.dirtyLimit: needs guest.dirtyLog: ring, which counts by vCPU, got bitmap',
    ],
    [
      'a factor below 1',
      withMore('migration: { kubevirt: { precopyPossibleFactor: 0.5 } }'),
      '2:49 migration.kubevirt.precopyPossibleFactor: expected a factor of 1 or more, got 0.5',
    ],
    [
      'versions in real time',
      withGuest('backing: versions'),
      '3:12 guest.backing: versions stand for pages in the virtual runtime alone: set runtime: virtual',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it('versions have no image', () => {
    const yaml = `runtime: virtual\nguest: { memory: 64MiB, backing: versions, contents: [{ kind: file, path: x }] }\n`;
    expect(complaints(yaml)).toEqual([
      '2:63 guest.contents[0].kind: an image has bytes, which backing versions does not keep: use backing: bytes',
    ]);
  });
});

describe('what is not built yet', () => {
  it.each<Row>(
    ['xbzrle', 'zstd', 'lz4'].map((encoding): Row => [
      `encoding ${encoding}`,
      withMore(`migration: { encodings: [${encoding}] }`),
      `2:26 migration.encodings[0]: "${encoding}" is not built yet: expected zero`,
    ]),
  )('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});

describe('what is not YAML', () => {
  it.each<Row>([
    [
      'a map without an end',
      'guest: { memory: 64MiB\n',
      '2:1: Flow map in block collection must be sufficiently indented and end with a }',
    ],
    [
      'keys at different columns',
      'guest:\n  memory: 64MiB\n vcpus: 2\n',
      '3:1: All mapping items must start at the same column',
    ],
    ['tabs', 'guest:\n\tmemory: 64MiB\n', '2:1: Tabs are not allowed as indentation'],
    ['a key twice', withMore('seed: 3\nseed: 4'), '3:1: this key is there twice: leave one out'],
    [
      'a key twice, nested',
      'guest: { memory: 64MiB, memory: 32MiB }\n',
      '1:25: this key is there twice: leave one out',
    ],
    [
      'two documents',
      `${MINIMAL}---\n${MINIMAL}`,
      '2:1: a second document begins here: one file is one scenario',
    ],
    ['an alias of nothing', 'guest: *it\n', '1:8: *it has no &it before it'],
    [
      'an alias within itself',
      'guest: &it { memory: *it }\n',
      '1:22: *it stands within what it repeats',
    ],
    [
      'aliases that unfold without end',
      `a: &a [1, 1, 1, 1, 1, 1]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b]
guest: [*c, *c, *c, *c, *c]\n`,
      '1:1: its aliases unfold to too much: write values out',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});

const shape = (argument: string): string =>
  `--set: expected key=value such as link.bandwidth=1Gbit/s, got "${argument}"`;

describe('wrong --set arguments', () => {
  const scenario = withWorkload('{ pattern: uniform, rate: 3 }');
  it.each([
    ['guest.memory', shape('guest.memory')],
    ['=3', shape('=3')],
    ['link..bandwidth=3', shape('link..bandwidth=3')],
    ['guest.workloads[x].rate=3', shape('guest.workloads[x].rate=3')],
    ['[0]=3', shape('[0]=3')],
    ['link.bandwidth=[', '--set link.bandwidth: [ is not a YAML value'],
    ['link.bandwidth=*it', '--set link.bandwidth: *it is not a YAML value'],
    ['name=a: b', '--set name: expected text, got {"a":"b"}'],
    ['seed=', `--set seed: ${SEED}, got null`],
    ['link.bandwidth=10Gbit', `--set link.bandwidth: ${RATE}, got "10Gbit"`],
    ['link={bandwidth: 3}', `--set link.bandwidth: ${RATE}, got 3`],
    ['link.bandwith=1Gbit/s', '--set link.bandwith: unknown key: did you mean bandwidth?'],
    [
      'migration.encodings=[zstd]',
      '--set migration.encodings[0]: "zstd" is not built yet: expected zero',
    ],
    [
      'guest.workloads[7].rate=3',
      '--set guest.workloads[7].rate: the scenario has no guest.workloads[7] to set a key of',
    ],
    [
      'guest.contents[0].kind=zero',
      '--set guest.contents[0].kind: the scenario has no guest.contents[0] to set a key of',
    ],
    ['link[0]=3', '--set link[0]: the scenario has no link[0] to set a key of'],
    ['guest.memory.size=3', '--set guest.memory.size: guest.memory is not a map'],
    ['guest.workloads.rate=3', '--set guest.workloads.rate: guest.workloads is not a map'],
    ['guest.workloads[1].rate=5', `--set guest.workloads[1].pattern: is missing: ${PATTERNS}`],
    ['link.bandwidth.max=1', `--set link.bandwidth: ${RATE}, got {"max":1}`],
    [
      'guest.workloads[0].region.size=3KiB',
      '--set guest.workloads[0].region.size: is no multiple of the page size, 4 KiB',
    ],
    [
      'guest.dirtyLog=none',
      '--set guest.dirtyLog: pre-copy needs a dirty log: choose bitmap, bytemap, atomic or ring, ' +
        'or algorithm stop-and-copy or postcopy',
    ],
  ])('%s', (argument, complaint) => {
    expect(complaints(scenario, [argument])).toEqual([complaint]);
  });

  it('for a scenario that is a list', () => {
    expect(complaints('- guest\n', ['guest.memory=64MiB'])).toEqual([
      '--set guest.memory: the scenario is not a map',
    ]);
  });

  it('leave other problems where they are', () => {
    expect(complaints(withMore('sede: 1'), ['seed=-1'])).toEqual([
      `--set seed: ${SEED}, got -1`,
      '2:1 sede: unknown key: did you mean seed?',
    ]);
  });
});

describe('names of scenarios', () => {
  it.each([
    ['quik', 'quik: is no preset (did you mean quick?); write ./quik for a file of that name'],
    [
      'zzzzzzzz',
      `zzzzzzzz: is no preset (there are ${presets()
        .map(({ name }) => name)
        .join(', ')}); write ./zzzzzzzz for a file of that name`,
    ],
    ['./gone', './gone: there is no such file'],
    ['gone.yaml', 'gone.yaml: there is no such file'],
    ['/', "/: it can't be read (EISDIR)"],
  ])('%s is none', (name, message) => {
    expect(() => loadScenario(name)).toThrow(new InputError([toProblem(message)]));
  });

  it('a preset is what errors of it name', () => {
    expect(() => loadScenario('quick', ['guest.vcpus=1', 'guest.pageSize=8KiB'])).toThrow(
      /^--set guest\.pageSize/,
    );
    const document = new ScenarioDocument('preset quick', 'seed: x\n');
    expect(() => parseScenario(document)).toThrow(/^preset quick:1:1 guest: is missing/m);
  });
});

function toProblem(message: string): { place: string; key: string; sentence: string } {
  const [place, ...rest] = message.split(': ');
  return { place: place!, key: '', sentence: rest.join(': ') };
}

describe('suggestions', () => {
  it('name the nearest word, but none far away', () => {
    expect(nearest('Bandwith', ['latency', 'bandwidth'])).toBe('bandwidth');
    expect(nearest('tick', ['pattern', 'wordsPerPage'])).toBeUndefined();
    expect(nearest('anything', [])).toBeUndefined();
  });
});

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
