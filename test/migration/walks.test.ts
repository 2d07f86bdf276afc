import { describe, expect, it } from 'vitest';
import type { LogReader } from '../../src/memory/dirty-logs/log-reader.ts';
import { GuestPageSet, memoryOf, slotOf } from '../../src/memory/guest-memory.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { measureDirtyRate, type DirtyRateReport } from '../../src/migration/dirty-rate.ts';
import { windowCurves } from '../../src/migration/history.ts';
import { geometricSeries } from '../../src/migration/models.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { gfnLine, swapLine } from '../../src/migration/page-orders/line.ts';
import { permutedWalk } from '../../src/migration/page-orders/permuted.ts';
import { withReadahead } from '../../src/migration/page-orders/readahead.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { SourceGuest } from '../../src/migration/ports.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import { sourceOptions } from '../../src/migration/spec/wiring.ts';
import { Generator } from '../../src/random/generator.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';
import { FakeWorld, ManualClock } from '../support/fake-world.ts';
import { smallSlot } from '../support/slots.ts';

const SHAPE = [
  { index: 0, firstGfn: 0, pages: 1000 },
  { index: 1, firstGfn: 1000, pages: 500 },
];
const memory = memoryOf(SHAPE.map((slot) => openSlot(smallSlot(slot))));
const PAGES = 1500;
const unsent = new GuestPageSet(memory, ({ layout }) => layout.pageSet);
const dirty = new GuestPageSet(memory, ({ layout }) => layout.keptMap);
/** A log whose live marks are those of the set `dirty`. */
const log = {
  liveMaps: ({ layout }: { layout: { index: number } }) => [dirty.parts[layout.index]!.address],
} as unknown as LogReader;

describe("Clark's walk through a guest", () => {
  const round = (walk: ReturnType<typeof permutedWalk>, peeks = true) => {
    const found: number[] = [];
    let skipped = 0;
    for (let turn = 0; unsent.count > 0 && turn < 5000; turn++) {
      const taken = walk.take(unsent, 16, peeks ? log : undefined);
      skipped += taken.skipped;
      for (let i = 0; i < taken.runs; i++) {
        found.push(taken.slot.layout.firstGfn + taken.list[2 * i]!);
      }
    }
    return { found, skipped };
  };

  it('takes every page once, also of a guest whose pages are no power of two', () => {
    dirty.clear();
    unsent.addAll();
    const { found } = round(permutedWalk(PAGES));
    expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: PAGES }, (_, i) => i));
    // Neighbours of the walk lie far apart.
    expect(Math.abs(found[1]! - found[0]!)).toBeGreaterThan(500);
  });

  it('looks at the dirty log anew in each round', () => {
    const walk = permutedWalk(PAGES);
    dirty.clear();
    unsent.clear();
    unsent.addRun(0, 100);
    expect(round(walk)).toMatchObject({ skipped: 0 });
    unsent.addRun(0, 100);
    dirty.addRun(7, 3);
    const { found, skipped } = round(walk);
    expect(skipped).toBe(3);
    expect(found).toHaveLength(97);
  });
});

describe('a line of pages in a swap device', () => {
  it('finds pages again that must be sent once more after a lost connection', () => {
    const line = swapLine(Uint32Array.from({ length: PAGES }, (_, i) => PAGES - 1 - i));
    unsent.addAll();
    for (let at = 0; at < 50;) at = line.take(unsent, at, 1, 10).position;
    expect([line.firstFrom(unsent, 0), line.lastUpTo(unsent, 40)]).toEqual([50, -1]);
    // Pages 1499 down to 1450 had been sent; the last ten of them were lost.
    unsent.addRun(1450, 10);
    line.restart();
    expect([line.firstFrom(unsent, 0), line.lastUpTo(unsent, 45)]).toEqual([40, 45]);
  });
});

describe('readahead', () => {
  it('reads the aligned group of a page, up to the end of the line', () => {
    const order = withReadahead(cursorOrder(true), 8, () => gfnLine(21));
    expect(order.readahead!(5)).toEqual([0, 1, 2, 3, 4, 6, 7]);
    expect(order.readahead!(16)).toEqual([17, 18, 19, 20]);
    expect(order.readahead!(20)).toEqual([16, 17, 18, 19]);
  });
});

describe('a measurement of the dirty rate', () => {
  /** Plays a measurement; `act` is called before each look at the guest, with the time. */
  function play(
    guest: SourceGuest,
    options: Parameters<typeof measureDirtyRate>[2],
    act: (ns: number) => void,
  ): DirtyRateReport {
    const clock = new ManualClock();
    // A guest makes more accesses than it has pages here, so that the pages found are not cut to their number.
    let accesses = 0;
    const run = measureDirtyRate(guest, clock, options, () => (accesses += 1e9));
    for (let step = run.next(); ; step = run.next('time')) {
      if (step.done) return step.value;
      clock.ns = step.value.untilNs;
      act(clock.ns);
    }
  }

  it('by samples finds just the sampled pages that have changed, in every memslot', () => {
    const wanted = { samplePagesPerGiB: 100_000, seed: 4, periodNs: 1e9 };
    const random = new Generator(wanted.seed, 0xd12);
    const sampled = Math.ceil((PAGES * 4096 * 100_000) / 2 ** 30);
    const gfns = Array.from({ length: sampled }, () => random.below(PAGES));
    const isChanged = (gfn: number): boolean => gfn % 3 === 0;
    const report = play({ memory } as SourceGuest, { mode: 'page-sampling', ...wanted }, () => {
      for (let gfn = 0; gfn < PAGES; gfn += 3) {
        const { ram, layout } = slotOf(memory, gfn);
        ram[(gfn - layout.firstGfn) * 4096 + 100]! ^= 1;
      }
    });
    const changed = gfns.filter(isChanged).length;
    expect(report.sampled).toEqual({ pages: sampled, changed });
    expect(report.dirtyPages).toBe(Math.round((PAGES * changed) / sampled));
  });

  it.each([
    ['dirty-ring', [1, 2, 2.5]],
    ['dirty-bitmap', [2.5]],
  ] as const)('in mode %s harvests after %j s', (mode, seconds) => {
    const harvests: number[] = [];
    let nowNs = 0;
    const reader = {
      start: () => undefined,
      harvest: () => void harvests.push(nowNs / 1e9 - 1),
      collect: () => 0,
      stop: () => undefined,
      close: () => undefined,
      pages: { count: 9 },
      ringCounts: () => [
        { entries: 5, stalls: 0 },
        { entries: 7, stalls: 1 },
      ],
    };
    const guest = { openLog: () => reader, isSettled: () => true } as unknown as SourceGuest;
    const options = { mode, periodNs: 2.5e9, samplePagesPerGiB: 1, seed: 1 };
    const report = play(guest, options, (ns) => (nowNs = ns));
    expect(harvests).toEqual(seconds);
    expect(report.dirtyPages).toBe(mode === 'dirty-ring' ? 12 : 9);
  });
});

describe('the windows of a dirty history', () => {
  it('each count the distinct pages from their own start on', () => {
    const bitmaps = [0b1, 0b11, 0b1, 0b100].map((word) => Uint32Array.of(word));
    expect(windowCurves({ stepNs: 1, pages: 32, bitmaps }, 2)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });
});

describe('the geometric series', () => {
  it('ends when the rest just fits into the downtime limit', () => {
    const inputs = {
      guestBytes: 200,
      pageSize: 1,
      bytesPerSecond: 100,
      dirtyPagesPerSecond: 50,
      workingSetPages: 200,
      overheadSeconds: 0,
      downtimeLimitSeconds: 0.5,
    };
    expect(geometricSeries(inputs)).toEqual({ rounds: 2, totalSeconds: 3.5, downtimeSeconds: 0.5 });
  });
});

describe('the wiring of a migration', () => {
  it.each([
    ['cancel', 60e9],
    ['ignore', Infinity],
  ])('with the timeout of cloud-hypervisor that is to %s', (action, timeoutNs) => {
    const text = `{ guest: { memory: 64MiB }, migration: { policy: cloud-hypervisor, timeoutAction: ${action} } }`;
    const { link, migration } = loadScenarioText('test', text).config;
    expect(sourceOptions(link, migration, { pages: 1, pageSize: 4096 }).timeoutNs).toBe(timeoutNs);
  });
});

describe('pre-copy', () => {
  it('over a log that is cleared by hand clears a chunk once in each round', () => {
    const world = new FakeWorld({ pages: 256, clearChunkPages: 64, writesPerSecond: 100_000 });
    const cleared: number[] = [];
    const openLog = world.sourceGuest.openLog.bind(world.sourceGuest);
    let syncs = 0;
    world.sourceGuest.openLog = () => {
      const reader = openLog();
      const { clear } = reader.manualClear!;
      return {
        ...reader,
        harvest: () => {
          syncs++;
          reader.harvest();
        },
        manualClear: {
          ...reader.manualClear!,
          clear: (first, pages) => {
            cleared.push(1000 * syncs + first);
            clear(first, pages);
          },
        },
      };
    };
    const { source } = world.play(precopySource(world.side, roundsPolicy(3)));
    expect(source.outcome).toBe('completed');
    expect(new Set(cleared).size).toBe(cleared.length);
    expect(cleared.filter((at) => at >= 1000).length).toBeGreaterThan(4);
  });

  it('with a limit of its own sends batches that take a millisecond of the limit', () => {
    const options = { maxBytesPerSecond: 1e6 };
    const world = new FakeWorld({ pages: 128, zeroShare: 0, options });
    let longest = 0;
    const post = world.near.post.bind(world.near);
    world.near.post = (bytes, stored) => {
      longest = Math.max(longest, bytes);
      post(bytes, stored);
    };
    world.play(precopySource(world.side, roundsPolicy(1)));
    expect(longest).toBeGreaterThan(4096);
    expect(longest).toBeLessThan(2 * 4096);
  });
});
