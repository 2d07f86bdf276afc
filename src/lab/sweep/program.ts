import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** src/lab/sweep and dist/lab/sweep lie equally deep. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The kernels are compiled beside their source, wherever the program lies. */
const KERNELS = join(ROOT, '../src/memory/kernels/kernels.wasm');

/** The rooms that make a run and its result. */
const ROOMS = [
  'units',
  'random',
  'clock',
  'memory',
  'guest',
  'wire',
  'link',
  'migration',
  'runtime',
  'scenario',
  'result',
];

let digest: string | undefined;

/**
 * Returns a digest of the code that makes a run, so that runs of two builds of one version can be told apart. It takes
 * some tens of milliseconds, once.
 */
export function programDigest(): string {
  digest ??= digestOf(
    ROOT,
    ROOMS.flatMap((room) => filesIn(join(ROOT, room))),
    KERNELS,
  );
  return digest;
}

/** Returns a digest of the code in files, of their names relative to `root` and their contents, and of another file. */
export function digestOf(root: string, files: readonly string[], other: string): string {
  const hash = createHash('sha256').update(readFileSync(other));
  for (const file of files) {
    if (!/\.(?:js|ts)$/.test(file) || file.endsWith('.d.ts')) continue;
    const content = readFileSync(file);
    hash.update(`${relative(root, file)}\n${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, 12);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    });
}
