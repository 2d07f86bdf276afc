import type { PageOrder } from './page-orders/page-order.ts';
import type { Policy } from './policy.ts';
import type { Algorithm } from './ports.ts';
import { type Asker, asker, sendRounds, sendStopped, stopAndFinish } from './precopy.ts';
import { pageableAside } from './released.ts';
import { PostcopyPush } from './postcopy-push.ts';
import { pushThrough } from './recovery.ts';
import { type HandedOver, runSource, sendState, type SourceReport } from './source.ts';
import type { SourceSession, SourceSide } from './source-session.ts';

/**
 * Post-copy (Hines and Gopalan 2009): stop the guest, move its state alone, run it at the
 * destination; then send every page once, those first that a vCPU waits for.
 */
export function postcopySource(side: SourceSide, order: PageOrder): Algorithm<SourceReport> {
  return runSource(side, function* (session) {
    session.unsent.addAll();
    session.metrics.dirtySyncCount = 1;
    return yield* switchAndPush(session, order);
  });
}

/**
 * Pre-copy first, then post-copy for what is dirty: few faults, and it always ends (QEMU's
 * migrate-start-postcopy). The policy says when, or ends it as pre-copy.
 */
export function hybridSource<State>(
  side: SourceSide,
  policy: Policy<State>,
  order: PageOrder,
): Algorithm<SourceReport> {
  return runSource(side, function* (session) {
    const ask = asker(session, policy);
    const next = yield* sendRounds(session, policy, ask);
    if (next === 'switchover') return yield* stopAndFinish(session, policy, ask);
    return yield* switchAndPush(session, order, ask);
  });
}

/** Stop, say which pages are missing, move the state, run, push the rest. */
function* switchAndPush(
  session: SourceSession,
  order: PageOrder,
  ask?: Asker,
): Algorithm<HandedOver> {
  yield* session.pauseAndHarvest();
  yield* sendNonPageable(session);
  yield* session.sendRanges('discard', (take) => session.unsent.eachRun(take));
  yield* sendState(session, true);
  session.isPostcopy = true;
  session.phase = 'postcopy';
  return yield* pushThrough(session, new PostcopyPush(session, order, ask));
}

/** Of a guest that is paged by itself, what it can't page moves while it stands still. */
function* sendNonPageable(session: SourceSession): Algorithm<void> {
  const { guest, options } = session.side;
  if (!options.pseudoPaging || !guest.manager) return;
  const { restore } = pageableAside(guest.manager, session.unsent);
  if (!options.strictRate) session.lift();
  try {
    yield* sendStopped(session);
  } finally {
    // Called off meanwhile, they still count as unsent.
    restore();
  }
}
