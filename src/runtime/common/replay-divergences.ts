import type { FullPlan } from '../../guest/stream-plan.ts';
import { slotOfStream } from '../../guest/stream-record.ts';
import { type Divergence, setVariant } from '../../guest/stream-variants.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import type { SharedGuestSide } from './guest-side.ts';

/**
 * Replays the streams of a canvas up to the last of their divergences, of which each has its stream go another way.
 * `replay` makes the accesses of a stream up to a number of them.
 */
export async function replayDivergences(
  canvas: SharedGuestSide,
  plan: FullPlan,
  divergences: readonly Divergence[],
  replay: (stream: number, targetN: number) => Promise<unknown>,
): Promise<void> {
  const memory = openMemory(canvas.slots);
  for (const { stream, n, variant } of divergences) {
    await replay(stream, n);
    setVariant(slotOfStream(memory, plan, stream), plan.streams[stream]!, stream, variant);
  }
}
