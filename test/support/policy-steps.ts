import type { Policy, PolicyAction, PolicyStatistics } from '../../src/migration/policy.ts';

/** The statistics of a migration that has just begun; each step of a test says what differs. */
export const START: PolicyStatistics = {
  event: 'batch',
  nowMs: 0,
  round: 1,
  pendingPages: 100,
  pageSize: 4096,
  transferredBytes: 0,
  accountedBytes: 0,
  sentPages: 0,
  skippedPages: 0,
  dirtiedPages: 0,
  syncs: 1,
  isPostcopy: false,
  isHeldBack: false,
};

export type PolicyStep = Partial<PolicyStatistics>;

/** Returns an action and its values as one line, such as `throttle 0.2`. */
function lineOf({ kind, ...values }: PolicyAction): string {
  return [kind, ...Object.values(values)].join(' ');
}

/** What a policy answers to one step: all its actions in their order, and its next state. */
export interface PolicyAnswer<State> {
  readonly actions: readonly string[];
  readonly state: State;
}

/** Asks a policy at each step, every time with the state that it gave before; the first is `from`. */
export function answersOf<State>(
  policy: Policy<State>,
  steps: readonly PolicyStep[],
  from: State = policy.initial,
): PolicyAnswer<State>[] {
  let state = from;
  return steps.map((step) => {
    const decision = policy.decide(state, { ...START, ...step });
    ({ state } = decision);
    return { state, actions: decision.actions.map(lineOf) };
  });
}

/** All actions of a policy at each step. */
export function actionsOf<State>(
  policy: Policy<State>,
  steps: readonly PolicyStep[],
  from: State = policy.initial,
): (readonly string[])[] {
  return answersOf(policy, steps, from).map(({ actions }) => actions);
}
