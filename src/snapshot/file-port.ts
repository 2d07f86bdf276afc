import fs from 'node:fs';
import { resolve } from 'node:path';
import { reasonOf } from '../units/system-error.ts';

/** A snapshot can't be read or written; the message is one sentence that names the file. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** What snapshots need of a file system; each call throws the system's error. Tests inject one that fails. */
export interface FilePort {
  /** Returns a descriptor; `flags` are those of node:fs. */
  open(path: string, flags: number): number;
  close(fd: number): void;
  /** Writes at a position of the file; returns how many bytes were written, which may be fewer. */
  write(fd: number, bytes: Uint8Array, at: number, length: number, position: number): number;
  /** Reads from a position of the file; returns how many bytes were read, 0 at its end. */
  read(fd: number, bytes: Uint8Array, at: number, length: number, position: number): number;
  truncate(fd: number, bytes: number): void;
  sync(fd: number): void;
  /** Returns the length of an open file in bytes; undefined for a folder, a device or a pipe. */
  lengthOf(fd: number): number | undefined;
  /**
   * Returns the absolute path of the file that a path leads to, over symbolic links; nothing need be there. Throws the
   * error of the system when something else than a file is there.
   */
  resolve(path: string): string;
  rename(from: string, to: string): void;
  /** Removes a file, if it is there. */
  remove(path: string): void;
}

/** The file system of the machine. */
export const nodeFiles: FilePort = {
  open: (path, flags) => fs.openSync(path, flags, 0o666),
  close: (fd) => fs.closeSync(fd),
  write: (fd, bytes, at, length, position) => fs.writeSync(fd, bytes, at, length, position),
  read: (fd, bytes, at, length, position) => fs.readSync(fd, bytes, at, length, position),
  truncate: (fd, bytes) => fs.ftruncateSync(fd, bytes),
  sync: (fd) => fs.fsyncSync(fd),
  lengthOf(fd) {
    const stat = fs.fstatSync(fd);
    return stat.isFile() ? stat.size : undefined;
  },
  resolve(path) {
    const entry = fs.statSync(path, { throwIfNoEntry: false });
    if (!entry) return resolve(path);
    const code = entry.isDirectory() ? 'EISDIR' : 'EEXIST';
    if (!entry.isFile()) throw Object.assign(new Error('it is no file'), { code });
    return fs.realpathSync(path);
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.rmSync(path, { force: true }),
};

/** Calls `act`; an error of the system becomes a SnapshotError that begins with `what`, such as "x can't be read". */
export function told<Result>(what: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const isMissing = code === 'ENOENT' && what.endsWith('read');
    const why = isMissing ? 'there is no such file' : reasonOf(error as NodeJS.ErrnoException);
    throw new SnapshotError(`${what}: ${why}`, { cause: error });
  }
}

/** Writes all bytes at a position of a file. Throws the system's error. */
export function writeAll(
  port: FilePort,
  fd: number,
  bytes: Uint8Array,
  position: number,
  from = 0,
  length: number = bytes.length,
): void {
  for (let done = 0; done < length;) {
    const written = port.write(fd, bytes, from + done, length - done, position + done);
    // A file system that takes nothing and reports no error would be asked for ever.
    if (written <= 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' });
    done += written;
  }
}

/** Reads `length` bytes from a position of a file into `bytes` at `at`; returns how many there were. */
export function readAll(
  port: FilePort,
  fd: number,
  bytes: Uint8Array,
  position: number,
  at = 0,
  length: number = bytes.length,
): number {
  let done = 0;
  while (done < length) {
    const read = port.read(fd, bytes, at + done, length - done, position + done);
    if (read <= 0) break;
    done += read;
  }
  return done;
}
