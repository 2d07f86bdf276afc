import { ContentsError } from '../../runtime/common/fill.ts';
import { foldersOf, openDocument, readSource } from '../../scenario/load.ts';
import { parseKey, ScenarioDocument } from '../../scenario/document.ts';
import type { FolderOf } from '../../scenario/files.ts';
import { InputError, shorten } from '../../scenario/input-error.ts';
import { type FunctionAt, plainCopy } from '../../scenario/plain-value.ts';

/** What comes with a scenario or another input that is given as an object, or by name. */
export interface InputOptions {
  /**
   * Keys to set over those of the input, such as `{ 'link.bandwidth': '10Gbit/s' }`; null takes a key out. Files named here
   * are relative to the working directory.
   */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  /** What the files that an object names are relative to; by default the working directory. */
  readonly folder?: string | undefined;
}

export interface OpenedInput {
  readonly document: ScenarioDocument;
  /** What the files that it names are relative to, apart from those that were set. */
  readonly folder: string;
  readonly folderOf: FolderOf;
}

/**
 * Opens an input: a text is the name of a preset or a file, as for the command line, and an object is the input itself,
 * which messages call `what`. `functionAt` says what stands for functions in it. Throws InputError.
 */
export function openInput(
  what: string,
  input: string | object,
  { set = {}, folder }: InputOptions,
  presetFolder?: string,
  functionAt?: FunctionAt,
): OpenedInput {
  const { document, folder: own } =
    typeof input === 'string'
      ? openNamed(input, presetFolder)
      : { document: openObject(what, input, functionAt), folder: folder ?? process.cwd() };
  for (const [key, value] of Object.entries(set)) {
    const path = parseKey(key);
    if (!path) {
      const sentence = `expected a key such as link.bandwidth, got "${shorten(key)}"`;
      throw new InputError([{ place: 'set', key: '', sentence }]);
    }
    if (value !== undefined) {
      document.setKey(path, plainCopy(value, 'set', functionAt, path), 'set');
    }
  }
  return { document, folder: own, folderOf: foldersOf(document, own) };
}

/**
 * Opens an input and has it played. An image that can't be used is the fault of the key `blamed`. Rejects with
 * InputError.
 */
export async function playInput<Result>(
  input: { readonly what: string; readonly given: string | object; readonly blamed: string },
  options: InputOptions,
  presetFolder: string,
  play: (opened: OpenedInput) => Promise<Result>,
): Promise<Result> {
  const opened = openInput(input.what, input.given, options, presetFolder);
  try {
    return await play(opened);
  } catch (error) {
    if (!(error instanceof ContentsError)) throw error;
    const { source } = opened.document;
    throw new InputError([{ place: source, key: input.blamed, sentence: error.message }]);
  }
}

function openNamed(name: string, presetFolder: string | undefined) {
  const { source, content, folder } = readSource(name, presetFolder);
  return { document: openDocument(source, content, []), folder };
}

function openObject(what: string, input: object, functionAt?: FunctionAt): ScenarioDocument {
  const document = new ScenarioDocument(what, textOf(what, input, functionAt), false);
  document.openResult();
  return document;
}

/** Returns an input that is an object as JSON. Throws InputError, which names the key of what is no plain data. */
export const textOf = (what: string, input: object, functionAt?: FunctionAt): string =>
  JSON.stringify(plainCopy(input, what, functionAt));

/** Returns the keys to set as `--set` takes them. */
export const setsOf = ({ set = {} }: Pick<InputOptions, 'set'>): string[] =>
  Object.entries(set).map(([key, value]) => `${key}=${JSON.stringify(value)}`);

/** Returns an InputError that speaks of the option `set`, which has no dashes; any other error as it is. */
export function withoutDashes(error: unknown): unknown {
  if (!(error instanceof InputError)) return error;
  const problems = error.problems.map((problem) =>
    problem.place === '--set' ? { ...problem, place: 'set' } : problem,
  );
  return new InputError(problems, error.more);
}
