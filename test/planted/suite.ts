import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PlantedBug } from './catalogue.ts';
import type { Scratch } from './scratch.ts';

/** What a suite said: all tests passed, one failed, none could be run, or it did not end in time. */
export interface Verdict {
  readonly said: 'passed' | 'failed' | 'unloadable' | 'hung';
  /** The name of the first test that failed, or why none was run. */
  readonly what: string;
  readonly seconds: number;
}

/** What vitest's reporter `json` writes, as far as it is read here. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const REPORT = '.planted-report.json';
/** Suites in which worker threads or the built CLI run from dist; others need no build. */
const RUNS_DIST = /^test\/(?:cli|e2e|fleet|lab|runtime)\//;

/** Identifies which tests a bug must be noticed by; bugs with the same key share a run without a bug. */
export const suiteKey = ({ suite, test }: PlantedBug): string => `${suite} ${test ?? ''}`;

/**
 * Builds the scratch copy as it is, if the suite that must notice the bug runs dist, and runs that suite for at most
 * `limitMs`.
 */
export async function runSuite(
  scratch: Scratch,
  bug: PlantedBug,
  limitMs: number,
): Promise<Verdict> {
  const from = process.hrtime.bigint();
  if (RUNS_DIST.test(bug.suite)) await scratch.build();
  rmSync(join(scratch.root, REPORT), { force: true });
  const args = ['node_modules/vitest/vitest.mjs', 'run', bug.suite, '--bail=1', '--reporter=json'];
  args.push(`--outputFile=${REPORT}`, '--config=test/planted/vitest.planted.config.ts');
  if (bug.test !== undefined) args.push('-t', bug.test);
  const { timedOut, output } = await scratch.node(args, limitMs);
  const seconds = Number(process.hrtime.bigint() - from) / 1e9;
  if (timedOut) return { said: 'hung', what: `no end in ${limitMs / 1000} s`, seconds };
  return { ...verdictOf(reportIn(scratch.root), output), seconds };
}

function reportIn(root: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(join(root, REPORT), 'utf8')) as Report;
  } catch {
    return undefined;
  }
}

function verdictOf(report: Report | undefined, output: string): Omit<Verdict, 'seconds'> {
  if (!report) return { said: 'unloadable', what: lastLineOf(output) };
  if (report.numFailedTests > 0) {
    const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = tests.find(({ status }) => status === 'failed');
    return { said: 'failed', what: failed?.fullName ?? '' };
  }
  const broken = report.testResults.find(({ status }) => status === 'failed');
  if (broken) return { said: 'unloadable', what: broken.message.split('\n')[0]! };
  if (report.numPassedTests === 0) return { said: 'unloadable', what: 'no test has that name' };
  return { said: 'passed', what: '' };
}

const lastLineOf = (text: string): string => text.trim().split('\n').at(-1) ?? '';
