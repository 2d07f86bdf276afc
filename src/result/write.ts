import {
  appendFileSync,
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { reasonOf } from '../units/system-error.ts';

export { reasonOf };

/** Says that a file can't be written; the message names the file and the reason. */
export class WriteError extends Error {
  override readonly name = 'WriteError';
  /** The reason, such as "no space is left on the device (ENOSPC)". */
  readonly reason: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`${path} can't be written: ${reason}`, options);
    this.reason = reason;
  }
}

/**
 * Writes a file so that it exists as a whole or not at all: it writes a temporary file beside it and renames that.
 * A device or a pipe is written to directly, as a rename would put a file in its place. Throws WriteError when the
 * file system refuses, and removes the temporary file then. A signal that would end the program ends it only when the
 * file is whole, so that no temporary file stays behind.
 */
export function writeAtomically(path: string, content: string | Uint8Array): void {
  const release = holdSignals();
  try {
    write(path, content);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new WriteError(path, reasonOf(error as NodeJS.ErrnoException), { cause: error });
  } finally {
    release();
  }
}

/**
 * Appends a line to a file in one write. A process that is killed leaves the line whole, in part or not at all, so
 * readers leave out a last line without its end. Throws WriteError when the file system refuses.
 */
export function appendLine(path: string, line: string): void {
  try {
    appendFileSync(path, `${line}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new WriteError(path, reasonOf(error as NodeJS.ErrnoException), { cause: error });
  }
}

function write(path: string, content: string | Uint8Array): void {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (entry && !entry.isFile()) {
    writeFileSync(path, content);
    return;
  }
  const target = entry ? realpathSync(path) : path;
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    const file = openSync(temporary, 'w');
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
  } catch (error) {
    remove(temporary);
    throw error;
  }
}

/**
 * Makes a file in a folder and removes it, because a file system may be read-only, or have no files that users make,
 * without saying so when it is asked for rights. Throws the error of the file system.
 */
export function tryToWrite(folder: string): void {
  const file = join(folder, `.pageferry-${process.pid}.tmp`);
  closeSync(openSync(file, 'wx'));
  rmSync(file);
}

/** Removes a temporary file. Something else of that name, such as a folder, is not ours, and stays. */
function remove(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How many writes hold the signals. They share one listener, so that no write takes another's for somebody else's. */
let holds = 0;

function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}

/**
 * Has the signals that would end the program wait, as they would end it in the middle of a write. The function that is
 * returned lets them through: a signal that has come meanwhile then ends the program as it would have done. While
 * somebody else listens for a signal, it is left to them.
 */
function holdSignals(): () => void {
  if (holds++ === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  const release = (): void => {
    if (--holds === 0) for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  // A signal that has come during the write is delivered when the event loop next polls, which it has done for certain
  // by the second of two immediates.
  return () => void setImmediate(() => setImmediate(release));
}
