import type { SnapshotChain } from '../../../snapshot/reader.ts';
import { SnapshotError } from '../../../snapshot/file-port.ts';
import type { SharedGuestSide } from '../guest-side.ts';
import { memoryPieces, type PieceOptions, runPieces } from '../pieces.ts';
import type { WorkRunner } from '../work.ts';

/**
 * Reads all pages of a snapshot into a guest's memory, with as many threads as the runner has and the guest has access
 * lists for. Throws SnapshotError when a page is damaged, and GivenUpError.
 */
export async function readSnapshot(
  runner: WorkRunner,
  chain: SnapshotChain,
  guestSide: SharedGuestSide,
  options: PieceOptions = {},
): Promise<void> {
  const tasks = Math.max(1, Math.min(guestSide.writers, runner.threads));
  const pieces = memoryPieces(guestSide, tasks);
  const { path } = chain.top;
  const identity = chain.top.identity.toString('hex');
  const lists = Array.from({ length: tasks }, (_, list) =>
    runPieces(
      1,
      pieces.filter((_piece, i) => i % tasks === list),
      async (range) => {
        const problem = await runner.run('readPages', {
          guestSide,
          path,
          identity,
          list,
          ...range,
        });
        if (problem !== undefined) throw new SnapshotError(problem);
        options.onBytes?.(range.pages * guestSide.slots[range.slot]!.geometry.pageSize);
      },
      options,
    ),
  );
  const ends = await Promise.allSettled(lists);
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure) throw failure.reason;
}
