import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A block of a page between fences. */
export interface Block {
  /** What stands behind the fence, such as `ts`. */
  readonly language: string;
  /** The name of a file that stands behind that. */
  readonly file?: string;
  readonly code: string;
}

/** Returns the text of a page in docs/. */
export const pageText = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

/** Returns the fenced blocks of a text, in their order. */
export const blocksOf = (text: string): Block[] =>
  Array.from(text.matchAll(/^```([\w-]*) ?(\S*)\n(.*?)^```$/gms), (match) => ({
    language: match[1]!,
    ...(match[2] === '' ? {} : { file: match[2]! }),
    code: match[3]!,
  }));

const OPTIONS = {
  target: 'es2023',
  lib: ['es2023'],
  module: 'nodenext',
  rewriteRelativeImportExtensions: true,
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: true,
  outDir: 'out',
  rootDir: '.',
};

/** A folder of a program that has installed the package, as it was built. */
export interface Project {
  readonly folder: string;
  /** Compiles the files that were written; throws an Error with the compiler's messages. */
  compile(): void;
  write(name: string, content: string): void;
  remove(): void;
}

/** Makes a project; `packages` are others that it has installed, of those that this one has. */
export function makeProject(packages: readonly string[] = []): Project {
  const folder = mkdtempSync(join(tmpdir(), 'examples-'));
  const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/pageferry'));
  for (const name of packages) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  write('package.json', '{ "type": "module" }');
  write('tsconfig.json', JSON.stringify({ compilerOptions: OPTIONS, include: ['*.ts'] }));
  return {
    folder,
    write,
    compile() {
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      try {
        execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
      } catch (error) {
        throw new Error((error as { stdout?: string }).stdout, { cause: error });
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Returns a command line as its arguments: quotes group words, and a comment ends it. */
export function argumentsOf(line: string): string[] {
  const words = line.matchAll(/#.*|(?:'[^']*'|"[^"]*"|[^\s'"#])+/g);
  return Array.from(words, ([word]) => word)
    .filter((word) => !word.startsWith('#'))
    .map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** Returns the arguments of every `npx pageferry` in the blocks of a page, up to a pipe or another command. */
export const shownCommands = (text: string): string[][] =>
  blocksOf(text).flatMap(({ code }) =>
    Array.from(code.replaceAll('\\\n', ' ').matchAll(/\bnpx pageferry (.*)$/gm), (match) => {
      const args = argumentsOf(match[1]!);
      const end = args.findIndex((word) => /^(?:\||>|&&|;|2>)/.test(word));
      return end < 0 ? args : args.slice(0, end);
    }),
  );
