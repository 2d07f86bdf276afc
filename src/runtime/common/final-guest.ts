import type { GuestPlan } from '../../guest/stream-plan.ts';
import { readProgress, slotOfStream, type StreamProgress } from '../../guest/stream-record.ts';
import { openMemory, slotOf } from '../../memory/guest-memory.ts';
import type { Difference } from '../report.ts';
import { locateDifference } from './compare.ts';
import type { SharedGuestSide } from './guest-side.ts';
import { memoryPieces, runPieces } from './pieces.ts';
import type { WorkRunner } from './work.ts';

/** What a comparison of all pages of a guest found. */
export interface GuestComparison {
  readonly differingPages: number;
  readonly firstDifference?: Difference;
}

/** Who works on a comparison, and who may give it up. */
export interface ComparisonParts {
  readonly pool: WorkRunner;
  readonly signal?: AbortSignal | undefined;
}

/** A guest whose run is over, as its proof sees it: in this process, or in another one. */
export interface FinalGuest {
  /** What each of its streams has done. */
  readonly progress: readonly StreamProgress[];
  /** Compares every byte of its memory with what it has to be. Throws GivenUpError. */
  compare(expected: SharedGuestSide, parts: ComparisonParts): Promise<GuestComparison>;
}

/** Returns what each stream of a guest has done, whose vCPUs are parked. */
export function progressOf({ slots }: SharedGuestSide, plan: GuestPlan): StreamProgress[] {
  const memory = openMemory(slots);
  return plan.streams.map((_, stream) => readProgress(slotOfStream(memory, plan, stream), stream));
}

/** Returns a guest of this process as its proof sees it. */
export function finalGuest(side: SharedGuestSide, plan: GuestPlan): FinalGuest {
  return {
    progress: progressOf(side, plan),
    async compare(expected, { pool, signal }) {
      const results = await runPieces(
        pool.threads,
        memoryPieces(expected, pool.threads),
        (range) => pool.run('compare', { expected, found: side, ...range }),
        { signal },
      );
      const differingPages = results.reduce((sum, result) => sum + result.differingPages, 0);
      const gfn = results.find(({ firstGfn }) => firstGfn !== undefined)?.firstGfn;
      if (gfn === undefined) return { differingPages };
      const [a, b] = [openMemory(expected.slots), openMemory(side.slots)];
      return {
        differingPages,
        firstDifference: locateDifference(slotOf(a, gfn), slotOf(b, gfn), gfn),
      };
    },
  };
}
