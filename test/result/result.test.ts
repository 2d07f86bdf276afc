import { describe, expect, it } from 'vitest';
import type { SourceReport } from '../../src/migration/source.ts';
import { buildResult } from '../../src/result/build.ts';
import { type RunResult, resultSchema } from '../../src/result/schema.ts';
import { VERSION } from '../../src/result/version.ts';
import type { Proof, RunReport } from '../../src/runtime/report.ts';
import { tallyOf } from '../support/tally.ts';

const PROOF: Proof = {
  kind: 'replay',
  replayedBy: 'twin',
  pagesCompared: 4096,
  bytesCompared: 16_777_216,
  differingPages: 0,
  readsChecked: 12,
  ok: true,
  problems: [],
  durationNs: 12_345_678,
};

const SOURCE: SourceReport = {
  outcome: 'completed',
  guestLost: false,
  startNs: 1_000_000_000,
  endNs: 1_300_001_500,
  firstPageNs: 1_002_000_000,
  stop: { pauseAskedNs: 1_200_000_499, pausedNs: 1_200_123_456, harvestedNs: 1_200_200_001 },
  running: { pagesNs: 1_290_000_777, stateNs: 1_295_123_123, runningNs: 1_300_001_500 },
  rounds: [
    {
      index: 1,
      stopped: false,
      startNs: 1_002_000_000,
      endNs: 1_102_000_000,
      tally: tallyOf({ raw: 3000, zero: 1000 }),
      skippedPages: 96,
      bytes: 12_400_000,
      linkNs: 100_000_000,
      dirtiedPages: 500,
      expectedDowntimeNs: 16_500_000,
    },
    {
      index: 2,
      stopped: false,
      startNs: 1_102_000_000,
      endNs: 1_102_000_000,
      tally: tallyOf({}),
      skippedPages: 500,
      bytes: 0,
      linkNs: 0,
      dirtiedPages: 3,
    },
    {
      index: 3,
      stopped: true,
      startNs: 1_200_200_001,
      endNs: 1_290_000_000,
      tally: tallyOf({ raw: 2, zero: 1 }),
      skippedPages: 0,
      bytes: 8300,
      linkNs: 80_000_000,
      dirtiedPages: 0,
    },
  ],
  dirtySyncCount: 4,
  accountedBytes: 0,
  precopyBytes: 12_400_000,
  downtimeBytes: 8300,
  unsentPages: 0,
  releasedPages: 0,
  linkBytes: 12_410_000,
};

const REPORT: RunReport = {
  runtime: 'threads',
  clock: 'CLOCK_MONOTONIC',
  source: SOURCE,
  guest: {
    pages: 4096,
    pageSize: 4096,
    rings: [],
    achievedRate: [20_000.5, 0],
    timeline: [
      { ns: 0, accesses: 0 },
      { ns: 1e9, accesses: 20_000 },
      { ns: 2e9, accesses: 30_000 },
    ],
    blackoutNs: 99_999_999,
    startedNs: 0,
    endedNs: 2e9,
  },
  disturbance: {
    maxLagNs: 1_234_567,
    involuntarySwitches: 5,
    runnableThreads: 4,
    cpus: 2,
  },
  prepareNs: 250_000_000,
  proof: PROOF,
};

const SCENARIO = { name: 'small', verify: 'replay' };

const build = (changes: Partial<RunReport> = {}, scenario = SCENARIO): RunResult =>
  buildResult(scenario, { ...REPORT, ...changes });
const buildSource = (changes: Partial<SourceReport>): RunResult =>
  build({ source: { ...SOURCE, ...changes } });

/** A source without some of what it may report. */
function without<Key extends keyof SourceReport>(...keys: Key[]): Omit<SourceReport, Key> {
  const rest = { ...SOURCE };
  for (const key of keys) delete rest[key];
  return rest;
}

describe('result of a completed run', () => {
  it('says what it is and where it ran', () => {
    const result = build();
    expect(result).toMatchObject({
      schema: 'pageferry/run@1',
      version: VERSION,
      scenario: SCENARIO,
      runtime: 'threads',
      clock: 'CLOCK_MONOTONIC',
      outcome: 'completed',
      host: { node: process.version },
    });
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+/);
    expect(result).not.toHaveProperty('guestLost');
    expect(result).not.toHaveProperty('error');
  });

  it('has times in milliseconds, to the microsecond', () => {
    expect(build()).toMatchObject({
      prepareMs: 250,
      totalTimeMs: 300.002,
      setupTimeMs: 2,
      downtimeMs: 100.002,
      blackoutMs: 100,
      disturbance: { maxLagMs: 1.235, involuntarySwitches: 5, runnableThreads: 4, cpus: 2 },
      verify: { durationMs: 12.346 },
    });
  });

  it('has parts that sum to the downtime, to the digit', () => {
    const { downtimeMs, downtimeParts } = build();
    expect(downtimeParts).toEqual({
      pauseMs: 0.123,
      lastHarvestMs: 0.077,
      lastPagesMs: 89.801,
      stateMs: 5.122,
      handoverMs: 4.879,
    });
    const micros = Object.values(downtimeParts!).map((value) => Math.round(value * 1000));
    expect(micros.reduce((sum, value) => sum + value, 0)).toBe(Math.round(downtimeMs! * 1000));
  });

  it('has parts that sum to the downtime wherever its points lie', () => {
    for (let i = 0; i < 500; i++) {
      const at = (step: number): number =>
        1_200_000_000 + step * 1_000_333 + ((i * 7919 * step) % 1009);
      const { downtimeMs, downtimeParts } = buildSource({
        stop: { pauseAskedNs: at(0) + i, pausedNs: at(1), harvestedNs: at(2) },
        running: { pagesNs: at(3), stateNs: at(4), runningNs: at(5) },
      });
      const micros = Object.values(downtimeParts!).map((value) => Math.round(value * 1000));
      expect(micros.reduce((sum, value) => sum + value, 0)).toBe(Math.round(downtimeMs! * 1000));
    }
  });

  it('has rounds that sum to the bytes and pages of the whole', () => {
    const { ram, rounds } = build();
    expect(ram).toEqual({
      transferred: 12_408_300,
      precopyBytes: 12_400_000,
      downtimeBytes: 8300,
      postcopyBytes: 0,
      total: 16_777_216,
      remaining: 0,
      normal: 3002,
      duplicate: 1001,
      dirtySyncCount: 4,
      pageSize: 4096,
    });
    expect(rounds.reduce((sum, round) => sum + round.bytes, 0)).toBe(
      ram.precopyBytes + ram.downtimeBytes,
    );
    expect(rounds.reduce((sum, round) => sum + round.pages, 0)).toBe(ram.normal + ram.duplicate);
  });

  it('lists rounds from the start of the migration, absent where nothing is known', () => {
    expect(build().rounds).toEqual([
      {
        index: 1,
        startMs: 2,
        durationMs: 100,
        pages: 4000,
        zeroPages: 1000,
        skippedPages: 96,
        bytes: 12_400_000,
        dirtiedPages: 500,
        dirtyPagesPerSecond: 5000,
        bandwidthBytesPerSecond: 124_000_000,
        expectedDowntimeMs: 16.5,
      },
      {
        index: 2,
        startMs: 102,
        durationMs: 0,
        pages: 0,
        zeroPages: 0,
        skippedPages: 500,
        bytes: 0,
        dirtiedPages: 3,
      },
      {
        index: 3,
        stopped: true,
        startMs: 200.2,
        durationMs: 89.8,
        pages: 3,
        zeroPages: 1,
        skippedPages: 0,
        bytes: 8300,
        dirtiedPages: 0,
        bandwidthBytesPerSecond: 8300 / 0.08,
      },
    ]);
  });

  it('splits the accesses of the guest at both ends of the migration', () => {
    const { guest } = build();
    expect(guest).toMatchObject({
      accessesBefore: 20_000,
      accessesDuring: 3000,
      accessesAfter: 7000,
      achievedRate: [20_000.5, 0],
    });
    expect(guest.timeline.periodMs).toBe(20);
    expect(guest.timeline.accessesPerSecond).toHaveLength(100);
  });

  it('has the bandwidth from the first page on', () => {
    expect(build().link).toEqual({
      bytes: 12_410_000,
      achievedBytesPerSecond: 12_410_000 / 0.2980015,
    });
  });

  it('holds the proof', () => {
    expect(build().verify).toEqual({
      kind: 'replay',
      replayedBy: 'twin',
      pagesCompared: 4096,
      bytesCompared: 16_777_216,
      differingPages: 0,
      readsChecked: 12,
      durationMs: 12.346,
      ok: true,
    });
  });

  it('says where the first byte differs', () => {
    const firstDifference = { gfn: 7, offset: 8, expected: 1, found: 2 };
    const proof = { ...PROOF, ok: false, differingPages: 1, firstDifference, problems: ['a read'] };
    expect(build({ proof }).verify).toMatchObject({
      ok: false,
      differingPages: 1,
      firstDifference,
      problems: ['a read'],
    });
  });

  it('comes back the same from JSON', () => {
    const result = build();
    expect(resultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  });
});

describe('result of a run that is not complete', () => {
  it('has no downtime when the guest was never stopped', () => {
    const source: SourceReport = {
      ...without('running', 'firstPageNs'),
      outcome: 'diverged',
      error: 'not done within 1 s',
      stop: {},
      rounds: [],
      precopyBytes: 0,
      downtimeBytes: 0,
      unsentPages: 4096,
    };
    const { achievedRate: _, blackoutNs: __, ...guest } = REPORT.guest;
    const result = build({ source, guest });
    expect(result).toMatchObject({
      outcome: 'diverged',
      error: 'not done within 1 s',
      ram: { transferred: 0, remaining: 16_777_216 },
      rounds: [],
      verify: { ok: true },
    });
    for (const key of ['setupTimeMs', 'downtimeMs', 'downtimeParts', 'blackoutMs']) {
      expect(result).not.toHaveProperty(key);
    }
    expect(result.guest).not.toHaveProperty('achievedRate');
  });

  it('has the pauses of a post-copy, from the start of the migration', () => {
    const pushed = { bytes: 5, tally: tallyOf({}), requests: 0 };
    const at = (ms: number): number => SOURCE.startNs + ms * 1e6;
    const pauses = [
      { startNs: at(100), endNs: at(350), connectedNs: at(349.5), resentPages: 7 },
      { startNs: at(400), endNs: at(900), resentPages: 0 },
    ];
    expect(buildSource({ postcopy: { ...pushed, pauses } }).postcopyPauses).toEqual([
      { startMs: 100, durationMs: 250, recoverMs: 0.5, resentPages: 7 },
      { startMs: 400, durationMs: 500 },
    ]);
    for (const postcopy of [{ ...pushed, pauses: [] }, pushed]) {
      expect(buildSource({ postcopy })).not.toHaveProperty('postcopyPauses');
    }
  });

  it('has no downtime and no blackout when the guest went on at the source', () => {
    const source: SourceReport = { ...without('running'), outcome: 'cancelled' };
    const result = build({ source });
    expect(result.outcome).toBe('cancelled');
    expect(result).not.toHaveProperty('downtimeMs');
    expect(result).not.toHaveProperty('blackoutMs');
  });

  it('has no bandwidth when no time has passed', () => {
    const { firstPageNs: _, ...rest } = SOURCE;
    const result = build({ source: { ...rest, endNs: rest.startNs } });
    expect(result.totalTimeMs).toBe(0);
    expect(result.link).toEqual({ bytes: 12_410_000 });
  });

  it('has no proof when the guest is lost', () => {
    const source: SourceReport = { ...without('running'), outcome: 'failed', guestLost: true };
    const result = build({ source });
    expect(result.guestLost).toBe(true);
    expect(result).not.toHaveProperty('verify');
    expect(build({ source }, { ...SCENARIO, verify: 'off' })).not.toHaveProperty('verify');
  });

  it('has no proof when there was none to make', () => {
    const { proof: _, ...report } = REPORT;
    expect(buildResult(SCENARIO, report)).not.toHaveProperty('verify');
    expect(buildResult({ ...SCENARIO, verify: 'off' }, report).verify).toEqual({ kind: 'off' });
  });

  it('refuses a report that makes no sense', () => {
    expect(() => buildSource({ linkBytes: -1 })).toThrow(/linkBytes|bytes/);
  });
});
