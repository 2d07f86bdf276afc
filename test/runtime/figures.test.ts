import { describe, expect, it } from 'vitest';
import type { Workload } from '../../src/guest/workload.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunResult } from '../../src/result/schema.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { type ControlMessage, packControl } from '../../src/wire/control.ts';
import { HEADER_BYTES } from '../../src/wire/frame.ts';
import { rangesFrameBytes } from '../../src/wire/ranges.ts';
import { smallRun } from '../support/run-config.ts';

/*
 * Small migrations whose every figure can be worked out by hand. All of them share these numbers:
 *
 *   a page is 4 096 bytes; the link carries 6.4 bytes a us
 *   a frame of one raw page has 32 (header) + 24 (control part) bytes, padded to 64, and the page: 4 160 bytes, 650 us
 *   a frame of one zero page has 32 + 24 bytes, padded to 64, and no payload: 64 bytes, 10 us
 *   a batch is at most 1 ms of link and 128 KiB, but at least a page: one page a frame
 *   a sender is at most 1 ms ahead of the link
 *
 * Of what the real machine does, only what a test sets takes time.
 */
const PAGE = 4096;
const RAW_FRAME = 4160;
const ZERO_FRAME = 64;
const BYTES_PER_US = 6.4;
const US = 1e3;
const MS = 1e6;

type Name = ControlMessage['name'];

/** The bytes of control frames on the link; lists of ranges have their length in `rangesFrameBytes`. */
const bytesOf = (message: ControlMessage): number => HEADER_BYTES + packControl(message).length;
const linkMs = (bytes: number): number => bytes / BYTES_PER_US / 1e3;

const base: Omit<Workload, 'firstGfn' | 'pages' | 'rate' | 'fromNs' | 'untilNs'> = {
  pattern: { kind: 'sequential' },
  writes: 1,
  wordsPerPage: 1,
};

/** Writes (or reads) of pages, one after the other, at times of the guest in ms. */
function accesses(
  [firstGfn, pages]: readonly [number, number],
  [fromMs, untilMs]: readonly [number, number],
  rate: number,
  writes = 1,
): Workload {
  return { ...base, firstGfn, pages, rate, writes, fromNs: fromMs * MS, untilNs: untilMs * MS };
}

describe('a pre-copy of ten pages, worked out by hand', () => {
  const HELLO = bytesOf({
    name: 'hello',
    body: { slots: [10], pageSize: PAGE, vcpus: 1, integrity: 'header' },
  });
  const WELCOME = bytesOf({ name: 'welcome', body: {} });
  const SWITCHOVER = bytesOf({
    name: 'switchover',
    body: { stoppedPages: 4, postcopy: false, absentPages: 0, buffered: false },
  });
  const RUN = bytesOf({ name: 'run', body: {} });

  /*
   * Sending HELLO begins with 0.5 ms of setup. It takes HELLO, 10 ms of latency, WELCOME and 10 ms back until the
   * first page goes out.
   */
  const SETUP = 0.5 + linkMs(HELLO + WELCOME) + 20;
  /** The guest has run for 20 ms when the migration begins. */
  const START = 20;
  const FIRST = START + SETUP;

  const run = async (timeoutMs?: number): Promise<RunResult> => {
    const config = smallRun({
      runtime: 'virtual',
      costs: {
        ...COST_PROFILES.none,
        setupNs: 500 * US,
        kickNs: 1 * MS,
        // A harvest of these ten pages takes 2 ms.
        harvestNsPerGiB: (2 * MS * 2 ** 30) / (10 * PAGE),
        stateNs: 4 * MS,
        startNs: 16 * MS,
      },
      link: { bytesPerSecond: BYTES_PER_US * 1e6, latencyNs: 10 * MS, integrity: 'header' },
      guest: {
        memoryBytes: 10 * PAGE,
        vcpus: 1,
        // The pages 0 to 7 are random, 8 and 9 are zero.
        contents: [{ firstGfn: 0, pages: 8, kind: 'random', zeroShare: 0 }],
        workloads: [
          // Ten reads before the migration.
          accesses([8, 1], [0, 10.5], 1000, 0),
          // In round 1, the pages 0, 1 and 2, which have been sent by then, ...
          accesses([0, 3], [FIRST + 2, FIRST + 2 + 0.35], 10_000),
          // ... and page 7, whose turn comes 3.55 ms after the first page's.
          accesses([7, 1], [FIRST + 0.5, FIRST + 2], 1000),
          // Before the pause, which comes into force 7.51 ms after the first page, four pages.
          accesses([3, 4], [FIRST + 5.7, FIRST + 5.7 + 0.45], 10_000),
          // Three reads at the destination, where the guest's time goes on from its stop at FIRST + 7.51 ms.
          accesses([8, 1], [FIRST + 10, FIRST + 13.5], 1000, 0),
        ],
      },
      migration: {
        rounds: 2,
        startAfterNs: START * MS,
        runAfterNs: 20 * MS,
        ...(timeoutMs === undefined ? {} : { timeoutNs: timeoutMs * MS }),
      },
    });
    const report = await runVirtual(config);
    return buildResult({ verify: 'replay' }, report);
  };

  it('has these rounds', async () => {
    const { rounds } = await run();
    /*
     * Round 1 sends the pages 0 to 6 raw, leaves page 7, which is dirty again, and sends 8 and 9 as zero pages: 9
     * pages, 7 × 4 160 + 2 × 64 = 29 248 bytes, 7 × 650 + 2 × 10 = 4 570 us of link. Frames go out when less than
     * 1 ms of link is ahead: the eighth when 7 × 650 - 1000 = 3 550 us have passed, the ninth 10 us later. Then
     * comes the harvest, 2 ms, which finds the pages 0, 1, 2 and 7: the round takes 3 560 + 2 000 us.
     * At 6.4 bytes a us the four pages take 4 × 4 096 / 6.4 = 2 560 us.
     */
    expect(rounds[0]).toMatchObject({
      index: 1,
      pages: 9,
      zeroPages: 2,
      skippedPages: 1,
      bytes: 29_248,
      dirtiedPages: 4,
      expectedDowntimeMs: 2.56,
    });
    expect(rounds[0]!.startMs).toBeCloseTo(SETUP, 3);
    expect(rounds[0]!.durationMs).toBeCloseTo(5.56, 3);
    expect(rounds[0]!.dirtyPagesPerSecond).toBeCloseTo(4 / 5.56e-3, 3);
    expect(rounds[0]!.bandwidthBytesPerSecond).toBeCloseTo(6.4e6, 0);
    /*
     * Round 2 sends these four: 16 640 bytes, 2 600 us of link. They go out after 0, 0, 300 and 950 us. As it is the
     * last live round, the pause is asked for at once: 1 ms until the vCPU stands still, 2 ms of harvest, which finds
     * four pages that take 2 560 us. The round ends with that harvest, after 950 + 1 000 + 2 000 us.
     */
    expect(rounds[1]).toMatchObject({
      index: 2,
      pages: 4,
      zeroPages: 0,
      skippedPages: 0,
      bytes: 16_640,
      dirtiedPages: 4,
      expectedDowntimeMs: 2.56,
    });
    expect(rounds[1]!.startMs).toBeCloseTo(SETUP + 5.56, 3);
    expect(rounds[1]!.durationMs).toBeCloseTo(3.95, 3);
    expect(rounds[1]!.bandwidthBytesPerSecond).toBeCloseTo(6.4e6, 0);
    // The last set is sent as fast as round 2: its last frame goes out after 950 us, and SWITCHOVER when 1 ms is ahead.
    expect(rounds[2]).toMatchObject({
      index: 3,
      stopped: true,
      pages: 4,
      zeroPages: 0,
      skippedPages: 0,
      bytes: 16_640,
      dirtiedPages: 0,
    });
    expect(rounds[2]!.startMs).toBeCloseTo(SETUP + 9.51, 3);
    expect(rounds[2]!.durationMs).toBeCloseTo(0.95, 3);
    expect(rounds[2]).not.toHaveProperty('dirtyPagesPerSecond');
    expect(rounds).toHaveLength(3);
  });

  it('has this downtime, in these parts', async () => {
    const result = await run();
    const parts = result.downtimeParts!;
    const pageBytes = 29_248 + 2 * 16_640;
    // Besides the pages, HELLO, SWITCHOVER, STATE and RUN go over the link.
    const STATE = result.link.bytes - pageBytes - HELLO - SWITCHOVER - RUN;
    // 1 ms until the vCPU stands still, and 2 ms until its marks are taken.
    expect(parts.pauseMs).toBeCloseTo(1, 3);
    expect(parts.lastHarvestMs).toBeCloseTo(2, 3);
    // Round 2 still keeps the link busy for 2 600 - 950 us when the pause is asked for; that is over by the harvest.
    expect(result.queuedAtPauseMs).toBeCloseTo(1.65, 3);
    // Four pages, SWITCHOVER, and 10 ms of latency.
    expect(parts.lastPagesMs).toBeCloseTo(2.6 + linkMs(SWITCHOVER) + 10, 2);
    /*
     * SWITCHOVER goes out 1.6 ms after the harvest, when 1 ms of link is ahead. Then it takes 4 ms to save the state,
     * STATE, 10 ms and 4 ms to load it: 19.6 ms + STATE after the harvest, of which the last pages took
     * 12.6 + SWITCHOVER.
     */
    expect(parts.stateMs).toBeCloseTo(7 + linkMs(STATE - SWITCHOVER), 2);
    // RUN has come meanwhile. It takes 16 ms until the vCPU runs.
    expect(parts.handoverMs).toBeCloseTo(16, 3);
    // 1 + 2 + 19.6 + STATE + 16.
    expect(result.downtimeMs).toBeCloseTo(38.6 + linkMs(STATE), 2);
    // The vCPU itself has run until it stood still.
    expect(result.blackoutMs).toBeCloseTo(37.6 + linkMs(STATE), 2);
    expect(result.setupTimeMs).toBeCloseTo(SETUP, 3);
    // The pause is asked for 5.56 + 0.95 ms after the first page.
    expect(result.totalTimeMs).toBeCloseTo(SETUP + 6.51 + 38.6 + linkMs(STATE), 2);
    expect(result).not.toHaveProperty('resumeTimeMs');
    const seconds = (6.51 + 38.6 + linkMs(STATE)) / 1e3;
    expect(result.link.achievedBytesPerSecond! / (result.link.bytes / seconds)).toBeCloseTo(1, 4);
  });

  it('has these tallies', async () => {
    const { ram, guest, faults } = await run();
    expect(ram).toEqual({
      precopyBytes: 7 * RAW_FRAME + 2 * ZERO_FRAME + 4 * RAW_FRAME,
      downtimeBytes: 16_640,
      postcopyBytes: 0,
      transferred: 62_528,
      total: 40_960,
      remaining: 0,
      // 7 + 4 + 4 raw, and 2 zero.
      normal: 15,
      duplicate: 2,
      dropped: 0,
      // The one at the start, one after round 1, and the last.
      dirtySyncCount: 3,
      pageSize: 4096,
    });
    expect(faults).toBeUndefined();
    // 10 reads in 20 ms; then 3 + 1 + 4 writes; then 3 reads.
    expect(guest.accessesBefore).toBe(10);
    expect(guest.accessesDuring).toBe(8);
    expect(guest.accessesAfter).toBe(3);
    expect(guest.achievedRate).toEqual([500, 0, 0, 0, 0]);
  });

  it('that times out in round 1 has sent so much, and no downtime', async () => {
    // 1.5 ms after the first page: four frames have gone out, after 0, 0, 300 and 950 us.
    const result = await run(SETUP + 1.5);
    expect(result).toMatchObject({ outcome: 'diverged' });
    expect(result.ram).toMatchObject({
      precopyBytes: 4 * RAW_FRAME,
      downtimeBytes: 0,
      transferred: 4 * RAW_FRAME,
      normal: 4,
      duplicate: 0,
      remaining: 6 * PAGE,
      dirtySyncCount: 1,
    });
    for (const key of ['downtimeMs', 'downtimeParts', 'blackoutMs', 'queuedAtPauseMs']) {
      expect(result).not.toHaveProperty(key);
    }
    expect(result.rounds).toHaveLength(1);
    expect(result.rounds[0]!.durationMs).toBeCloseTo(1.5, 3);
    // CANCEL goes out when less than 1 ms of link is ahead: 4 × 650 - 1 000 us after the first page.
    expect(result.totalTimeMs).toBeCloseTo(SETUP + 1.6, 3);
    const CANCEL = bytesOf({ name: 'cancel', body: {} });
    expect(result.link.bytes).toBe(4 * RAW_FRAME + HELLO + CANCEL);
  });
});

describe('a post-copy of four pages, worked out by hand', () => {
  const bytes = (name: Name, body: object): number => bytesOf({ name, body } as ControlMessage);
  const HELLO = bytes('hello', { slots: [4], pageSize: PAGE, vcpus: 1, integrity: 'header' });
  const WELCOME = bytes('welcome', {});
  const SWITCHOVER = bytes('switchover', {
    stoppedPages: 0,
    postcopy: true,
    absentPages: 4,
    buffered: false,
  });
  const REQUEST = bytes('request', { gfn: 3 });
  const DISCARD = rangesFrameBytes(1);
  const [RUN, END] = [bytes('run', {}), bytes('end', {})];
  /** HELLO, 1 ms, WELCOME and 1 ms; then the pause is asked for. */
  const PAUSE = linkMs(HELLO + WELCOME) + 2;
  const START = 20;

  const run = async (): Promise<RunResult> => {
    const config = smallRun({
      runtime: 'virtual',
      costs: { ...COST_PROFILES.none, stateNs: 4 * MS, startNs: 16 * MS, wakeNs: 5 * US },
      link: { bytesPerSecond: BYTES_PER_US * 1e6, latencyNs: 1 * MS, integrity: 'header' },
      guest: {
        memoryBytes: 4 * PAGE,
        vcpus: 1,
        contents: [{ firstGfn: 0, pages: 4, kind: 'random', zeroShare: 0 }],
        // It reads page 3 once, soon after it has begun to run at the destination.
        workloads: [accesses([3, 1], [START + PAUSE + 1, START + PAUSE + 2.5], 1000, 0)],
      },
      migration: {
        algorithm: 'postcopy',
        pageOrder: 'linear',
        // A pushed page takes 4 160 / 41 600 s = 100 ms of this limit.
        postcopyBytesPerSecond: 41_600,
        startAfterNs: START * MS,
        runAfterNs: 20 * MS,
      },
    });
    return buildResult({ verify: 'replay' }, await runVirtual(config));
  };

  it('has these figures', async () => {
    const result = await run();
    const parts = result.downtimeParts!;
    const STATE = result.link.bytes - 4 * RAW_FRAME - HELLO - DISCARD - SWITCHOVER - RUN - END;
    // Nothing has to be waited for or harvested, as there is no log.
    expect(parts.pauseMs).toBe(0);
    expect(parts.lastHarvestMs).toBe(0);
    expect(parts.lastPagesMs).toBeCloseTo(linkMs(DISCARD + SWITCHOVER) + 1, 2);
    // 4 ms to save, STATE, 1 ms, 4 ms to load: 9 ms + STATE after the pause.
    expect(parts.stateMs).toBeCloseTo(8 + linkMs(STATE - DISCARD - SWITCHOVER), 2);
    expect(parts.handoverMs).toBeCloseTo(16, 3);
    expect(result.downtimeMs).toBeCloseTo(25 + linkMs(STATE), 2);
    expect(result.queuedAtPauseMs).toBe(0);
    // The first page is pushed behind RUN, 4 ms after the pause; the link is at most 150 us ahead then.
    expect(result.setupTimeMs).toBeCloseTo(PAUSE + 4, 3);
    /*
     * Page 0 takes the limit's first 100 ms, so that page 1 goes out after 99 ms, and page 2 after 199 ms. Page 3
     * has been requested meanwhile, which the limit does not count. Page 2 is installed 650 us and 1 ms later,
     * 204.65 ms after the pause. That is when the migration ends.
     */
    expect(result.totalTimeMs).toBeCloseTo(PAUSE + 204.65, 2);
    expect(result.resumeTimeMs).toBeCloseTo(179.65 - linkMs(STATE), 2);
    // The request, 1 ms, the page, 1 ms, and 5 us until the vCPU goes on.
    const faultMs = linkMs(REQUEST) + 1 + 0.65 + 1 + 0.005;
    expect(result.faults).toMatchObject({ count: 1, majorCount: 1 });
    expect(result.faults!.blockedMs).toBeCloseTo(faultMs, 3);
    // Latencies are kept with three digits.
    const { mean, p50, p90, p99, max } = result.faults!.latencyUs!;
    for (const us of [mean, p50, p90, p99, max]) {
      expect(Math.abs(us / (1000 * faultMs) - 1)).toBeLessThan(1e-3);
    }
    // 2 to 4 ms.
    expect(result.faults!.latencyDist!.indexOf(1)).toBe(11);
    expect(result.ram).toEqual({
      precopyBytes: 0,
      downtimeBytes: 0,
      postcopyBytes: 4 * RAW_FRAME,
      transferred: 4 * RAW_FRAME,
      total: 4 * PAGE,
      remaining: 0,
      normal: 4,
      duplicate: 0,
      dropped: 0,
      dirtySyncCount: 1,
      postcopyRequests: 1,
      pageSize: PAGE,
    });
    expect(result.rounds).toMatchObject([{ index: 1, stopped: true, pages: 0, bytes: 0 }]);
    expect(result.guest.accessesBefore + result.guest.accessesDuring).toBe(1);
  });
});
