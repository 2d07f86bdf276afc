import type { Policy } from './policy.ts';
import type { Algorithm } from './ports.ts';
import { asker } from './precopy.ts';
import { handOver, runSource, type SourceReport } from './source.ts';
import type { SourceSide } from './source-session.ts';

/**
 * Stop the guest, send everything, run it there. Downtime is the whole copy. The migration's limit
 * holds throughout, except that policy `qemu` lifts it once less than its threshold is left, where
 * QEMU enters completion (rules of migration_iteration_run), unless the limit is strict.
 */
export function stopAndCopySource<State>(
  side: SourceSide,
  policy: Policy<State>,
): Algorithm<SourceReport> {
  return runSource(side, function* (session) {
    session.unsent.addAll();
    session.metrics.dirtySyncCount = 1;
    yield* session.pauseAndHarvest();
    const ask = asker(session, policy);
    let event: 'batch' | 'window' = 'batch';
    while (session.unsent.count > 0) {
      event = session.isHeldBack ? 'window' : 'batch';
      if (event === 'window') yield* session.awaitWindow();
      else yield* session.sendBatch(false);
      if (ask(event) !== 'continue' && !side.options.strictRate) session.lift();
    }
    return yield* handOver(session);
  });
}
