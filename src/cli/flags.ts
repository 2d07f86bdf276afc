import type { Preset } from '../scenario/load.ts';
import { wrap } from './columns.ts';

/** How the help describes the argument of commands that take a scenario. */
export const SCENARIO_ARGUMENT = 'a preset, a file (with / or .yaml, .yml, .json), or - for stdin';

/** The options for what a command makes. */
export interface ResultFlags {
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The options of a command that plays a scenario. */
export interface PlayFlags extends ResultFlags {
  readonly set?: readonly string[];
  readonly runtime?: string;
}

/** Collects the values of an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  value,
];

/** Returns the name of the option for the result as the user typed it, so that messages are about what they see. */
export const outputFlag = (args: readonly string[] = process.argv): '-o' | '--output' =>
  args.some((arg) => arg === '--output' || arg.startsWith('--output=')) ? '--output' : '-o';

/** The width of help where there is no terminal. */
const HELP_COLUMNS = 80;

/** Returns the part of a help that lists presets and exit codes, in lines that fit. */
export function presetsHelp(presets: readonly Preset[], exitCodes: string): string {
  const columns = process.stdout.columns ?? HELP_COLUMNS;
  const width = Math.max(...presets.map(({ name }) => name.length));
  const indent = ' '.repeat(width + 4);
  const lines = presets.flatMap(({ name, summary }) =>
    wrap(`  ${name.padEnd(width)}  ${summary}`, columns, indent),
  );
  return ['', 'Presets:', ...lines, '', ...wrap(`Exit codes: ${exitCodes}`, columns, '  ')].join(
    '\n',
  );
}
