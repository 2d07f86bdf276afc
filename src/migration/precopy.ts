import type { Policy, PolicyAction } from './policy.ts';
import type { Algorithm } from './ports.ts';
import { type HandedOver, handOver, runSource, type SourceReport } from './source.ts';
import { MigrationEnded, type SourceSession, type SourceSide } from './source-session.ts';

/**
 * Iterative pre-copy (Clark et al. 2005, section 3): with the dirty log on, send all pages; then,
 * round by round, those dirtied meanwhile; when the policy says so, stop the guest and send the
 * rest.
 */
export function precopySource<State>(
  side: SourceSide,
  policy: Policy<State>,
): Algorithm<SourceReport> {
  return runSource(side, function* (session) {
    yield* sendRounds(session, policy);
    return yield* stopAndFinish(session);
  });
}

/** The live rounds, until the policy wants the guest stopped. */
export function* sendRounds<State>(
  session: SourceSession,
  policy: Policy<State>,
): Algorithm<'switchover' | 'postcopy'> {
  const { guest } = session.side;
  guest.dirtyLog.start();
  session.isLogging = true;
  yield* session.guestSettled();
  guest.unsent.addAll();
  session.metrics.dirtySyncCount = 1;
  session.phase = 'live';

  const ask = asker(session, policy);
  let next = ask('start');
  while (next === 'continue' || next === 'sync') {
    if (next === 'sync') yield* session.sync();
    else yield* session.sendBatch(policy.skipsRedirtied);
    next = ask(next === 'sync' ? 'synced' : 'batch');
  }
  return next;
}

/** Stops the guest, sends what is left, hands over. */
export function* stopAndFinish(session: SourceSession): Algorithm<HandedOver> {
  const { guest, link, options } = session.side;
  yield* session.pauseAndHarvest();
  if (!options.strictRate) link.limit(Infinity);
  while (guest.unsent.count > 0) yield* session.sendBatch(false);
  return yield* handOver(session);
}

/** Asks the policy, does what takes effect at once, and says how to go on. */
export function asker<State>(
  session: SourceSession,
  policy: Policy<State>,
): (event: 'start' | 'batch' | 'synced') => Way {
  const { guest, clock, link } = session.side;
  let { initial: state } = policy;
  return (event) => {
    const { metrics } = session;
    const decision = policy.decide(state, {
      event,
      nowMs: (clock.now() - session.startNs) / 1e6,
      round: metrics.round,
      pendingPages: guest.unsent.count,
      pageSize: guest.memory.pageSize,
      transferredBytes: metrics.bytes,
      dirtiedPages: metrics.lastDirtiedPages,
    });
    state = decision.state;
    let next: Way = 'continue';
    for (const action of decision.actions) {
      if (action.kind === 'throttle') guest.throttle(action.share, action.vcpu);
      else if (action.kind === 'limit') link.limit(action.bytesPerSecond);
      else next = wayOn(action);
    }
    return next;
  };
}

type Way = 'continue' | 'sync' | 'switchover' | 'postcopy';

function wayOn(action: Exclude<PolicyAction, { kind: 'throttle' | 'limit' }>): Way {
  if (action.kind === 'abort') throw new MigrationEnded('diverged', action.reason);
  return action.kind;
}
