import type { Contents, ZeroFill } from '../../memory/contents/contents.ts';
import type { SharedGuestSide } from './guest-side.ts';
import type { WorkRunner } from './work.ts';
import { memoryPieces, type PieceOptions, runPieces } from './pieces.ts';

/** Contents turned out to be unusable once they were read, which is the scenario's fault and not the run's. */
export class ContentsError extends Error {
  override readonly name = 'ContentsError';
}

/** Fills a destination's memory with a pattern that no migration may leave behind, and so touches all of its pages. */
export async function prefaultGuest(
  pool: WorkRunner,
  guestSide: SharedGuestSide,
  options: PieceOptions = {},
): Promise<void> {
  await runPieces(
    pool.threads,
    memoryPieces(guestSide, pool.threads),
    async (range) => {
      await pool.run('prefault', { guestSide, ...range });
      options.onBytes?.(range.pages * guestSide.slots[range.slot]!.geometry.pageSize);
    },
    options,
  );
}

export interface FillOptions extends PieceOptions {
  /** Whether every page is touched, so that no first touch is left for the measured time. */
  readonly prefault: boolean;
  /** Whether the memory has been written since its slots were taken from the pool. */
  readonly isUsed: boolean;
}

/** Gives a guest's memory its initial contents. Throws ContentsError when an image can't be used, and GivenUpError. */
export async function fillGuest(
  pool: WorkRunner,
  guestSide: SharedGuestSide,
  contents: readonly Contents[],
  seed: number,
  { prefault, isUsed, ...options }: FillOptions,
): Promise<void> {
  const zerosOf = (slot: number): ZeroFill => {
    if (prefault) return 'write';
    return guestSide.slots[slot]!.isFresh && !isUsed ? 'leave' : 'clear';
  };
  await runPieces(
    pool.threads,
    memoryPieces(guestSide, pool.threads),
    async (range) => {
      await pool.run('fill', { guestSide, contents, seed, zeros: zerosOf(range.slot), ...range });
      options.onBytes?.(range.pages * guestSide.slots[range.slot]!.geometry.pageSize);
    },
    options,
  );
  const images = contents.flatMap(({ kind }, entry) => (kind === 'file' ? [entry] : []));
  const problems = await Promise.all(
    images.map((entry) => pool.run('load', { guestSide, contents, entry })),
  );
  const problem = problems.find((sentence) => sentence !== undefined);
  if (problem !== undefined) throw new ContentsError(problem);
}
