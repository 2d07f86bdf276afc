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
 * Post-copy (Hines and Gopalan 2009): it stops the guest, moves its state alone and runs it at the
 * destination; then it sends every page once, those first that a vCPU waits for.
 */
export function postcopySource(side: SourceSide, order: PageOrder): Algorithm<SourceReport> {
  return runSource(side, function* (session) {
    session.unsent.addAll();
    session.metrics.dirtySyncCount = 1;
    return yield* switchAndPush(session, order);
  });
}

/**
 * Pre-copy first, then post-copy for the pages that are dirty (QEMU's migrate-start-postcopy), so that
 * there are few faults and the migration always ends. The policy says when to switch to post-copy, or
 * ends the migration as pre-copy.
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

/** Stops the guest, says which pages are absent, moves the state, runs the guest and pushes the rest. */
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
  session.encoder.xbzrle?.end();
  session.phase = 'postcopy';
  return yield* pushThrough(session, new PostcopyPush(session, order, ask));
}

/** With pseudo-paging, sends the pages that the guest can't page while it is paused. */
function* sendNonPageable(session: SourceSession): Algorithm<void> {
  const { guest, options } = session.side;
  if (!options.pseudoPaging || !guest.manager) return;
  const { restore } = pageableAside(guest.manager, session.unsent);
  if (!options.strictRate) session.lift();
  try {
    yield* sendStopped(session);
  } finally {
    // If the migration is cancelled meanwhile, the pageable pages still count as unsent.
    restore();
  }
}
