import { bubblingOrder, type BubblingOptions } from '../../src/migration/page-orders/bubbling.ts';
import {
  cursorOrder,
  lineCursorOrder,
  twiceOrder,
} from '../../src/migration/page-orders/cursor.ts';
import { gfnLine, type PageLine, swapLine } from '../../src/migration/page-orders/line.ts';
import { queuedOrder } from '../../src/migration/page-orders/queued.ts';
import { withReadahead } from '../../src/migration/page-orders/readahead.ts';
import { Generator } from '../../src/random/generator.ts';
import { type PageOrderKind, pageOrderConformance } from '../conformance/page-order.ts';

function shuffledLine(pages: number): PageLine {
  const gfns = Uint32Array.from({ length: pages }, (_, gfn) => gfn);
  new Generator(9).shuffle(gfns);
  return swapLine(gfns);
}

const plain = { lineOf: gfnLine, times: 1, clusterPages: 1 } as const;
const swapped = { ...plain, lineOf: shuffledLine } as const;

const bubbling = (
  options: BubblingOptions,
  afterRequest: readonly number[],
  over: typeof plain | typeof swapped = plain,
): PageOrderKind => ({
  ...over,
  create: (line) => bubblingOrder(options, () => line),
  afterRequest,
});

const queued = (discards: boolean, afterRequest: readonly number[]): PageOrderKind => ({
  ...plain,
  create: (line) =>
    queuedOrder(
      bubblingOrder({ pivots: 1, direction: 'dual' }, () => line),
      3,
      discards,
    ),
  afterRequest,
});

const KINDS: Record<string, PageOrderKind> = {
  follow: { ...plain, create: () => cursorOrder(true), afterRequest: [51, 52, 53] },
  linear: { ...plain, create: () => cursorOrder(false), afterRequest: [1, 2, 3] },
  'follow in a swap device': {
    ...swapped,
    create: (line) => lineCursorOrder(true, () => line),
    afterRequest: [51, 52, 53],
  },
  'linear in a swap device': {
    ...swapped,
    create: (line) => lineCursorOrder(false, () => line),
    afterRequest: [1, 2, 3],
  },
  'bubbling, dual': bubbling({ pivots: 1, direction: 'dual' }, [51, 49, 52, 48]),
  'bubbling, forward': bubbling({ pivots: 1, direction: 'forward' }, [51, 52, 53]),
  'bubbling, backward': bubbling({ pivots: 1, direction: 'backward' }, [49, 48, 47]),
  'bubbling, dual, 7 pivots': bubbling({ pivots: 7, direction: 'dual' }, [51, 49, 1, 52, 48, 2]),
  'bubbling, forward, 7 pivots': bubbling({ pivots: 7, direction: 'forward' }, [51, 1, 52, 2]),
  'bubbling, backward, 7 pivots': bubbling({ pivots: 7, direction: 'backward' }, [49, 48, 47]),
  'bubbling in a swap device': bubbling(
    { pivots: 1, direction: 'dual' },
    [51, 49, 52, 48],
    swapped,
  ),
  'a queue that goes out first': queued(false, [1, 2, 51]),
  'a queue that a request discards': queued(true, [51, 49, 52]),
  'follow with clusters of a swap device': {
    ...swapped,
    clusterPages: 8,
    create: (line) =>
      withReadahead(
        lineCursorOrder(true, () => line),
        8,
        () => line,
      ),
    afterRequest: [51, 52, 53],
  },
  twice: { ...plain, times: 2, create: () => twiceOrder(), afterRequest: [51, 52, 53] },
};

for (const [name, kind] of Object.entries(KINDS)) pageOrderConformance(name, kind);
