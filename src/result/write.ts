import {
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';

/**
 * Writes a file so that it exists as a whole or not at all: it writes a temporary file beside it and renames that.
 * A device or a pipe is written to directly, as a rename would put a file in its place. Throws the errors of the
 * file system, and removes the temporary file then.
 */
export function writeAtomically(path: string, content: string | Uint8Array): void {
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
    rmSync(temporary, { force: true });
    throw error;
  }
}
