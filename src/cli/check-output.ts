import { accessSync, constants, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { reasonOf, tryToWrite } from '../result/write.ts';
import { InputError, shorten } from '../scenario/input-error.ts';

/** The name that stands for standard output where `-o` takes a file. */
export const STDOUT = '-';

/** The files that a command will write, by the option that names them. */
export type Outputs = Readonly<Record<string, string | undefined>>;

/**
 * Throws InputError when a file can't be written, so that this is found before the work, not after it. A file is
 * refused as well when it is one of `inputs`, which the command reads, or when another option names it too. `-o -` is
 * standard output.
 */
export function checkOutputs(outputs: Outputs, inputs: readonly string[] = []): void {
  const taken = new Map<string, string>();
  for (const path of inputs) {
    const file = identityOf(path);
    if (file !== undefined) taken.set(file, 'is read by this command, which would overwrite it');
  }
  for (const [option, path] of Object.entries(outputs)) {
    if (path === undefined || (isForResult(option) && path === STDOUT)) continue;
    const file = checkFile(option, path);
    const reason = taken.get(file);
    if (reason !== undefined) refuse(option, path, `${reason}: name another file`);
    // Devices such as /dev/null take what several options write.
    if (!isDevice(path)) taken.set(file, `is the file of ${option} too`);
  }
}

/** Makes a folder and those above it. Throws InputError when that is not possible. */
export function makeFolder(path: string, option = '-o'): void {
  try {
    makeAll(path);
    tryToWrite(path);
  } catch (error) {
    refuse(option, path, `can't be made a folder to write to: ${reasonOf(errorOf(error))}`);
  }
}

const isForResult = (option: string): boolean => option === '-o' || option === '--output';

/** Throws InputError when a file can't be written. Returns what tells it from other files. */
function checkFile(option: string, path: string): string {
  if (path === '') refuse(option, path, 'names no file');
  if (path === STDOUT) {
    refuse(option, path, 'only -o writes to standard output: name a file, or write ./-');
  }
  const entry = attempt(option, path, () => statSync(path, { throwIfNoEntry: false }));
  if (entry?.isDirectory()) refuse(option, path, 'is a folder: name a file in it');
  if (entry && !entry.isFile()) {
    attempt(option, path, () => accessSync(path, constants.W_OK));
    return realpathSync(path);
  }
  const folder = dirname(entry ? realpathSync(path) : path);
  const place = attempt(option, path, () => statSync(folder, { throwIfNoEntry: false }));
  if (!place) refuse(option, path, `the folder ${shorten(folder)} is not there: make it first`);
  attempt(option, path, () => tryToWrite(folder));
  return identityOf(path) ?? join(realpathSync(folder), path.slice(dirname(path).length));
}

/** Makes a folder and those above it. Node's own way never ends where the system makes no folder, as in /proc. */
function makeAll(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const above = dirname(path);
  if (above !== path) makeAll(above);
  mkdirSync(path);
}

/** Returns what two paths to one file have in common; undefined when there is no such file, or it is a device. */
function identityOf(path: string): string | undefined {
  try {
    const entry = statSync(path);
    return entry.isFile() ? realpathSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function isDevice(path: string): boolean {
  const entry = statSync(path, { throwIfNoEntry: false });
  return entry !== undefined && !entry.isFile();
}

function attempt<Value>(option: string, path: string, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    return refuse(option, path, `can't be written: ${reasonOf(errorOf(error))}`);
  }
}

/** Returns an error of the file system; any other error is thrown on. */
function errorOf(error: unknown): NodeJS.ErrnoException {
  if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  return error as NodeJS.ErrnoException;
}

function refuse(option: string, path: string, sentence: string): never {
  throw new InputError([{ place: `${option} ${shorten(path)}`, key: '', sentence }]);
}
