import { describe, expect, it } from 'vitest';
import type { DeadlineConfig, ReplicationConfig } from '../../src/replication/config.ts';
import type { ProtectReport } from '../../src/runtime/virtual/replication/report.ts';
import { deathsOfThePrimary, protect, smallProtection } from '../support/protection.ts';

/** The guest of smallProtection dirties some 50 of its 64 pages in an epoch of 5 ms, 20 accesses a millisecond. */
const MARK = 20;
/** The mark is looked for once a millisecond, and a batch of pages may have to leave before that. */
const MOST = MARK + 30;

const PAUSE: DeadlineConfig = { dirtyPages: MARK, action: 'pause', throttle: 0.9 };
const SLOW: DeadlineConfig = { ...PAUSE, action: 'slow' };

const play = (
  replication: Partial<ReplicationConfig>,
  changes: Parameters<typeof smallProtection>[0] = {},
): Promise<ProtectReport> => protect(smallProtection({ isProved: false, replication, ...changes }));

const epochsOf = ({ pairs }: ProtectReport) => pairs[0]!.epochs.slice(1);

const pagesOf = (report: ProtectReport): number =>
  epochsOf(report).reduce((sum, { pages }) => sum + pages, 0) / epochsOf(report).length;

/** Acknowledgements come so late that the guest passes the mark before. */
const LATE = { latencyNs: 4e6, durationNs: 120e6 };
const LONG = { intervalNs: 20e6, silenceNs: 30e6 };

describe('a guest that is stopped at a high-water mark', () => {
  it('has its checkpoint at once, so that no epoch has many more pages', async () => {
    const [free, bounded] = [await play(LONG), await play({ ...LONG, deadline: PAUSE })];
    expect(Math.min(...epochsOf(free).map(({ pages }) => pages))).toBeGreaterThan(MOST);
    for (const { pages, hasPassedMark } of epochsOf(bounded)) {
      expect(pages).toBeLessThanOrEqual(MOST);
      expect(hasPassedMark).toBe(true);
    }
    expect(epochsOf(bounded).length).toBeGreaterThan(2 * epochsOf(free).length);
    expect(epochsOf(free)[0]!.hasPassedMark).toBeUndefined();
  });

  it('stands still until the epoch before has been acknowledged', async () => {
    const report = await play({ ...LONG, deadline: PAUSE }, LATE);
    const epochs = epochsOf(report);
    for (const [i, { pages, pauseNs, resumeNs }] of epochs.entries()) {
      expect(pages).toBeLessThanOrEqual(MOST);
      if (i === 0) continue;
      expect(pauseNs).toBeLessThan(epochs[i - 1]!.ackNs);
      expect(resumeNs).toBeGreaterThan(epochs[i - 1]!.ackNs);
    }
    expect(epochs.length).toBeGreaterThan(5);
  });

  it('runs on when its backup dies meanwhile', async () => {
    const troubles = [{ atNs: 40e6, what: 'backup' as const }];
    const lives = (durationNs: number) =>
      play({ ...LONG, deadline: PAUSE }, { ...LATE, troubles, durationNs });
    const [before, after] = [await lives(120e6), await lives(140e6)];
    expect(before.pairs[0]!.end).toBe('dropped');
    expect(after.accesses - before.accesses).toBe(400);
  });

  it('is not stopped as long as it dirties less', async () => {
    const report = await play({ deadline: { ...PAUSE, dirtyPages: 63 } });
    expect(epochsOf(report).every(({ hasPassedMark }) => hasPassedMark === false)).toBe(true);
    expect(pagesOf(report)).toBeCloseTo(pagesOf(await play({})), -1);
  });
});

describe('a guest that is slowed at a high-water mark', () => {
  const slowly = { ...LONG, intervalNs: 25e6 };

  it('dirties less until its checkpoint, and is never stopped for it', async () => {
    const changes = { durationNs: 200e6 };
    const free = await play(slowly, changes);
    const slowed = await play({ ...slowly, deadline: { ...SLOW, throttle: 0.99 } }, changes);
    expect(pagesOf(slowed)).toBeLessThan(pagesOf(free));
    expect(slowed.accesses).toBeLessThan(0.7 * free.accesses);
    expect(epochsOf(slowed)).toHaveLength(epochsOf(free).length);
    for (const { pauseNs, resumeNs } of epochsOf(slowed)) {
      expect(resumeNs - pauseNs).toBeLessThan(1e6);
    }
  });

  it('runs at full speed again after it', async () => {
    const deadline = { ...SLOW, throttle: 0.99 };
    const report = await play({ ...slowly, deadline }, { durationNs: 200e6 });
    // It has some 11 ms of each 25 ms, and would have next to nothing if the throttle stayed on.
    expect(report.accesses / (200e6 * 20e-6)).toBeGreaterThan(0.35);
  });
});

describe('deadline scheduling', () => {
  it.each([PAUSE, SLOW])('loses no page of an epoch: %o', async (deadline) => {
    for (const capture of ['staging', 'copy-on-write', 'none'] as const) {
      const replication = { deadline, capture };
      for (const report of await deathsOfThePrimary({ replication }, 6)) {
        expect(report.outcome).toBe('completed');
        expect(report.packets).toMatchObject({ undone: 0, repeated: 0 });
        for (const { proof } of report.proofs!) expect(proof.ok).toBe(true);
      }
    }
  });
});
