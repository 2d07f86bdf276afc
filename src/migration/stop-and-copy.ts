import type { Algorithm } from './ports.ts';
import { runSource, type SourceReport } from './source.ts';
import type { SourceSide } from './source-session.ts';

/** Stop the guest, send everything, run it there. Downtime is the whole copy; the limit holds throughout. */
export function stopAndCopySource(side: SourceSide): Algorithm<SourceReport> {
  return runSource(side, function* (session) {
    side.guest.unsent.addAll();
    session.metrics.dirtySyncCount = 1;
    yield* session.pauseAndHarvest();
    while (side.guest.unsent.count > 0) yield* session.sendBatch(false);
  });
}
