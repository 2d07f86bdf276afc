import { z } from 'zod';
import { formatKey } from '../../scenario/input-error.ts';
import { orMissing, plainIssue } from '../../scenario/plain-issue.ts';
import { hostFacts } from '../../result/host.ts';
import { jsonOf, refuse } from '../compare/json-file.ts';
import { BENCH_SCHEMA, type BenchOutcome } from './outcome.ts';

/** The runs of one bench by one version, each made in a process of its own: `pageferry/bench-runs@1`. */
export interface BenchRuns {
  readonly schema: typeof RUNS_SCHEMA;
  readonly runs: readonly BenchOutcome[];
}

export const RUNS_SCHEMA = 'pageferry/bench-runs@1';
/** With fewer runs no change is significant. */
export const FEWEST_RUNS = 5;

/** As many runs as `--runs` takes have at most some tens of kilobytes each. */
const MOST_RUNS = 1000;

export const outcomeSchema = z.looseObject({
  schema: z.literal(BENCH_SCHEMA),
  version: z.string(),
  commit: z.string().optional(),
  bench: z.string(),
  options: z.record(z.string(), z.string()),
  host: z.object({
    node: z.string(),
    platform: z.string(),
    cpuModel: z.string(),
    cpus: z.number(),
    memoryBytes: z.number(),
  }),
  metrics: z.array(
    z.looseObject({
      of: z.string(),
      name: z.string(),
      unit: z.string(),
      better: z.enum(['less', 'more']),
      samples: z.array(z.number()),
      isFact: z.literal(true).optional(),
    }),
  ),
});

const runsSchema = z.object({
  schema: z.literal(RUNS_SCHEMA),
  runs: z.array(outcomeSchema).min(FEWEST_RUNS).max(MOST_RUNS),
});

/** The options of a run as a text, sorted, so that two runs can be compared. */
const optionsText = ({ options }: BenchOutcome): string =>
  JSON.stringify(
    Object.keys(options)
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((flag) => [flag, options[flag]]),
  );

/**
 * Reads a file that `--save` has written, for a comparison with this bench on this machine. Throws
 * InputError when it can't be read, or its runs are of another bench, option or machine.
 */
export function readRuns(path: string, bench: string, known: readonly string[]): BenchRuns {
  const { runs } = parseRuns(path);
  const [first] = runs;
  if (!first || runs.some((run) => run.bench !== bench)) {
    throw refuse(path, `holds runs of ${first?.bench}, not of ${bench}`);
  }
  const unknown = Object.keys(first.options).find((flag) => !known.includes(flag));
  if (unknown !== undefined) throw refuse(path, `has an option ${unknown} that ${bench} has not`);
  if (runs.some((run) => optionsText(run) !== optionsText(first))) {
    throw refuse(path, 'holds runs with different options');
  }
  const [there, here] = [first.host, hostFacts()];
  for (const key of ['cpuModel', 'cpus', 'node', 'platform'] as const) {
    if (there[key] === here[key]) continue;
    const sentence = `was measured with ${key} ${there[key]}, here it is ${here[key]}: compare on one machine`;
    throw refuse(path, `${sentence}, for example with --against-ref ${first.commit ?? 'COMMIT'}`);
  }
  return { schema: RUNS_SCHEMA, runs };
}

function parseRuns(path: string): { runs: BenchOutcome[] } {
  const parsed = runsSchema.safeParse(jsonOf(path, 'what --save writes'), { error: plainIssue });
  if (parsed.success) return parsed.data as unknown as { runs: BenchOutcome[] };
  const [issue] = parsed.error.issues;
  const place = formatKey((issue?.path ?? []) as (string | number)[]);
  const sentence = orMissing(issue?.message ?? '');
  throw refuse(path, `expected what --save writes; ${place || 'the file'}: ${sentence}`);
}
