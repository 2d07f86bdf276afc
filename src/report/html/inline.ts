import { readFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** src/report/html and dist/report/html lie equally deep, so this path is right from source too, as tests use it. */
const REPORT = fileURLToPath(new URL('../../../dist/report/', import.meta.url));
const ENTRY = 'page/main.js';

let script: string | undefined;

/**
 * Returns the script of a page: the compiled modules of `page/` and those of `html/chart/` that draw, in the order in
 * which they import one another, as one script. A page opened from a disk can't import modules, and a bundler would be
 * a dependency for what is a matter of leaving out the lines with imports. Strict code in a block refuses a name that
 * two modules declare.
 */
export function pageScript(): string {
  script ??= scriptOf((path) => readFileSync(`${REPORT}${path}`, 'utf8'), ENTRY);
  return script;
}

const IMPORT = /^import\s+(?:type\s+)?[^;]*?from\s+'([^']+)';\n?/gm;

/** Joins a module and all that it imports, which `read` returns by their paths; each is there once. */
export function scriptOf(read: (path: string) => string, entry: string): string {
  const parts: string[] = [];
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = read(path);
    for (const [line, target] of text.matchAll(IMPORT)) {
      // A module keeps its own names in the script.
      if (/\bas\b/.test(line)) throw new Error(`the page's script can't rename: ${line.trim()}`);
      visit(posix.join(dirname(path), target!));
    }
    parts.push(
      text
        .replaceAll(IMPORT, '')
        .replaceAll(/^export (?=(?:const|let|function|class|async) )/gm, '')
        .replaceAll(/^export \{\};\n?/gm, ''),
    );
  };
  visit(entry);
  const joined = parts.join('');
  const left = /^(?:import|export)\b.*$/m.exec(joined);
  if (left) throw new Error(`the page's script can't have this line: ${left[0]}`);
  // The text of an element can't hold its own end.
  return `'use strict';\n{\n${joined.replaceAll('</', String.raw`<\/`)}}`;
}
