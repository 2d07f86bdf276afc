import { describe, expect, it } from 'vitest';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { zeroPages } from '../../src/guest/zeroing.ts';
import { slotOf } from '../../src/memory/guest-memory.ts';
import { PAGE_FREE, PAGE_RELEASED, PAGE_USED } from '../../src/memory/kernels/abi.ts';
import { PageStates } from '../../src/memory/page-states.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { Algorithm } from '../../src/migration/ports.ts';
import { postcopySource } from '../../src/migration/postcopy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import { sentTally, type SourceReport } from '../../src/migration/source.ts';
import type { SourceSide } from '../../src/migration/source-session.ts';
import { stopAndCopySource } from '../../src/migration/stop-and-copy.ts';
import { ReleasedHere } from '../../src/migration/released-here.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { openFrame } from '../../src/wire/frame.ts';
import { encodeRanges } from '../../src/wire/ranges.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { smallSlot } from '../support/slots.ts';
import { FakeWorld, type FakeWorldOptions, ramOf } from '../support/fake-world.ts';

const PAGES = 1024;
const manager: ManagerConfig = {
  kernelPages: 100,
  used: [],
  cache: [],
  deflatePages: 1,
  cacheReclaimShare: 0,
  release: 'none',
};

/** A guest of which pages 300 to 499 have been given back, and 500 to 599 are free. */
function world(options: FakeWorldOptions = {}) {
  const made = new FakeWorld({ memoryManager: manager, memslots: 2, zeroShare: 0, ...options });
  const states = new PageStates(made.source.memory);
  states.reset();
  release(made, 300, 200);
  states.set(500, 100, PAGE_FREE);
  return { made, states };
}

/** As a memory manager does, but for the marks: nobody has touched these pages. */
function release({ source }: FakeWorld, gfn: number, pages: number): void {
  for (let page = gfn; page < gfn + pages; page++) {
    const slot = slotOf(source.memory, page);
    zeroPages(slot, page - slot.layout.firstGfn, 1);
  }
  new PageStates(source.memory).set(gfn, pages, PAGE_RELEASED);
}

const ways: Readonly<Record<string, (side: SourceSide) => Algorithm<SourceReport>>> = {
  'stop-and-copy': (side) => stopAndCopySource(side, roundsPolicy(1)),
  'pre-copy': (side) => precopySource(side, roundsPolicy(2)),
  'post-copy': (side) => postcopySource(side, cursorOrder(true)),
};

const sentPages = (source: SourceReport): number => pagesOf(sentTally(source));

describe.each(Object.keys(ways))('%s of a guest that has given pages back', (name) => {
  it('says that they are zero and sends all others, and the states arrive', () => {
    const { made } = world();
    const { source } = made.play(ways[name]!(made.side));
    expect(source).toMatchObject({ outcome: 'completed', releasedPages: 200 });
    expect(sentPages(source)).toBe(PAGES - 200);
    expect(Buffer.compare(ramOf(made.target), made.frozen!)).toBe(0);
    const arrived = new PageStates(made.target.memory);
    expect(arrived.counts()).toEqual({ released: 200, free: 100, used: 724 });
    const runs: number[] = [];
    arrived.eachRun(PAGE_RELEASED, (gfn, pages) => runs.push(gfn, pages));
    expect(runs).toEqual([300, 200]);
  });
});

describe('pre-copy of a guest whose balloon moves meanwhile', () => {
  it('sends what the guest has got back without writing to it (to_fix)', () => {
    const { made, states } = world();
    made.onTime = ({ clock }) => {
      // Round 1 takes some 30 ms.
      if (clock.ns > 1e9 + 10e6) states.set(300, 50, PAGE_USED);
    };
    const { source } = made.play(ways['pre-copy']!(made.side));
    expect(source).toMatchObject({ outcome: 'completed', releasedPages: 150 });
    const last = source.rounds.at(-1)!;
    expect([last.stopped, pagesOf(last.tally, 'zero')]).toEqual([true, 50]);
    expect(Buffer.compare(ramOf(made.target), made.frozen!)).toBe(0);
  });

  it('does not send a page again that it has given back since', () => {
    const { made } = world();
    let hasReleased = false;
    made.onTime = (now) => {
      if (hasReleased || now.clock.ns < 1e9 + 15e6) return;
      hasReleased = true;
      release(now, 110, 20);
    };
    const { source } = made.play(ways['pre-copy']!(made.side));
    expect(source).toMatchObject({ outcome: 'completed', releasedPages: 220 });
    expect(Buffer.compare(ramOf(made.target), made.frozen!)).toBe(0);
  });
});

describe('pseudo-paging', () => {
  it('moves the kernel and free pages in the downtime, and leaves the others to be faulted in', () => {
    const { made } = world({ options: { pseudoPaging: true }, readsPerSecond: 2000 });
    const { source } = made.play(ways['post-copy']!(made.side));
    expect(source.outcome).toBe('completed');
    expect(source.rounds).toHaveLength(1);
    const [stopped] = source.rounds;
    expect([stopped!.stopped, pagesOf(stopped!.tally, 'raw')]).toEqual([true, 200]);
    expect(pagesOf(source.postcopy!.tally, 'raw')).toBe(PAGES - 400);
    expect(made.faults).toBeGreaterThan(0);
    expect(Buffer.compare(ramOf(made.target), made.frozen!)).toBe(0);
  });
});

describe('frames of pages that were given back', () => {
  const frame = (name: 'released' | 'free', list: readonly number[]) => {
    const slot = openSlot(smallSlot());
    const memory = {
      bytes: new Uint8Array(slot.buffer),
      view: new DataView(slot.buffer),
      kernels: slot.kernels,
      scratch: 0,
    };
    const at = slot.layout.ramOffset;
    const length = encodeRanges(memory, at, name, list, 0, list.length / 2, 0);
    return openFrame(memory, at, length, 0);
  };

  it('zero their pages, once', () => {
    const { made } = world();
    const here = new ReleasedHere(made.targetGuest);
    here.take(frame('released', [500, 20, 530, 1]));
    here.take(frame('free', [0, 3]));
    const { ram } = made.target.memory.slots[0]!;
    expect(ram.subarray(500 * 4096, 512 * 4096).every((byte) => byte === 0)).toBe(true);
    expect(new PageStates(made.target.memory).counts()).toMatchObject({ released: 21 });
    expect(() => here.take(frame('released', [530, 1]))).toThrow(/not in ascending order/);
    expect(() => here.take(frame('free', [1, 1]))).toThrow(/not in ascending order/);
  });

  it.each([
    ['for a guest without a memory manager', {}, /no memory manager/],
    ['outside of memory', { memoryManager: manager }, /outside memory/],
  ] as const)('%s are refused', (_, options, complaint) => {
    const here = new ReleasedHere(new FakeWorld(options).targetGuest);
    expect(() => here.take(frame('released', [1023, 2]))).toThrow(complaint);
  });

  it('are refused once pages have been made absent', () => {
    const { made } = world();
    made.targetGuest.presence.discard(3, 4);
    const here = new ReleasedHere(made.targetGuest);
    expect(() => here.take(frame('released', [500, 1]))).toThrow(/after others were made absent/);
  });
});

describe('pseudo-paging that is called off in its downtime', () => {
  it('leaves what it had set aside among what remains', () => {
    const { made } = world({
      bytesPerSecond: 1e6,
      options: { pseudoPaging: true, timeoutNs: 20e6, linkBytesPerSecond: 1e6 },
    });
    const { source } = made.play(ways['post-copy']!(made.side));
    expect(source.outcome).toBe('diverged');
    expect(sentPages(source) + source.unsentPages).toBe(PAGES - 200);
  });
});
