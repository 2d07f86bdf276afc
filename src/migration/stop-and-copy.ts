import type { Policy } from './policy.ts';
import type { Algorithm } from './ports.ts';
import { asker } from './precopy.ts';
import { handOver, runSource, type SourceReport } from './source.ts';
import type { SourceSide } from './source-session.ts';

/**
 * Stop-and-copy: it stops the guest, sends all pages and runs the guest at the destination, so that the
 * downtime is the time of the whole copy. The migration's limit holds throughout, unless the policy ends
 * it: policy `qemu` does so once less than its threshold is left, where QEMU enters completion
 * (migration_iteration_run). A strict limit never ends.
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
