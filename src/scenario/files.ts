import { isAbsolute, join, relative, resolve as resolvePath, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Path } from './document.ts';

/** A name that begins with this is relative to the folder of files that come with the program. */
const OF_PROGRAM = 'pageferry:';
/** src/scenario and dist/scenario lie equally deep below the package. */
const PROGRAM_FOLDER = fileURLToPath(new URL('../../fixtures', import.meta.url));

/** Returns the folder that the file named by the key at a path is relative to. */
export type FolderOf = (path: Path) => string;

/** Returns the absolute path of a file that a scenario names. */
export function locateFile(folder: string, name: string): string {
  return name.startsWith(OF_PROGRAM)
    ? join(PROGRAM_FOLDER, name.slice(OF_PROGRAM.length))
    : resolvePath(folder, name);
}

/**
 * Returns a name of a file that means the same wherever it is written: `pageferry:traces/idle.pftrace` for a file that
 * comes with the program, so that results are the same on all machines, and else its absolute path.
 */
function portableName(folder: string, name: string): string {
  const path = locateFile(folder, name);
  const within = relative(PROGRAM_FOLDER, path);
  const isOutside = within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within);
  return isOutside ? path : OF_PROGRAM + within.split(sep).join('/');
}

/** The keys that name files, as paths in which `*` stands for every entry of a list. */
export type FileKeys = readonly (readonly string[])[];

const OF_GUESTS: FileKeys = [
  ['guest', 'contents', '*', 'path'],
  ['guest', 'workloads', '*', 'trace', 'file'],
  ['guest', 'workloads', '*', 'trace', 'file', 'module'],
  ['guest', 'workloads', '*', 'trace', 'touched'],
];
const OF_MIGRATIONS: FileKeys = [
  ['migration', 'policy', 'module'],
  ['migration', 'pageOrder', 'module'],
];

export const SCENARIO_FILES: FileKeys = [...OF_GUESTS, ...OF_MIGRATIONS];

/** Those of an evacuation and of an overcommitted host, which both have groups of guests that migrate. */
export const EVACUATION_FILES: FileKeys = [
  ...SCENARIO_FILES.map((keys) => ['guests', '*', ...keys]),
  ...OF_MIGRATIONS,
];

/** A fleet's files are those of an evacuation, and its policy's module. */
export const FLEET_FILES: FileKeys = [...EVACUATION_FILES, ['policy', 'module']];

export interface PortableFiles<Value> {
  /** A copy in which the names of files mean the same wherever it is written, as results keep it. */
  readonly value: Value;
  /** The absolute paths of these files. */
  readonly files: readonly string[];
}

/** Returns a scenario whose files are found from everywhere, and these files. */
export function withPortableFiles<Value>(
  value: Value,
  keys: FileKeys,
  folderOf: FolderOf,
): PortableFiles<Value> {
  const files: string[] = [];
  const rename = (name: string, path: Path): string => {
    files.push(locateFile(folderOf(path), name));
    return portableName(folderOf(path), name);
  };
  const renamed = keys.reduce<unknown>((before, key) => visit(before, key, [], rename), value);
  return { value: renamed as Value, files };
}

type Rename = (name: string, path: Path) => string;

/** Returns a copy of a value in which the texts at the rest of a key are renamed. */
function visit(value: unknown, rest: readonly string[], path: Path, rename: Rename): unknown {
  const [part, ...others] = rest;
  if (part === undefined) return typeof value === 'string' ? rename(value, path) : value;
  if (part === '*') {
    if (!Array.isArray(value)) return value;
    return value.map((entry, index) => visit(entry, others, [...path, index], rename));
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return value;
  const at = (value as Readonly<Record<string, unknown>>)[part];
  return { ...value, [part]: visit(at, others, [...path, part], rename) };
}
