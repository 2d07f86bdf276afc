import type { GuestPlan } from '../../guest/stream-plan.ts';
import { ACCESS_BATCH } from '../../memory/kernels/abi.ts';
import type { ReplayTask } from './work.ts';

type StreamReplay = ReplayTask['streams'][number];

/** A piece of a replay writes or reads about this many words at most, which the twin does in some 100 ms. */
export const PIECE_WORDS = 1024 * 1024;

/**
 * Splits the replay of streams into pieces that are made one after the other; `fromN` is the number of accesses that a
 * stream has made before. A zeroing belongs to the piece that reaches its access. Where pieces begin and end has no
 * effect on what they write.
 */
export function replayPieces(
  plan: GuestPlan,
  streams: readonly StreamReplay[],
  fromN: (stream: number) => number,
): StreamReplay[][] {
  const pieces: StreamReplay[][] = [[]];
  let words = 0;
  for (const one of streams) {
    const { workload } = plan.streams[one.stream]!;
    // Where versions stand for pages, an access has no words, but it counts one.
    const wordsPerPage = Math.max(1, plan.workloads[workload]!.wordsPerPage);
    const mostBatches = Math.floor(PIECE_WORDS / wordsPerPage / ACCESS_BATCH);
    for (const part of partsOf(one, fromN(one.stream), Math.max(1, mostBatches) * ACCESS_BATCH)) {
      const own = part.accesses * wordsPerPage;
      if (words > 0 && words + own > PIECE_WORDS) {
        pieces.push([]);
        words = 0;
      }
      pieces.at(-1)!.push(part.replay);
      words += own;
    }
  }
  return pieces;
}

function partsOf({ stream, targetN, zeroings }: StreamReplay, fromN: number, most: number) {
  const count = Math.max(1, Math.ceil((targetN - fromN) / most));
  return Array.from({ length: count }, (_, i) => {
    const from = fromN + i * most;
    const to = Math.min(targetN, from + most);
    const own = zeroings.filter(([n]) => n! <= to && (i === 0 || n! > from));
    return { accesses: to - from, replay: { stream, targetN: to, zeroings: own } };
  });
}
