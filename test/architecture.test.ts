import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SOURCE = fileURLToPath(new URL('../src', import.meta.url));

/** A room may import from those before it and from itself. */
const ROOMS = [
  'units',
  'random',
  'clock',
  'memory',
  'guest',
  'wire',
  'link',
  'migration',
  'replication',
  'overcommit',
  'snapshot',
  'runtime',
  'scenario',
  'result',
  'fleet',
  'lab',
  'report',
  'cli',
  'index.ts',
  'worlds.ts',
];

/** These only export what programs may import; they may name every room but the commands. */
const ENTRIES: ReadonlySet<string> = new Set(['index.ts', 'worlds.ts']);

function mayImport(from: string, to: string): boolean {
  if (ENTRIES.has(from)) return to !== 'cli';
  return ROOMS.indexOf(to) <= ROOMS.indexOf(from);
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('assembly'))
  .map((file) => ({ file, text: readFileSync(join(SOURCE, file), 'utf8') }));

function importsOf(text: string): string[] {
  return Array.from(text.matchAll(/(?:from|import)\s+'(\.[^']+)'/g), (match) => match[1]!);
}

const roomOf = (file: string): string => file.split('/')[0]!;

describe('the layout of the source', () => {
  it('has only rooms that are on the plan', () => {
    const rooms = new Set(files.map(({ file }) => roomOf(file)));
    expect([...rooms].filter((room) => !ROOMS.includes(room))).toEqual([]);
  });

  it('imports from earlier rooms only', () => {
    const wrong = files.flatMap(({ file, text }) =>
      importsOf(text).flatMap((specifier) => {
        const target = relative(SOURCE, resolve(SOURCE, dirname(file), specifier));
        return mayImport(roomOf(file), roomOf(target)) ? [] : [`${file} imports ${target}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('has no circle of files that import one another', () => {
    const imports = new Map(
      files.map(({ file, text }) => [
        file,
        importsOf(text).map((one) => relative(SOURCE, resolve(SOURCE, dirname(file), one))),
      ]),
    );
    const done = new Set<string>();
    /** The files from `file` on that lead back to one on the path; undefined when none does. */
    const circleFrom = (file: string, path: readonly string[]): readonly string[] | undefined => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return undefined;
      for (const next of imports.get(file) ?? []) {
        const circle = circleFrom(next, [...path, file]);
        if (circle) return circle;
      }
      done.add(file);
      return undefined;
    };
    expect([...imports.keys()].flatMap((file) => circleFrom(file, []) ?? [])).toEqual([]);
  });

  it('takes time and chance from their own rooms', () => {
    const banned = /\b(?:Date\.now|Math\.random|performance\.now|process\.hrtime)\b/;
    const wrong = files.filter(({ file, text }) => !file.startsWith('clock/') && banned.test(text));
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('writes files through one atomic writer', () => {
    const writes =
      /\b(?:writeFile(?:Sync)?|createWriteStream|appendFile\w*|copyFile\w*)\b.*'node:fs/;
    const names = /import \{[^}]*\} from 'node:fs(?:\/promises)?'/g;
    const writers = files.filter(({ text }) =>
      (text.match(names) ?? []).some((one) => writes.test(one.replaceAll('\n', ' '))),
    );
    expect(writers.map(({ file }) => file)).toEqual(['result/write.ts']);
  });

  it('has no promise in a room before runtime', () => {
    const early = new Set(ROOMS.slice(0, ROOMS.indexOf('runtime')));
    const wrong = files.filter(
      ({ file, text }) => early.has(roomOf(file)) && /\basync\b|\bawait\b|\bPromise\b/.test(text),
    );
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('decides no page, byte or time with Math.pow, exp or log', () => {
    const exact = new Set(['random', 'memory', 'guest']);
    const wrong = files.filter(
      ({ file, text }) => exact.has(roomOf(file)) && /Math\.(?:pow|exp|log)\(/.test(text),
    );
    expect(wrong.map(({ file }) => file)).toEqual([]);
  });

  it('keeps files short, those of tests and benches too', () => {
    const root = dirname(SOURCE);
    const all = ['src', 'test', 'bench'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => join(folder, file)),
    );
    expect(all.filter((file) => file.startsWith('test/')).length).toBeGreaterThan(50);
    const long = all.filter(
      (file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401,
    );
    expect(long).toEqual([]);
  });
});
