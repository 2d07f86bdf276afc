import type { Contents, ZeroFill } from '../../memory/contents/contents.ts';
import type { SharedGuestSide } from './guest-side.ts';
import type { WorkRunner } from './work.ts';
import { pageRanges } from './ranges.ts';

/** Contents that turned out unusable once they were read: the scenario's fault, not the run's. */
export class ContentsError extends Error {
  override readonly name = 'ContentsError';
}

export interface FillOptions {
  /** Every page is to be touched, so that no first touch is left for later. */
  readonly prefault: boolean;
  /** Somebody has used the memory since its slots were taken. */
  readonly isUsed: boolean;
}

/** Gives a guest's memory its initial contents. Throws ContentsError. */
export async function fillGuest(
  pool: WorkRunner,
  guestSide: SharedGuestSide,
  contents: readonly Contents[],
  seed: number,
  { prefault, isUsed }: FillOptions,
): Promise<void> {
  const zerosOf = (slot: number): ZeroFill => {
    if (prefault) return 'write';
    return guestSide.slots[slot]!.isFresh && !isUsed ? 'leave' : 'clear';
  };
  await Promise.all(
    pageRanges(guestSide, pool.threads).map((range) =>
      pool.run('fill', { guestSide, contents, seed, zeros: zerosOf(range.slot), ...range }),
    ),
  );
  const images = contents.flatMap(({ kind }, entry) => (kind === 'file' ? [entry] : []));
  const problems = await Promise.all(
    images.map((entry) => pool.run('load', { guestSide, contents, entry })),
  );
  const problem = problems.find((sentence) => sentence !== undefined);
  if (problem !== undefined) throw new ContentsError(problem);
}
