import { describe, expect, it } from 'vitest';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { ColumnSeries } from '../../src/migration/page-record/columns.ts';
import { PageCounts } from '../../src/migration/page-record/page-counts.ts';
import { postcopyAfter } from '../../src/migration/policies/postcopy-after.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { hybridSource } from '../../src/migration/postcopy.ts';
import type { FrameRoom } from '../../src/link/link.ts';
import { FRAME, frameTypeAt } from '../../src/wire/frame.ts';
import { eachPageRun } from '../../src/wire/pages.ts';
import { FakeWorld } from '../support/fake-world.ts';
import { checkedPages, sum } from '../support/page-record.ts';

describe('counts of pages', () => {
  it('say how many pages have which count, and what came after the first time', () => {
    const counts = new PageCounts(10);
    counts.addRun(2, 5);
    counts.addRun(3, 2);
    counts.add(3);
    expect(counts.histogram()).toEqual([5, 3, 1, 1]);
    expect(counts.repeats(0)).toEqual([0, 0, 0, 2, 1, 0, 0, 0, 0, 0]);
    expect(counts.repeats(2)).toEqual([2, 1, 0]);
  });

  it('go on beyond a byte, and stop at two', () => {
    const counts = new PageCounts(3);
    counts.add(0);
    for (let i = 0; i < 300; i++) counts.add(1);
    for (let i = 0; i < 65_600; i++) counts.add(2);
    const histogram = counts.histogram();
    expect([1, 300, 65_535].map((n) => histogram[n])).toEqual([1, 1, 1]);
    expect(histogram).toHaveLength(65_536);
    expect(sum(histogram)).toBe(3);
  });
});

describe('a series of columns', () => {
  it('has a column for each step, and adds neighbours up when there would be too many', () => {
    const series = new ColumnSeries(2, 4);
    for (const step of [0, 1, 2, 3]) series.at(step).sent[step % 2]! += step + 1;
    expect(series.columns.map(({ sent }) => [...sent])).toEqual([
      [1, 0],
      [0, 2],
      [3, 0],
      [0, 4],
    ]);
    series.at(4).zero[1]! += 9;
    expect(series.stepsEach).toBe(2);
    expect(series.columns.map(({ sent, zero }) => [...sent, ...zero])).toEqual([
      [1, 2, 0, 0],
      [3, 4, 0, 0],
      [0, 0, 0, 9],
    ]);
    series.at(33).requested[0] = 1;
    expect(series.stepsEach).toBe(16);
    expect(series.columns.map(({ sent }) => sum(sent))).toEqual([10, 0, 0]);
    expect(series.columns[2]!.requested[0]).toBe(1);
  });
});

const zeros = (length: number): number[] => Array.from({ length }, () => 0);

/** Returns how often each page is in the page frames that a world's source posts. */
function framesOf(world: FakeWorld): number[] {
  const times = zeros(world.sourceGuest.memory.pages);
  const { near } = world;
  const [room, post] = [near.room.bind(near), near.post.bind(near)];
  let last: FrameRoom | undefined;
  near.room = (...given) => (last = room(...given));
  near.post = (...given) => {
    const { memory, at } = last!;
    if (frameTypeAt(memory, at) === FRAME.pages) {
      eachPageRun(memory, at, (slot, first, pages) => {
        const { firstGfn } = world.sourceGuest.memory.slots[slot]!.layout;
        for (let gfn = firstGfn + first; gfn < firstGfn + first + pages; gfn++) times[gfn]!++;
      });
    }
    post(...given);
  };
  return times;
}

/** Returns how often harvests find each page of a world's source dirty that is not among the unsent ones yet. */
function harvestsOf(world: FakeWorld): number[] {
  const times = zeros(world.sourceGuest.memory.pages);
  const openLog = world.sourceGuest.openLog.bind(world.sourceGuest);
  world.sourceGuest.openLog = () => {
    const log = openLog();
    const counted = (collect: () => number) => (): number => {
      const before = log.pages.bitmap();
      const fresh = collect();
      times.forEach((_, gfn) => {
        const isOld = ((before[gfn >>> 5]! >>> (gfn & 31)) & 1) === 1;
        if (log.pages.has(gfn) && !isOld) times[gfn]!++;
      });
      return fresh;
    };
    return { ...log, collect: counted(log.collect), collectLast: counted(log.collectLast) };
  };
  return times;
}

/** Adds up counts of pages by bins of so many. */
function binned(times: readonly number[], binPages: number): number[] {
  const bins = zeros(Math.ceil(times.length / binPages));
  times.forEach((count, gfn) => (bins[Math.floor(gfn / binPages)]! += count));
  return bins;
}

describe.each(['bitmap', 'bytemap', 'atomic', 'ring'] as const)('a record, log %s', (dirtyLog) => {
  it('has each page that a frame has and a harvest finds, in the bin of its gfn', () => {
    const guest = { pages: 1500, memslots: 3, writesPerSecond: 20_000, readsPerSecond: 5000 };
    const world = new FakeWorld({ ...guest, dirtyLog, options: { recordPages: true } });
    const frames = framesOf(world);
    const harvests = harvestsOf(world);
    const policy = postcopyAfter(roundsPolicy(30), 4);
    const { source } = world.play(hybridSource(world.side, policy, cursorOrder(true)));
    expect(source.outcome, source.error).toBe('completed');
    expect(source.postcopy!.requests).toBeGreaterThan(0);
    const map = checkedPages(source, guest.pages);
    expect(map.binPages).toBe(2);
    const summed = (name: 'sent' | 'dirtied'): number[] =>
      Array.from({ length: map.bins }, (_, bin) => sum(map.columns.map((one) => one[name][bin]!)));
    expect(summed('sent')).toEqual(binned(frames, 2));
    expect(summed('dirtied')).toEqual(binned(harvests, 2));
    const again = frames.map((times) => Math.max(0, times - 1));
    expect(source.pages!.sentAgain).toEqual(binned(again, 2));
  });
});

it('nothing is recorded unless it is asked for', () => {
  const world = new FakeWorld({ writesPerSecond: 20_000 });
  const policy = postcopyAfter(roundsPolicy(30), 1);
  const { source } = world.play(hybridSource(world.side, policy, cursorOrder(true)));
  expect(source).not.toHaveProperty('pages');
});
