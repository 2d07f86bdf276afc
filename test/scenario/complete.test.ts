import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { scenarioFolder, MINIMAL, withTrace, withWorkload } from '../support/scenarios.ts';

const { folder, load } = scenarioFolder();

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
      link: {
        bandwidth: '1Gbit/s',
        latency: '100us',
        integrity: 'full',
        sendBuffer: '0B',
        outages: [],
      },
      migration: {
        algorithm: 'precopy',
        policy: 'qemu',
        qemuVersion: '10',
        autoConverge: false,
        throttle: { trigger: 0.5, initial: 0.2, increment: 0.1, max: 0.99, tailSlow: false },
        downtimeLadder: 'none',
        postcopyPreempt: false,
        postcopyBreakHuge: true,
        postcopyPoll: '0s',
        pseudoPaging: false,
        swapOrder: 'gfn',
        swapReadaheadPages: 1,
        timeoutAction: 'cancel',
        rounds: 30,
        skipRedirtied: true,
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
        catchUp: 'none',
        from: '0s',
        region: { start: 0, size: '1MiB' },
      },
      {
        pattern: 'trace',
        trace: { file: join(folder, 'traces', 'good'), speed: 1, end: 'loop' },
        wordsPerPage: 1,
        catchUp: 'unlimited',
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
        skipRedirtied: true,
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
