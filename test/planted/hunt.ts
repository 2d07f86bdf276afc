import { join } from 'node:path';
import { plant, type PlantedBug } from './catalogue.ts';
import { groupsOf } from './groups.ts';
import { Scratch } from './scratch.ts';
import { runSuite, suiteKey, type Verdict } from './suite.ts';

/** What became of a planted bug. Only the first two are as they should be. */
export type Fate =
  'killed' | 'killed by time limit' | 'SURVIVED' | 'does not apply' | 'suite fails without it';

export interface Hunted {
  readonly bug: PlantedBug;
  readonly fate: Fate;
  /** The test that noticed the bug, or why it did not come to that. */
  readonly what: string;
  readonly seconds: number;
}

/** How long a suite may take without a bug. */
const BASELINE_LIMIT_MS = 600_000;
/** With a bug it may take five times as long as without and half a minute more, since the machine may be busy. */
const limitOf = (baseline: Verdict): number => 30_000 + Math.ceil(baseline.seconds * 5000);

/** A run of a suite: with a bug, or without one to see that it passes and how long it takes. */
type Job = (scratch: Scratch) => Promise<void>;

export interface HuntOptions {
  readonly from: string;
  /** A folder for the scratch copies, one for each of `workers`. */
  readonly folder: string;
  readonly workers: number;
  readonly running: Set<number>;
  readonly tell: (hunted: Hunted) => void;
}

/** Plants each bug in turn, on all workers, and returns what became of it. */
export async function hunt(
  bugs: readonly PlantedBug[],
  { from, folder, workers, running, tell }: HuntOptions,
): Promise<readonly Hunted[]> {
  const results: Hunted[] = [];
  const jobs = jobsOf(bugs, (hunted) => {
    results.push(hunted);
    tell(hunted);
  });
  const work = async (place: number): Promise<void> => {
    const scratch = new Scratch(from, join(folder, String(place)), running);
    for (let job = jobs.shift(); job; job = jobs.shift()) await job(scratch);
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, (_, i) => work(i)));
  return results;
}

/**
 * The run of a suite without a bug comes one suite ahead of the runs with its bugs, so that workers seldom wait for it.
 */
function jobsOf(bugs: readonly PlantedBug[], take: (hunted: Hunted) => void): Job[] {
  const jobs: Job[] = [];
  let later: Job[] = [];
  for (const group of groupsOf(bugs, suiteKey).values()) {
    const baseline = deferred<Verdict>();
    jobs.push(
      async (scratch) => {
        baseline.resolve(await runSuite(scratch, group[0]!, BASELINE_LIMIT_MS));
      },
      ...later,
    );
    later = group.map((bug): Job => async (scratch) => {
      take(await huntOne(bug, await baseline.promise, scratch));
    });
  }
  return [...jobs, ...later];
}

async function huntOne(bug: PlantedBug, baseline: Verdict, scratch: Scratch): Promise<Hunted> {
  if (baseline.said !== 'passed') {
    return { bug, fate: 'suite fails without it', what: baseline.what, seconds: 0 };
  }
  let edited: string | undefined;
  const edit = (text: string): string => (edited = plant(bug, text));
  try {
    const verdict = await scratch.withEdit(bug.file, edit, () =>
      runSuite(scratch, bug, limitOf(baseline)),
    );
    return { bug, ...fateOf(verdict), seconds: verdict.seconds };
  } catch (error) {
    if (edited !== undefined) throw error;
    return { bug, fate: 'does not apply', what: (error as Error).message, seconds: 0 };
  }
}

function fateOf({ said, what }: Verdict): { readonly fate: Fate; readonly what: string } {
  if (said === 'passed') return { fate: 'SURVIVED', what: '' };
  if (said === 'failed') return { fate: 'killed', what };
  if (said === 'hung') return { fate: 'killed by time limit', what };
  return { fate: 'does not apply', what: `the suite does not load: ${what}` };
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
}

function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}
