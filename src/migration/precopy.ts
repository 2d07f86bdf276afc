import { devicesTurn, holdSwitchover } from './devices/send.ts';
import type { Policy, PolicyAction, PolicyStatistics } from './policy.ts';
import type { Algorithm } from './ports.ts';
import { type HandedOver, handOver, runSource, type SourceReport } from './source.ts';
import { MigrationEnded, type SourceSession, type SourceSide } from './source-session.ts';

/**
 * Iterative pre-copy (Clark et al. 2005, section 3): with the dirty log on, it sends all pages, then
 * round by round those dirtied meanwhile; when the policy says so, it stops the guest and sends the rest.
 */
export function precopySource<State>(
  side: SourceSide,
  policy: Policy<State>,
): Algorithm<SourceReport> {
  return runSource(side, function* (session) {
    const ask = asker(session, policy);
    yield* sendRounds(session, policy, ask);
    return yield* stopAndFinish(session, policy, ask);
  });
}

/** Runs the live rounds until the policy wants the guest stopped; returns how it wants to go on. */
export function* sendRounds<State>(
  session: SourceSession,
  policy: Policy<State>,
  ask: Asker,
): Algorithm<'switchover' | 'postcopy'> {
  session.log.start();
  session.isLogging = true;
  yield* session.guestSettled();
  session.unsent.addAll();
  session.hints?.request();
  session.metrics.dirtySyncCount = 1;
  session.phase = 'live';
  session.devices?.begin(session.side.clock.now());

  let next = ask('start');
  for (;;) {
    if (next === 'sync') {
      yield* session.sync();
      next = ask('synced');
    } else if (next !== 'continue') {
      if (session.devices?.mayStop !== false) return next;
      yield* holdSwitchover(session);
      next = 'sync';
    } else if (session.isHeldBack) {
      yield* session.awaitWindow();
      next = ask('window');
    } else {
      const wasTheirs = session.devices !== undefined && (yield* devicesTurn(session));
      if (!wasTheirs) yield* session.sendBatch(policy.skipsRedirtied);
      next = ask('batch');
    }
  }
}

/** Stops the guest, sends the rest, and hands the guest over. */
export function* stopAndFinish<State>(
  session: SourceSession,
  policy: Policy<State>,
  ask: Asker,
): Algorithm<HandedOver> {
  const { options } = session.side;
  yield* session.pauseAndHarvest();
  ask('stopped');
  if (!options.strictRate && policy.keepsLimit !== true) session.lift();
  yield* sendStopped(session);
  if (session.hints) yield* session.hints.settle();
  return yield* handOver(session);
}

/** Sends all unsent pages of a paused guest. */
export function* sendStopped(session: SourceSession): Algorithm<void> {
  const { unsent } = session;
  while (unsent.count > 0) {
    while (session.isHeldBack) {
      yield* session.awaitWindow();
      session.renew();
    }
    yield* session.sendBatch(false);
  }
}

/**
 * Returns a function that asks the policy, carries out the actions that take effect at once, and returns
 * how to go on. It throws MigrationEnded if the policy aborts.
 */
export function asker<State>(session: SourceSession, policy: Policy<State>): Asker {
  const { guest, clock } = session.side;
  const { log } = session;
  let { initial: state } = policy;
  if (policy.downtimeLimitMs) session.downtimeLimitMs = () => policy.downtimeLimitMs!(state);
  return (event) => {
    const { metrics } = session;
    const statistics: PolicyStatistics = {
      event,
      nowMs: (clock.now() - session.startNs) / 1e6,
      round: metrics.round,
      pendingPages: session.unsent.count,
      pageSize: guest.memory.pageSize,
      transferredBytes: metrics.bytes,
      accountedBytes: metrics.accountedBytes,
      sentPages: metrics.sentPages,
      skippedPages: metrics.skippedPages,
      dirtiedPages: metrics.lastDirtiedPages,
      ...(session.devices
        ? {
            deviceBytes: {
              live: session.devices.pendingLiveBytes,
              stopped: session.devices.pendingStoppedBytes,
            },
          }
        : {}),
      ...(log.kind === 'ring'
        ? { vcpuDirtiedPages: log.ringCounts().map(({ entries }) => entries) }
        : {}),
      syncs: metrics.dirtySyncCount,
      isPostcopy: session.isPostcopy,
      isHeldBack: session.isHeldBack,
    };
    const decision = decide(policy, state, statistics);
    state = decision.state;
    let next: Way = 'continue';
    for (const action of decision.actions) {
      if (action.kind === 'throttle') {
        guest.throttle(action.share, action.vcpu);
        metrics.throttled(action.share, action.vcpu);
      } else if (action.kind === 'stun') guest.stun(action.faults);
      else if (action.kind === 'limit') session.limit(action.bytesPerSecond);
      else if (action.kind === 'renew') session.renew();
      else if (action.kind === 'chunk') session.endChunk();
      else next = wayOf(action);
    }
    return next;
  };
}

/** Asks a policy what to do after an event; see `asker`. */
export type Asker = (event: PolicyStatistics['event']) => Way;

type Way = 'continue' | 'sync' | 'switchover' | 'postcopy';

function wayOf(
  action: Exclude<PolicyAction, { kind: 'throttle' | 'stun' | 'limit' | 'renew' | 'chunk' }>,
): Way {
  if (action.kind === 'abort') throw MigrationEnded.byPolicy(action.reason);
  return action.kind;
}

/** A policy that throws, as one of the user's own may, ends the migration and not the run; the guest stays. */
function decide<State>(
  policy: Policy<State>,
  state: State,
  statistics: PolicyStatistics,
): ReturnType<Policy<State>['decide']> {
  try {
    return policy.decide(state, statistics);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MigrationEnded('failed', `the policy ${policy.name} failed: ${why}`);
  }
}
