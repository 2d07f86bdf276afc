import { describe, expect, it } from 'vitest';
import type { SourceReport } from '../../src/migration/source.ts';
import { buildResult } from '../../src/result/build.ts';
import { buildDirtyRate } from '../../src/result/dirty-rate.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { tallyOf } from '../support/tally.ts';

/** A hybrid migration with a round, a last set and pages that were pushed after the switch. */
const SOURCE: SourceReport = {
  outcome: 'completed',
  guestLost: false,
  startNs: 1e9,
  endNs: 1.5e9,
  firstPageNs: 1.01e9,
  stop: {
    pauseAskedNs: 1.2e9,
    pausedNs: 1.201e9,
    harvestedNs: 1.203e9,
    queuedUntilNs: 1.207e9,
  },
  running: { pagesNs: 1.206e9, stateNs: 1.21e9, runningNs: 1.22e9 },
  rounds: [
    {
      index: 1,
      stopped: false,
      startNs: 1.01e9,
      endNs: 1.2e9,
      tally: tallyOf({ raw: 100, zero: 20 }),
      skippedPages: 0,
      bytes: 420_000,
      linkNs: 100e6,
      dirtiedPages: 30,
    },
  ],
  dirtySyncCount: 3,
  accountedBytes: 0,
  precopyBytes: 420_000,
  downtimeBytes: 9000,
  unsentPages: 0,
  releasedPages: 0,
  linkBytes: 600_000,
};
const POSTCOPY = {
  bytes: 130_000,
  tally: tallyOf({ raw: 30, zero: 2 }),
  requests: 4,
  presentNs: 1.5e9,
};
const REPORT: RunReport = {
  runtime: 'virtual',
  clock: 'virtual',
  source: SOURCE,
  guest: { pages: 4096, pageSize: 4096, rings: [], timeline: [], startedNs: 0, endedNs: 2e9 },
};
const build = (changes: Partial<SourceReport> = {}, more: Partial<RunReport> = {}) =>
  buildResult({ verify: 'off' }, { ...REPORT, ...more, source: { ...SOURCE, ...changes } });

describe('the figures of a result', () => {
  it('count what the link had queued at the pause from the pause on', () => {
    expect(build().queuedAtPauseMs).toBe(7);
    const { queuedUntilNs: _, ...stop } = SOURCE.stop;
    expect(build({ stop }).queuedAtPauseMs).toBe(0);
  });

  it('add up the bytes of all phases, and the pages of all of them', () => {
    const { ram } = build({ postcopy: POSTCOPY });
    expect(ram).toMatchObject({
      transferred: 559_000,
      precopyBytes: 420_000,
      downtimeBytes: 9000,
      postcopyBytes: 130_000,
      normal: 130,
      duplicate: 22,
      postcopyRequests: 4,
    });
    expect(build().ram).toMatchObject({ transferred: 429_000, postcopyBytes: 0 });
  });

  it('have a resume time of no less than 0', () => {
    expect(build({ postcopy: POSTCOPY }).resumeTimeMs).toBe(280);
    const early = { ...POSTCOPY, presentNs: 1.21e9 };
    expect(build({ postcopy: early }).resumeTimeMs).toBe(0);
    expect(build().resumeTimeMs).toBeUndefined();
  });

  it('give the closed formulas the part of the downtime in which no page was copied', () => {
    const link = {
      bytesPerSecond: 1e6,
      stoppedBytesPerSecond: 1e6,
      downtimeLimitNs: 300e6,
      workingSetPages: 100,
    };
    const { models } = build({}, { link });
    // 20 ms of downtime, of which the 9000 bytes of the last set took 9.
    expect(models!.bounds.downtimeMs.low).toBe(11);
    expect(models!.dirtyPagesPerSecond).toBeCloseTo(30 / 0.19, 9);
  });
});

describe('the result of a dirty rate', () => {
  it('has its period in milliseconds, and rates for each second of it', () => {
    const measured = {
      mode: 'dirty-ring' as const,
      periodNs: 2.5e9,
      dirtyPages: 1000,
      accesses: 1200,
      accessesPerSecond: 480,
      vcpus: [{ entries: 500, stalls: 2 }],
    };
    const [entry] = buildDirtyRate({}, 4096, [measured]).measurements;
    expect(entry).toMatchObject({
      periodMs: 2500,
      pagesPerSecond: 400,
      bytesPerSecond: 400 * 4096,
      vcpus: [{ pagesPerSecond: 200, stalls: 2 }],
    });
  });
});
