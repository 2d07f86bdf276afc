import type { GuestPageSet } from '../../memory/guest-memory.ts';
import type { TakenRuns } from '../../memory/page-set.ts';
import { choice, defaulted, flag, map, type Needs, optional, whole } from '../../units/keys.ts';
import { pageOrderKind } from '../spec/kinds.ts';
import { needsPostcopy } from '../spec/needs.ts';
import type { PageLine } from './line.ts';
import type { PageOrder } from './page-order.ts';
import { queuedOrder } from './queued.ts';

export interface BubblingOptions {
  /** The most recent faults around which pages are pushed; 1, or the paper's best, 7. */
  readonly pivots: number;
  readonly direction: 'forward' | 'backward' | 'dual';
  /** Pages that the pusher has queued ahead of the link; absent: none. */
  readonly queuePages?: number;
  /** A fault discards what is queued. */
  readonly discardsQueue?: boolean;
}

/** One rim of a bubble. */
interface Edge {
  at: number;
  readonly step: 1 | -1;
  /** Goes on behind pages that have been sent; else it stops at the first one. */
  readonly skipsSent: boolean;
  isDone: boolean;
}

/**
 * Prepaging by bubbling (Hines & Gopalan 2009, section 3.4; Hines et al., OSR 2009): pages are pushed
 * around the page that was requested last, in both directions or one. A single pivot moves with each
 * fault, and its edges skip what has been sent; of several, a new fault replaces the oldest one, and
 * an edge that meets a sent page stops for good. Forward, the first pivot, page 0, stays, so that no
 * page is left over; whatever is left otherwise goes out in order. Edges take turns, a frame each.
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
  // Forward alone, the bubble that begins at page 0 is never replaced.
  const sticky = !isSingle && direction === 'forward' ? edgesAt(-1, true) : [];
  /** The oldest first; turns begin with the newest. */
  let bubbles: Edge[][] = sticky.length > 0 ? [] : [edgesAt(-1, isSingle)];
  let turn = 0;
  let line: PageLine | undefined;
  return {
    next(unsent, most) {
      line ??= lineOf();
      const edges = [...bubbles.toReversed().flat(), ...sticky];
      for (let i = 0; i < edges.length; i++) {
        const taken = takeAlong(line, unsent, edges[(turn + i) % edges.length]!, most);
        if (!taken) continue;
        turn = (turn + i + 1) % edges.length;
        return taken;
      }
      // Every edge has come to its end: what lies between them goes out in order.
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

/** The next unsent pages along an edge, which moves behind them; undefined when it has ended. */
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

/** The first page along an edge that is unsent, -1 when it has ended. */
function nextOf(line: PageLine, unsent: GuestPageSet, { at, step, skipsSent }: Edge): number {
  if (at < 0 || at >= line.pages) return -1;
  if (!skipsSent) return line.has(unsent, at) ? at : -1;
  return step < 0 ? line.lastUpTo(unsent, at) : line.firstFrom(unsent, at);
}

/** The part of a migration's spec that is this order's. */
export interface BubblingSpec {
  /** Absent: one pivot, both directions. */
  readonly bubbling?: BubblingOptions;
}

const needsQueue: Needs = ({ queuePages }) =>
  queuePages === 0
    ? 'needs queuePages, how many pages the queue has: add it, or leave this out'
    : undefined;

const NO_QUEUE = 'Hines & Gopalan 2009: the pseudo-code of the second paper has no queue';

const BUBBLING_KEYS = {
  pivots: defaulted(whole(1, 64), 1, {
    about: 'the most recent faults around which pages are pushed',
    source: 'Hines & Gopalan 2009, section 3.4, where it begins; the best of the paper is 7',
  }),
  direction: defaulted(choice(['dual', 'forward', 'backward']), 'dual', {
    about: 'to which sides of a pivot',
    source: 'Hines & Gopalan 2009, section 3.4',
  }),
  queuePages: defaulted(whole(0, 1_000_000), 0, {
    about: 'pages that the pusher has queued ahead of the link',
    source: NO_QUEUE,
  }),
  discardsQueue: defaulted(flag, false, {
    about: 'a fault discards what is queued',
    source: NO_QUEUE,
    needs: needsQueue,
  }),
};

export const bubbling = pageOrderKind({
  name: 'bubbling',
  about: 'Pushes around the pages that were requested last (Hines & Gopalan 2009).',
  keys: {
    bubbling: optional(map(BUBBLING_KEYS), {
      about: 'its settings; absent: one pivot, both directions, no queue',
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
