import type { Policy } from '../policy.ts';

/**
 * Returns a policy that has everything of another one except its decisions, which `decide` makes. Each property is
 * read from the other policy when it is needed. A copy would lack the getters of a policy that is an instance of a
 * class, because these belong to the class and not to the instance.
 */
export function withDecide<State>(
  policy: Policy<State>,
  decide: Policy<State>['decide'],
  name = policy.name,
): Policy<State> {
  return {
    name,
    get skipsRedirtied() {
      return policy.skipsRedirtied;
    },
    get keepsLimit() {
      return policy.keepsLimit ?? false;
    },
    ...(policy.downtimeLimitMs
      ? { downtimeLimitMs: (state: State) => policy.downtimeLimitMs!(state) }
      : {}),
    get initial() {
      return policy.initial;
    },
    decide,
  };
}
