import { expect } from 'vitest';
import { gfnLine, type PageLine, swapLine } from '../../src/migration/page-orders/line.ts';
import { queuedOrder } from '../../src/migration/page-orders/queued.ts';
import { withReadahead } from '../../src/migration/page-orders/readahead.ts';
import { bubblingOrder } from '../../src/migration/page-orders/bubbling.ts';
import { cursorOrder, lineCursorOrder } from '../../src/migration/page-orders/cursor.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import { postcopyAfter } from '../../src/migration/policies/postcopy-after.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { Algorithm } from '../../src/migration/ports.ts';
import { hybridSource, postcopySource } from '../../src/migration/postcopy.ts';
import { sentTally, type SourceReport } from '../../src/migration/source.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import type { SourceSide } from '../../src/migration/source-session.ts';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { Cuts } from './cuts.ts';
import { FakeWorld, type FakeWorldOptions, ramOf } from './fake-world.ts';

export const SMALL = { pages: 256, readsPerSecond: 5000, latencyNs: 50_000 };

const line = (): PageLine => gfnLine(SMALL.pages);
const swapped = (): PageLine =>
  swapLine(Uint32Array.from({ length: SMALL.pages }, (_, i) => (i * 37) % SMALL.pages));

export const ORDERS: Readonly<Record<string, () => PageOrder>> = {
  follow: () => cursorOrder(true),
  linear: () => cursorOrder(false),
  bubbling: () => bubblingOrder({ pivots: 1, direction: 'dual' }, line),
  'bubbling of seven pivots': () => bubblingOrder({ pivots: 7, direction: 'forward' }, line),
  'a queue that is kept': () => queuedOrder(ORDERS['bubbling']!(), 20, false),
  'a queue that is discarded': () => queuedOrder(ORDERS['bubbling']!(), 20, true),
  'clusters in a swap device': () => withReadahead(lineCursorOrder(true, swapped), 8, swapped),
};

export const postcopy =
  (order: () => PageOrder = ORDERS['follow']!) =>
  (side: SourceSide): Algorithm<SourceReport> =>
    postcopySource(side, order());

export const hybrid = (side: SourceSide): Algorithm<SourceReport> =>
  hybridSource(side, postcopyAfter(roundsPolicy(30), 1), cursorOrder(true));

export function play(
  algorithm: (side: SourceSide) => Algorithm<SourceReport>,
  after: readonly number[],
  options: FakeWorldOptions = SMALL,
) {
  const world = new FakeWorld(options);
  const cuts = new Cuts(world, after);
  return { world, cuts, ...world.play(algorithm(world.side)) };
}

export type Played = ReturnType<typeof play>;

/** Returns how many frames, in both directions, a migration without trouble has. */
export const framesOf = (
  algorithm: (side: SourceSide) => Algorithm<SourceReport>,
  options: FakeWorldOptions = SMALL,
): number => play(algorithm, [], options).cuts.frames;

/** Expects that the guest has moved, with every byte; with `sendsTwice` duplicates are allowed. */
export function expectMoved({ world, source, destination }: Played, sendsTwice = false): void {
  expect(source, source.error).toMatchObject({ outcome: 'completed', guestLost: false });
  expect(destination).toMatchObject({ outcome: 'completed' });
  expect(Buffer.compare(ramOf(world.target), world.frozen!)).toBe(0);
  expect(world.targetGuest.loadedState).toEqual(world.sourceGuest.savedState);
  expect(world.targetGuest.presence.absent).toBe(0);
  if (sendsTwice) return;
  // No page arrives twice: the pages that arrived are those that were sent, without those sent again.
  const sent = pagesSent(source);
  const resent = source.postcopy!.pauses!.reduce((sum, { resentPages }) => sum + resentPages, 0);
  expect(pagesOf(destination!.tally)).toBe(sent - resent);
  expect(destination!.droppedPages).toBe(0);
}

const pagesSent = (source: SourceReport): number => pagesOf(sentTally(source));

/** Expects that the guest has stayed: it runs at the source, and not at the destination. */
export function expectStayed({ world, source }: Played): void {
  expect(source, source.error).toMatchObject({ outcome: 'failed', guestLost: false });
  expect(Atomics.load(world.source.words, PAUSE)).toBe(0);
  expect(Atomics.load(world.target.words, PAUSE)).toBe(1);
}

/** The connection is lost after each of the first frames (around RUN), and after every `step`-th later one. */
const FIRST_FRAMES = 20;

/** Makes runs that each lose the connection after another frame; each must end with one whole guest. */
export function cutEverywhere(
  algorithm: (side: SourceSide) => Algorithm<SourceReport>,
  options: FakeWorldOptions,
  { step = 1, sendsTwice = false, second = 0 } = {},
) {
  const seen = { runs: 0, moved: 0, stayed: 0, pauses: 0, resent: 0 };
  const frames = framesOf(algorithm, options);
  for (let after = 1; after <= frames; after += after < FIRST_FRAMES ? 1 : step) {
    seen.runs++;
    const played = play(algorithm, second > 0 ? [after, after + second] : [after], options);
    const { source } = played;
    if (source.outcome === 'completed') {
      expectMoved(played, sendsTwice);
      seen.moved++;
    } else {
      expectStayed(played);
      seen.stayed++;
    }
    for (const { resentPages, startNs, endNs } of source.postcopy?.pauses ?? []) {
      expect(endNs).toBeGreaterThan(startNs);
      seen.pauses++;
      seen.resent += resentPages;
    }
  }
  return seen;
}
