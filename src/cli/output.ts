import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { reasonOf, writeAtomically, WriteError } from '../result/write.ts';
import { STDOUT } from './check-output.ts';
import { lineWidth, wrap } from './columns.ts';
import { EXIT } from './exit.ts';
import { outputFlag } from './flags.ts';
import { print } from './stdout.ts';

/** Where a command's result goes. */
export interface Delivery {
  /** The file of `-o`; `-` is standard output, as with `json`. */
  readonly output?: string | undefined;
  /** Whether the result goes to standard output as JSON, in place of the text. */
  readonly json?: boolean | undefined;
  /** Whether the text is left out. */
  readonly quiet?: boolean | undefined;
}

/**
 * Writes a result to the file and prints it, as the flags say; `text` makes what is printed for people. When a file or
 * standard output can't be written, a sentence on standard error says so, and the result is kept in a temporary file
 * unless it is elsewhere. Returns whether everything was written.
 */
export async function deliver(
  flags: Delivery,
  result: unknown,
  text: () => string,
): Promise<boolean> {
  if (flags.output === STDOUT) {
    return deliver({ ...flags, output: undefined, json: true }, result, text);
  }
  const json = `${JSON.stringify(result, null, 2)}\n`;
  const fileError = flags.output === undefined ? undefined : attempt(flags.output, json);
  // A signal that came during the write ends the program here.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  const printed = flags.json ? json : flags.quiet ? '' : fitToTerminal(text());
  const printError = printed === '' ? undefined : await print(printed);
  // Somebody who closes the pipe, as `head` does, has read as much as they wanted.
  const isRefused = printError !== undefined && printError.code !== 'EPIPE';
  if (isRefused) complain(`standard output: ${sentenceOf(printError)}`);
  const isInFile = flags.output !== undefined && !fileError;
  const isPrinted = flags.json === true && !printError;
  if (fileError) {
    const instead = isPrinted ? ', but it was printed on standard output' : '';
    complain(`${outputFlag()} ${flags.output!}: ${sentenceOf(fileError)}${instead}`);
  }
  const isWritten = !fileError && !isRefused;
  if (isWritten || isInFile || isPrinted) return isWritten;
  const isKept = keep('the result', flags.output ?? 'result.json', json);
  // Standard output is the last place that is left.
  if (!isKept && !printError) await print(json);
  return false;
}

/** Breaks the sentences of a text for people so that they fit the terminal; tables have been laid out to fit it. */
export const fitToTerminal = (text: string): string =>
  wrap(text, lineWidth(process.stdout), '  ').join('\n');

/**
 * Writes a file that a command makes besides its result, such as a chart. When that fails, a sentence on standard error
 * says so, and the file is kept in a temporary folder. Returns whether it was written.
 */
export function writeFile(flag: string, path: string, content: string | Uint8Array): boolean {
  const error = attempt(path, content);
  if (!error) return true;
  complain(`${flag} ${path}: ${sentenceOf(error)}`);
  keep('its content', path, content);
  return false;
}

/** Returns a command's exit code: what could not be written makes a success none, and nothing else less. */
export function exitCode(code: number, isWritten: boolean): number {
  return code === EXIT.done && !isWritten ? EXIT.notCompleted : code;
}

type Failure = WriteError | NodeJS.ErrnoException;

function attempt(path: string, content: string | Uint8Array): WriteError | undefined {
  try {
    writeAtomically(path, content);
    return undefined;
  } catch (error) {
    if (error instanceof WriteError) return error;
    throw error;
  }
}

const sentenceOf = (error: Failure): string =>
  `can't be written: ${error instanceof WriteError ? error.reason : reasonOf(error)}`;

/** Keeps content that has no other place in a temporary folder, and says where. Returns whether that worked. */
function keep(what: string, path: string, content: string | Uint8Array): boolean {
  try {
    const kept = join(mkdtempSync(join(tmpdir(), 'pageferry-')), basename(path));
    writeAtomically(kept, content);
    complain(`${what} is kept as ${kept}`);
    return true;
  } catch (error) {
    const reason = error instanceof WriteError ? error.reason : reasonOf(error as Failure);
    complain(`${what} can't be kept in ${tmpdir()} either: ${reason}`);
    return false;
  }
}

function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}
