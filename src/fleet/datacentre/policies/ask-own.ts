import { checkDecision, type Named } from './check-decision.ts';
import type { Decision, FleetPolicy, FleetView } from './policy.ts';

/** What came of asking a policy of the user's own: its decision, or a sentence that says what is wrong with it. */
export type Asked =
  | { readonly decision: Decision | undefined; readonly failure?: undefined }
  | { readonly failure: string };

/** Asks a policy of the user's own, whatever it throws or returns. */
export function askOwn(policy: FleetPolicy, view: FleetView, named: Named): Asked {
  let decided: unknown;
  try {
    decided = policy.decide(view);
  } catch (error) {
    return { failure: `the policy ${policy.name} threw ${textOf(error)}` };
  }
  try {
    return { decision: checkDecision(decided, named) };
  } catch (error) {
    return { failure: `the policy ${policy.name} ${(error as Error).message}` };
  }
}

/** Returns an error in one line, with the place where it was thrown if it has one. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const at = /^\s+at (?:.* \()?(?:file:\/\/)?([^()]+:\d+:\d+)\)?$/m.exec(error.stack ?? '')?.[1];
  const [first = ''] = error.message.split('\n');
  return `${error.name}: ${first}${at === undefined ? '' : ` (${at})`}`;
}
