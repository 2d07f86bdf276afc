import type { GuestPageSet } from '../../memory/guest-memory.ts';
import type { TakenRuns } from '../../memory/page-set.ts';
import { choice, defaulted, flag, map, type Needs, optional, whole } from '../../units/keys.ts';
import { pageOrderKind } from '../spec/kinds.ts';
import { needsPostcopy } from '../spec/needs.ts';
import type { PageLine } from './line.ts';
import type { PageOrder } from './page-order.ts';
import { queuedOrder } from './queued.ts';

/** The settings of page order `bubbling`. */
export interface BubblingOptions {
  /** The number of most recent faults around which pages are pushed; the paper does best with 7. */
  readonly pivots: number;
  /** On which sides of a pivot pages are pushed. */
  readonly direction: 'forward' | 'backward' | 'dual';
  /** The number of pages that the pusher queues ahead of the link; by default 0. */
  readonly queuePages?: number;
  /** Whether a fault empties the queue. */
  readonly discardsQueue?: boolean;
}

/** One end of a bubble, at which it grows. */
interface Edge {
  /** The position of the next page. */
  at: number;
  readonly step: 1 | -1;
  /** Whether it skips pages that have been sent; otherwise it stops at the first one. */
  readonly skipsSent: boolean;
  isDone: boolean;
}

/**
 * Prepaging by bubbling (Hines & Gopalan 2009, section 3.4; Hines et al., OSR 2009). Pages are pushed
 * around pivots, the pages that were requested last, in one direction or both; this makes a bubble around
 * each pivot, which grows at its edges. A single pivot moves with each fault, and its edges skip pages
 * that have been sent. Of several pivots, a new fault replaces the oldest one, and an edge stops for good
 * at a page that has been sent. In direction forward the first pivot, page 0, is kept, so that no page is
 * left over; otherwise pages that are left over go out in order. Edges take turns, a frame each.
 */
export function bubblingOrder(
  { pivots, direction }: BubblingOptions,
  lineOf: () => PageLine,
): PageOrder {
  const steps =
    direction === 'dual'
      ? ([1, -1] as const)
      : direction === 'forward'
        ? ([1] as const)
        : ([-1] as const);
  const edgesAt = (position: number, skipsSent: boolean): Edge[] =>
    steps.map((step) => ({ at: position + step, step, skipsSent, isDone: false }));
  const isSingle = pivots === 1;
  // In direction forward, the bubble that begins at page 0 is never replaced.
  const rootEdges = !isSingle && direction === 'forward' ? edgesAt(-1, true) : [];
  /** The edges of each bubble, the oldest bubble first; turns begin with the newest. */
  let bubbles: Edge[][] = rootEdges.length > 0 ? [] : [edgesAt(-1, isSingle)];
  let turn = 0;
  let line: PageLine | undefined;
  return {
    next(unsent, most) {
      line ??= lineOf();
      const edges = [...bubbles.toReversed().flat(), ...rootEdges];
      for (let i = 0; i < edges.length; i++) {
        const taken = takeAlong(line, unsent, edges[(turn + i) % edges.length]!, most);
        if (!taken) continue;
        turn = (turn + i + 1) % edges.length;
        return taken;
      }
      // When every edge has come to its end, the pages between bubbles go out in order.
      return unsent.take(0, most);
    },
    restart: () => line?.restart(),
    requested(gfn) {
      line ??= lineOf();
      const at = line.positionOf(gfn);
      bubbles = [...bubbles.slice(bubbles.length < pivots ? 0 : 1), edgesAt(at, isSingle)];
      turn = 0;
    },
  };
}

/** Takes the next unsent pages along an edge and moves it behind them; returns undefined if it has ended. */
function takeAlong(
  line: PageLine,
  unsent: GuestPageSet,
  edge: Edge,
  most: number,
): TakenRuns | undefined {
  if (edge.isDone) return undefined;
  const start = nextOf(line, unsent, edge);
  if (start < 0) {
    edge.isDone = true;
    return undefined;
  }
  const { taken, position } = line.take(unsent, start, edge.step, most);
  edge.at = position;
  return taken;
}

/** Returns the position of the next unsent page along an edge, or -1 if the edge has ended. */
function nextOf(line: PageLine, unsent: GuestPageSet, { at, step, skipsSent }: Edge): number {
  if (at < 0 || at >= line.pages) return -1;
  if (!skipsSent) return line.has(unsent, at) ? at : -1;
  return step < 0 ? line.lastUpTo(unsent, at) : line.firstFrom(unsent, at);
}

/** The part of a migration's spec that is this order's. */
export interface BubblingSpec {
  /** The settings; by default one pivot and both directions. */
  readonly bubbling?: BubblingOptions;
}

const needsQueue: Needs = ({ queuePages }) =>
  queuePages === 0
    ? 'needs queuePages, how many pages the queue has: add it, or leave this out'
    : undefined;

const NO_QUEUE = 'Hines et al., OSR 2009: the pseudo-code has no queue';

const BUBBLING_KEYS = {
  pivots: defaulted(whole(1, 64), 1, {
    about: 'the number of most recent faults around which pages are pushed',
    source: 'Hines & Gopalan 2009, section 3.4, which begins with one; the paper does best with 7',
  }),
  direction: defaulted(choice(['dual', 'forward', 'backward']), 'dual', {
    about: 'the sides of a pivot on which pages are pushed',
    source: 'Hines & Gopalan 2009, section 3.4',
  }),
  queuePages: defaulted(whole(0, 1_000_000), 0, {
    about: 'the number of pages that the pusher queues ahead of the link',
    source: NO_QUEUE,
  }),
  discardsQueue: defaulted(flag, false, {
    about: 'whether a fault empties the queue',
    source: NO_QUEUE,
    needs: needsQueue,
  }),
};

export const bubbling = pageOrderKind({
  name: 'bubbling',
  about: 'Pushes around the pages that were requested last (Hines & Gopalan 2009).',
  keys: {
    bubbling: optional(map(BUBBLING_KEYS), {
      about: 'the settings of pageOrder bubbling; absent: one pivot, both directions, no queue',
      needs: needsPostcopy,
    }),
  },
  resolve: (written): BubblingSpec => (written.bubbling ? { bubbling: written.bubbling } : {}),
  order(spec, { line }) {
    const options = spec.bubbling ?? { pivots: 1, direction: 'dual' };
    const { queuePages = 0, discardsQueue = false } = options;
    const order = bubblingOrder(options, line);
    return queuePages > 0 ? queuedOrder(order, queuePages, discardsQueue) : order;
  },
});
