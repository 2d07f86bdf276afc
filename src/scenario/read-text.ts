import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { tooLong } from './yaml.ts';

/** Standard input. */
export const STDIN = 0 as const;

/** A file can't be read; the message has no subject, for the caller to put the file's name before it. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
  /** The code of the operating system; absent when the file is too long. */
  readonly code: string | undefined;

  constructor(sentence: string, code?: string) {
    super(sentence);
    this.code = code;
  }
}

const CHUNK_BYTES = 65536;

/** So many times 10 ms a named pipe may be without a writer, which may be about to start. */
const PIPE_WAITS = 300;

const REASONS: Partial<Record<string, string>> = {
  ENOENT: 'is not there',
  EISDIR: 'is a folder: name a file in it (EISDIR)',
};

/**
 * Reads a file, or an open file such as `STDIN`, of at most `mostBytes`. A longer one is refused once so much of it has
 * been read, so that a device without an end is no danger. Throws ReadError.
 */
export function readBytes(
  path: string | number,
  mostBytes: number,
  pipeWaits = PIPE_WAITS,
): Buffer {
  try {
    const file =
      typeof path === 'number' ? path : openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readUpTo(file, mostBytes, pipeWaits);
    } finally {
      if (file !== path) closeSync(file);
    }
  } catch (error) {
    if (error instanceof ReadError) throw error;
    const { code = 'no code' } = error as NodeJS.ErrnoException;
    throw new ReadError(REASONS[code] ?? `can't be read (${code})`, code);
  }
}

/** Reads a text in UTF-8 as `readBytes` does. */
export const readText = (path: string | number, mostBytes: number): string =>
  readBytes(path, mostBytes).toString('utf8');

function readUpTo(file: number, mostBytes: number, pipeWaits: number): Buffer {
  let waits = fstatSync(file).isFIFO() && file !== STDIN ? pipeWaits : 0;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const count = readSome(file, chunk);
    if (count === 0 && bytes === 0 && waits > 0) {
      waits--;
      if (waits === 0)
        throw new ReadError('is a pipe that nobody writes to: start its writer first');
      pause();
      continue;
    }
    if (count === 0) return Buffer.concat(chunks, bytes);
    bytes += count;
    if (bytes > mostBytes) throw new ReadError(tooLong(mostBytes));
    chunks.push(chunk.subarray(0, count));
  }
}

/** Reads what there is, and returns how many bytes that are; 0 at the end of the file. */
function readSome(file: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(file, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A terminal or a pipe that does not block has nothing yet; Windows says EOF where others return 0.
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      pause();
    }
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
}
