import { describe, expect, it } from 'vitest';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { zeroPages } from '../../src/guest/zeroing.ts';
import type { Link } from '../../src/link/link.ts';
import { PAGE_FREE, PAGE_RELEASED } from '../../src/memory/kernels/abi.ts';
import { PageStates } from '../../src/memory/page-states.ts';
import type { DestinationReport } from '../../src/migration/destination.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { Policy } from '../../src/migration/policy.ts';
import { hybridSource, postcopySource } from '../../src/migration/postcopy.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { SourceSession } from '../../src/migration/source-session.ts';
import { stopAndCopySource } from '../../src/migration/stop-and-copy.ts';
import { FRAME } from '../../src/wire/frame.ts';
import { MAX_RANGES } from '../../src/wire/ranges.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { FakeWorld, ramOf } from '../support/fake-world.ts';
import { Peer } from '../support/peer.ts';

/** Lengths of lists around each border between frames, and one of several frames. */
const LENGTHS = [
  0,
  1,
  MAX_RANGES - 1,
  MAX_RANGES,
  MAX_RANGES + 1,
  2 * MAX_RANGES,
  3 * MAX_RANGES + 1,
];

const framesFor = (ranges: number): number => Math.ceil(ranges / MAX_RANGES);

/** A large guest is cheap when a version stands for each page. */
const LARGE = { backing: 'versions', bytesPerSecond: 10e9, latencyNs: 1000 } as const;

/** Counts by type the frames that are posted over an end of a link from now on. */
function counting(link: Link): Map<number, number> {
  const counts = new Map<number, number>();
  const [room, post] = [link.room.bind(link), link.post.bind(link)];
  let last: ReturnType<typeof room>;
  link.room = (...given) => (last = room(...given));
  link.post = (...given) => {
    const type = last!.memory.view.getUint16(last!.at + 6, true);
    counts.set(type, (counts.get(type) ?? 0) + 1);
    post(...given);
  };
  return counts;
}

const everySecond = (ranges: number): number[] =>
  Array.from({ length: ranges }, (_, i) => [2 * i + 1, 1]).flat();

/** Pushes the last page first, so that what RECEIVED has said of the others stays as it is for a while. */
const lastFirst: PageOrder = {
  next: (unsent) => unsent.takePage(unsent.lastUpTo(unsent.memory.pages - 1)) ?? unsent.take(0, 1),
  requested: () => undefined,
};

/** Returns the first index at which two lists differ, with both values; undefined if they are equal. */
function firstDifference(found: readonly number[], expected: readonly number[]) {
  const length = Math.max(found.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (found[i] !== expected[i]) return { i, found: found[i], expected: expected[i] };
  }
  return undefined;
}

/** Cuts a list of ranges into the lists of single frames. */
const framesOf = (list: readonly number[]): number[][] =>
  Array.from({ length: framesFor(list.length / 2) }, (_, i) =>
    list.slice(2 * MAX_RANGES * i, 2 * MAX_RANGES * (i + 1)),
  );

describe('DISCARD', () => {
  /** One live round; then every second page becomes dirty, before the switch to post-copy. */
  const play = (dirtyPages: number) => {
    const world = new FakeWorld({ ...LARGE, pages: 2 * dirtyPages + 2, readsPerSecond: 10_000 });
    const frames = counting(world.near);
    let session: SourceSession | undefined;
    const side = { ...world.side, watch: (now: SourceSession) => void (session = now) };
    const policy: Policy<null> = {
      ...roundsPolicy(2),
      decide(state, { pendingPages }) {
        if (pendingPages > 0) return { state, actions: [{ kind: 'continue' }] };
        for (let page = 0; page < dirtyPages; page++) {
          world.source.memory.slots[0]!.words[wordOf(world, 2 * page + 1)]! += 1;
          session!.unsent.addRun(2 * page + 1, 1);
        }
        return { state, actions: [{ kind: 'postcopy' }] };
      },
    };
    return { world, frames, ...world.play(hybridSource(side, policy, cursorOrder(true))) };
  };
  const wordOf = ({ source }: FakeWorld, gfn: number): number =>
    (source.memory.slots[0]!.layout.ramOffset >>> 2) + gfn;

  it.each([...LENGTHS, 26_051])('of %i ranges makes exactly these pages absent', (length) => {
    const { world, frames, source, destination } = play(length);
    expect(source, source.error).toMatchObject({ outcome: 'completed' });
    expect(frames.get(FRAME.discard) ?? 0).toBe(framesFor(length));
    // A page that was not made absent would keep its old version; one too many would be missing for ever.
    expect(Buffer.compare(ramOf(world.target), ramOf(world.source))).toBe(0);
    expect(pagesOf(source.postcopy!.tally)).toBe(length);
    expect(destination).toMatchObject({ outcome: 'completed', droppedPages: 0 });
  });
});

describe('RELEASED and FREE', () => {
  const memoryManager: ManagerConfig = {
    kernelPages: 1,
    used: [],
    cache: [],
    deflatePages: 1,
    cacheReclaimShare: 0,
    release: 'none',
  };

  it.each(LENGTHS)('of %i ranges each arrive whole', (length) => {
    const world = new FakeWorld({ ...LARGE, pages: 3 * length + 3, memoryManager, zeroShare: 0 });
    const frames = counting(world.near);
    const states = new PageStates(world.source.memory);
    states.reset();
    const [slot] = world.source.memory.slots;
    for (let i = 0; i < length; i++) {
      zeroPages(slot!, 3 * i + 1, 1);
      states.set(3 * i + 1, 1, PAGE_RELEASED);
      states.set(3 * i + 2, 1, PAGE_FREE);
    }
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(source, source.error).toMatchObject({ outcome: 'completed', releasedPages: length });
    expect([FRAME.released, FRAME.free].map((type) => frames.get(type) ?? 0)).toEqual([
      framesFor(length),
      framesFor(length),
    ]);
    // What was not said to be zero would still hold what a destination holds at first.
    expect(Buffer.compare(ramOf(world.target), ramOf(world.source))).toBe(0);
    const arrived: number[] = [];
    const here = new PageStates(world.target.memory);
    for (const state of [PAGE_RELEASED, PAGE_FREE]) {
      here.eachRun(state, (gfn, pages) => arrived.push(gfn, pages));
    }
    const ranges = (first: number): number[] =>
      Array.from({ length }, (_, i) => [3 * i + first, 1]).flat();
    expect(firstDifference(arrived, [...ranges(1), ...ranges(2)])).toBeUndefined();
  });
});

describe('RECEIVED', () => {
  const halfLength = ({ length }: readonly number[]): number => length / 2;
  const HELLO = { pageSize: 4096, vcpus: 1, integrity: 'full' } as const;

  // The ranges are the even pages, and the last frame's last one is page 2 × length.
  it.each(LENGTHS)('of %i ranges names exactly the pages that are present', (length) => {
    const pages = 2 * length + 2;
    const world = new FakeWorld({ ...LARGE, pages });
    const peer = new Peer<DestinationReport>(world, world.near, world.destinationHalf());
    peer.control({ name: 'hello', body: { ...HELLO, slots: [pages] } });
    // Here all pages are absent but the first `length` even ones.
    const absent = [...everySecond(length).slice(0, -2), 2 * length - 1, 3];
    const list = length === 0 ? [0, pages] : absent;
    for (const frame of framesOf(list)) peer.ranges('discard', frame);
    const body = { stoppedPages: 0, postcopy: true, absentPages: pages - length, buffered: false };
    peer.control({ name: 'switchover', body });
    peer.control({ name: 'state', body: { vcpus: world.sourceGuest.vcpuState() } });
    peer.control({ name: 'run', body: {} });
    peer.pass(1e6);
    peer.reconnect();
    peer.heard.length = 0;
    peer.control({ name: 'resume', body: {} });
    peer.pass(2e6);
    const received = peer.heard.filter(({ name }) => name === 'RECEIVED');
    const present = Array.from({ length }, (_, i) => [2 * i, 1]).flat();
    const lists = received.map((frame) => frame.body as number[]);
    expect(lists.map((ranges) => ranges.length / 2)).toEqual(framesOf(present).map(halfLength));
    expect(firstDifference(lists.flat(), present)).toBeUndefined();
    const resumed = peer.heard.find(({ name }) => name === 'RESUMED');
    expect(resumed?.body).toEqual({ presentPages: length });
  });

  it.each(LENGTHS)('of %i ranges leaves exactly the other pages unsent', (length) => {
    const pages = 2 * length + 10;
    const world = new FakeWorld({ ...LARGE, pages, options: { postcopyBytesPerSecond: 1000 } });
    let session: SourceSession | undefined;
    const side = { ...world.side, watch: (now: SourceSession) => void (session = now) };
    const half = world.sourceHalf(postcopySource(side, lastFirst));
    const peer = new Peer<SourceReport>(world, world.far, half);
    peer.control({ name: 'welcome', body: {} });
    peer.until(() => session?.phase === 'postcopy' && session.unsent.count < pages);
    peer.reconnect();
    peer.until(() => peer.heard.some(({ name }) => name === 'RESUME'));
    for (const frame of framesOf(everySecond(length))) peer.ranges('received', frame);
    peer.control({ name: 'resumed', body: { presentPages: length } });
    peer.until(() => session!.phase === 'postcopy');
    const unsent: number[] = [];
    session!.unsent.eachRun((gfn, count) => {
      if (gfn < 2 * length) unsent.push(gfn, count);
    });
    const others = Array.from({ length }, (_, i) => [2 * i, 1]).flat();
    expect(firstDifference(unsent, others)).toBeUndefined();
  });
});
