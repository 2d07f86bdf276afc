import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A realistic bug: one edit of one file, and the suite of tests that must notice it. */
export interface PlantedBug {
  /** `ROOM/name`; the room is the name of the catalogue's file. */
  readonly id: string;
  readonly room: string;
  /** The file that is edited, relative to the root of the checkout. */
  readonly file: string;
  /** The exact text that is replaced; it occurs once in the file. */
  readonly before: string;
  readonly after: string;
  /** The test file that must fail, relative to the root of the checkout. */
  readonly suite: string;
  /** A pattern of names, as vitest's `-t` takes it, when not the whole suite need run. */
  readonly test?: string | undefined;
  /** One sentence that says what the bug breaks for a user. */
  readonly why: string;
  /** One sentence that argues why no user could tell the difference; such an edit is not run. */
  readonly equivalent?: string | undefined;
  /** Why no test notices it yet; it is run and told, and does not make the hunt fail. */
  readonly open?: string | undefined;
}

const REQUIRED = ['id', 'file', 'before', 'after', 'suite', 'why'] as const;
const OPTIONAL = ['test', 'equivalent', 'open'] as const;

/** Reads every file of the catalogue in a folder. Throws an Error that names an entry that is not valid. */
export function readCatalogue(folder: string): readonly PlantedBug[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  const bugs = names.toSorted().flatMap((name) => {
    const entries = parse(readFileSync(join(folder, name), 'utf8')) as unknown[];
    return entries.map((entry) => checked(entry, name.slice(0, -'.yaml'.length)));
  });
  const ids = bugs.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`the catalogue has two entries ${twice}`);
  return bugs;
}

function checked(entry: unknown, room: string): PlantedBug {
  const fields = entry as Record<string, unknown>;
  const name = `${room}: ${String(fields['id'])}`;
  for (const key of REQUIRED) {
    if (typeof fields[key] !== 'string') throw new Error(`${name} has no text for "${key}"`);
  }
  const known = new Set<string>([...REQUIRED, ...OPTIONAL]);
  const unknown = Object.keys(fields).find((key) => !known.has(key));
  if (unknown !== undefined) throw new Error(`${name} has a key "${unknown}", which is unknown`);
  if (!String(fields['id']).startsWith(`${room}/`)) {
    throw new Error(`${name}: the id must begin with "${room}/"`);
  }
  return { ...(fields as unknown as PlantedBug), room };
}

/** Returns the text with the bug planted. Throws an Error when the edit does not apply to it. */
export function plant({ before, after }: PlantedBug, text: string): string {
  const found = text.split(before).length - 1;
  if (found !== 1) throw new Error(`the text to replace occurs ${found} times instead of once`);
  if (before === after) throw new Error('the edit changes nothing');
  return text.replace(before, () => after);
}

/** A part of the catalogue: the bugs at places `index`, `index + of`, ...; `index` counts from 1. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/**
 * Returns the bugs of a shard that `only` names; it lists ids and rooms, and is empty for all of them. Throws a
 * RangeError for a name that is neither.
 */
export function selected(
  bugs: readonly PlantedBug[],
  only: readonly string[],
  { index, of }: Shard,
): readonly PlantedBug[] {
  const isNamed = (bug: PlantedBug, name: string): boolean => bug.id === name || bug.room === name;
  for (const name of only) {
    if (!bugs.some((bug) => isNamed(bug, name))) {
      throw new RangeError(`--only: the catalogue has no entry or room "${name}"`);
    }
  }
  return bugs
    .filter((bug) => only.length === 0 || only.some((name) => isNamed(bug, name)))
    .filter((_, place) => place % of === index - 1);
}
