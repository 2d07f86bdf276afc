import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { transformWithOxc } from 'vite';
import { modelGlobals } from './model-views.ts';

/**
 * Loads the program's own source files a second time, with typed arrays and an `Atomics` of the model in place of the
 * real ones. The text is the program's to the letter, but for its types, for the # of private fields, and for bugs that
 * a test plants.
 */

const SOURCE = fileURLToPath(new URL('../../../src', import.meta.url));
const nodeRequire = createRequire(import.meta.url);

/** A bug that is planted in the text of a source file. `from` must occur in it exactly once. */
export interface Edit {
  /** The file's path in src/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface ProgramParts {
  /** Paths in src/ of the files that `load` may be asked for; what they import is loaded too. */
  readonly files: readonly string[];
  readonly edits?: readonly Edit[];
  /** Modules that stand in for files of src/, by path. */
  readonly replaced?: Readonly<Record<string, object>>;
}

/** The loaded program. */
export interface Program {
  /** Returns what a file of src/ exports. */
  load(file: string): object;
}

interface Compiled {
  readonly body: string;
  /** The paths in src/ of the files that this one imports. */
  readonly imports: readonly string[];
}

const compiledTexts = new Map<string, Promise<Compiled>>();

export async function openProgram({
  files,
  edits = [],
  replaced = {},
}: ProgramParts): Promise<Program> {
  const texts = new Map<string, Compiled>();
  const pending = [...files];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (texts.has(file) || file in replaced) continue;
    const compiled = await compile(file, edited(file, edits));
    texts.set(file, compiled);
    pending.push(...compiled.imports);
  }
  for (const { file } of edits) {
    if (!texts.has(file)) throw new Error(`a bug is planted in ${file}, which is not loaded`);
  }
  const modules = new Map<string, object>(Object.entries(replaced));
  const load = (file: string): object => {
    const known = modules.get(file);
    if (known) return known;
    const exports = {};
    modules.set(file, exports);
    const resolve = (specifier: string): unknown =>
      specifier.startsWith('.') ? load(resolved(file, specifier)) : nodeRequire(specifier);
    const names = Object.keys(modelGlobals);
    const run = compileFunction(texts.get(file)!.body, ['exports', 'require', ...names], {
      filename: join(SOURCE, file),
    }) as (...values: unknown[]) => void;
    run(exports, resolve, ...Object.values(modelGlobals));
    return exports;
  };
  return { load };
}

function edited(file: string, edits: readonly Edit[]): string {
  let text = readFileSync(join(SOURCE, file), 'utf8');
  for (const { from, to } of edits.filter((edit) => edit.file === file)) {
    const places = text.split(from).length - 1;
    if (places !== 1) throw new Error(`${file} has ${places} places where it reads ${from}`);
    text = text.replace(from, () => to);
  }
  return text;
}

function resolved(file: string, specifier: string): string {
  return join(dirname(file), specifier);
}

function compile(file: string, text: string): Promise<Compiled> {
  const key = `${file}\n${text}`;
  const known = compiledTexts.get(key);
  if (known) return known;
  const compiling = transformWithOxc(text, join(SOURCE, file), { sourcemap: false }).then(
    ({ code }) => commonJs(file, code),
  );
  compiledTexts.set(key, compiling);
  return compiling;
}

/**
 * Rewrites the imports and exports of a module so that its body can be called. It knows the forms that src/ has: it
 * throws for others.
 */
function commonJs(file: string, code: string): Compiled {
  const imports: string[] = [];
  const exported: string[] = [];
  const required = (specifier: string): string => {
    if (specifier.startsWith('.')) imports.push(resolved(file, specifier));
    return `require(${JSON.stringify(specifier)})`;
  };
  const renamed = (list: string): string => list.replaceAll(/\b(\w+) as (\w+)/g, '$1: $2');
  const body = code
    .replaceAll(/^export \{\};$/gm, '')
    .replaceAll(/^import \* as (\w+) from "([^"]+)";/gm, (_, name: string, from: string) => {
      return `const ${name} = ${required(from)};`;
    })
    .replaceAll(/^import \{([^}]*)\} from "([^"]+)";/gm, (_, list: string, from: string) => {
      return `const {${renamed(list)}} = ${required(from)};`;
    })
    .replaceAll(/^import "([^"]+)";/gm, (_, from: string) => `${required(from)};`)
    .replaceAll(
      /^export ((?:async )?function\*?|class|const|let) (\w+)/gm,
      (_, kind: string, name: string) => {
        exported.push(name);
        return `${kind} ${name}`;
      },
    );
  const other = /^(?:import|export) .*/m.exec(body);
  if (other) throw new Error(`${file} has an import or export of an unknown form: ${other[0]}`);
  return {
    body: `${openedUp(body)}\nObject.assign(exports, { ${exported.join(', ')} });`,
    imports,
  };
}

/** Makes private fields ordinary ones of a name that no other field has, so that a milestone can look at them. */
function openedUp(code: string): string {
  return code.replaceAll(/#(?=[a-zA-Z]\w*)/g, 'private$$');
}
