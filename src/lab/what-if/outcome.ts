import type { RunResult } from '../../result/schema.ts';
import type { RunConfig } from '../../runtime/config.ts';

/** What became of one run. */
export interface RunOutcome {
  readonly isCompleted: boolean;
  readonly totalTimeMs: number;
  readonly downtimeMs: number;
  /** The bytes that were sent, of the VM and not of its scaled run. */
  readonly transferredBytes: number;
  /** The share of its work that the guest did not get done while it migrated. */
  readonly slowdown: number;
  /** The shortest downtime that was expected at the end of a pass; absent if there was none. */
  readonly leastExpectedMs?: number;
}

/** So many writes have to be due for their number to say how much a guest was slowed down. */
const LEAST_WRITES = 100;

/** Returns what became of a run whose pages stood for `scale` pages each. */
export function outcomeOf(result: RunResult, config: RunConfig, scale: number): RunOutcome {
  const { outcome, totalTimeMs, downtimeMs, ram } = result;
  const nominal = (writesPerSecond(config) * totalTimeMs) / 1000;
  // Where a few writes are due, one more or less would count for per cents; then the time of the stop has to do.
  const missed =
    nominal >= LEAST_WRITES
      ? 1 - result.guest.accessesDuring / nominal
      : (downtimeMs ?? 0) / totalTimeMs;
  const least = leastExpected(result);
  return {
    isCompleted: outcome === 'completed',
    totalTimeMs,
    downtimeMs: downtimeMs ?? 0,
    transferredBytes: ram.transferred * scale,
    slowdown: Math.min(1, Math.max(0, missed)),
    ...(least === undefined ? {} : { leastExpectedMs: least }),
  };
}

function leastExpected({ rounds }: RunResult): number | undefined {
  const expected = rounds.flatMap(({ stopped, expectedDowntimeMs }) =>
    stopped || expectedDowntimeMs === undefined ? [] : [expectedDowntimeMs],
  );
  return expected.length === 0 ? undefined : Math.min(...expected);
}

/** Returns how many page writes a second the guest makes when nothing holds it up. */
const writesPerSecond = ({ guest }: RunConfig): number =>
  guest.workloads.reduce((sum, { rate }) => sum + rate, 0);
