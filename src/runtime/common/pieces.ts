import { storedBytesOf } from '../../memory/layout.ts';
import type { SharedGuestSide } from './guest-side.ts';
import { othersTurn } from './others-turn.ts';
import { pageRanges, type SlotPages } from './ranges.ts';

/** Work was given up before its end, because somebody did not want to wait for it any longer. */
export class GivenUpError extends Error {
  override readonly name = 'GivenUpError';
}

/** What a caller may ask of a long work on memory. */
export interface PieceOptions {
  /** Once it is aborted, no further piece begins, and the work throws GivenUpError. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the size of each piece that is done. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** A piece of work on memory has this many bytes at most, which a thread fills or compares in some 10 ms. */
const PIECE_BYTES = 8 * 1024 * 1024;
/** A thread of a pool has one piece at work and the next one at hand. */
const LANES_EACH = 2;

/** Splits a guest's pages for some threads, into pieces so small that whoever waits can give up between two of them. */
export function memoryPieces(guestSide: SharedGuestSide, threads: number): SlotPages[] {
  const { slots } = guestSide;
  const bytes = slots.reduce(
    (sum, { geometry: { pages, pageSize, backing } }) =>
      sum + pages * storedBytesOf(backing, pageSize),
    0,
  );
  return pageRanges(guestSide, Math.max(threads, Math.ceil(bytes / PIECE_BYTES)));
}

/**
 * Works through pieces in their order, as many at a time as `threads` can do, and returns their answers. The
 * rest of the program gets its turn between two pieces. Throws GivenUpError, but only when no piece is at work any more.
 */
export async function runPieces<Piece, Answer>(
  threads: number,
  pieces: readonly Piece[],
  work: (piece: Piece) => Promise<Answer>,
  { signal }: PieceOptions = {},
): Promise<Answer[]> {
  const isGivenUp = (): boolean => signal?.aborted ?? false;
  const answers: Answer[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < pieces.length && !isGivenUp()) {
      const index = next++;
      answers[index] = await work(pieces[index]!);
      if (threads === 1 && next < pieces.length) await othersTurn();
    }
  };
  const lanes = threads === 1 ? 1 : LANES_EACH * threads;
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure) throw failure.reason;
  if (next < pieces.length) throw new GivenUpError('the work was given up');
  return answers;
}
