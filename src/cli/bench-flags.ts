import { type Command, Option } from 'commander';
import type { Comparison } from '../lab/bench/against.ts';
import { wrongOption } from '../lab/bench/options.ts';
import type { Bench } from '../lab/bench/outcome.ts';

/** The flags that every bench has; those of `bench.options` come in addition. */
export interface BenchFlags {
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly list?: boolean;
  readonly save?: string;
  readonly against?: string;
  readonly againstRef?: string;
  readonly markdown?: string;
  readonly junit?: string;
  readonly runs: string;
  readonly threshold: string;
  readonly alpha: string;
}

export type Flags = BenchFlags & Readonly<Record<string, string>>;

/** The default number of processes of each version. If all 15 pairs agree, the one-sided p is 1 in 32 768. */
const RUNS = '15';

/** Adds the options of a bench, and those that every bench has, to its command. */
export function addOptions(command: Command, bench: Bench): Command {
  for (const { flag, value, about, default: preset } of bench.options) {
    command.addOption(new Option(`--${flag} <${value}>`, about).default(preset));
  }
  if (bench.name === 'migrate') command.option('--list', 'name the scenarios, and run none');
  return command
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('--markdown <file>', 'write the table as Markdown as well, for a CI summary')
    .option('--junit <file>', 'write a comparison as JUnit XML as well: a regression is a failure')
    .option('-q, --quiet', 'print no table and no progress')
    .option(
      '--save <file>',
      'run several times, each in a process of its own, and save all results',
    )
    .option('--against <file>', 'compare with saved results; a regression ends with code 1')
    .option('--against-ref <ref>', 'build that git commit and let it take turns with this version')
    .option('--runs <n>', 'processes of each version, for the three options above', RUNS)
    .option('--threshold <percent>', 'the smallest change that is reported', '5')
    .option('--alpha <p>', 'accepted probability of a false alarm, over all metrics', '0.01');
}

/** Returns commander's name of a flag: it calls `--page-size` pageSize. */
export const camel = (flag: string): string =>
  flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** Returns the values of a bench's own options. */
export function optionsOf(bench: Bench, flags: Flags): Record<string, string> {
  return Object.fromEntries(bench.options.map(({ flag }) => [flag, flags[camel(flag)]!]));
}

/** From which change on, and with which probability of a false alarm, a comparison reports a change. */
export type Limits = Pick<Comparison, 'threshold' | 'alpha'>;

/** Returns the limits as shares. Throws InputError when they are none. */
export function limitsOf(flags: Pick<BenchFlags, 'threshold' | 'alpha'>): Limits {
  const within = (flag: 'threshold' | 'alpha', most: number): number => {
    const value = Number(flags[flag]);
    if (flags[flag].trim() !== '' && value > 0 && value < most) return value;
    throw wrongOption(flag, `expected a number above 0 and below ${most}, got "${flags[flag]}"`);
  };
  return { threshold: within('threshold', 1000) / 100, alpha: within('alpha', 1) };
}
