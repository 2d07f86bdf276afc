import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

/** Returns a page without its code, in which brackets are no links and number signs are no headings. */
const proseOf = (page: string): string =>
  readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```.*?^```$/gms, '');

const withoutCode = (text: string): string => text.replaceAll(/`[^`\n]*`/g, '');

/** Returns the anchors of a page's headings, as GitHub names them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading] of proseOf(page).matchAll(/^#{1,6} (.*)$/gm)) {
    const slug = heading!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return anchors;
}

interface Link {
  readonly page: string;
  readonly target: string;
}

const links = pages.flatMap((page): Link[] =>
  Array.from(withoutCode(proseOf(page)).matchAll(/\]\(([^)\s]+)\)/g), (match) => ({
    page,
    target: match[1]!,
  })).filter(({ target }) => !/^[a-z]+:/.test(target)),
);

/** Returns the file that a link names, and the anchor in it. */
function parts({ page, target }: Link): { file: string; anchor: string | undefined } {
  const [path, anchor] = target.split('#');
  const file = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path!));
  return { file, anchor };
}

describe('links between the pages of the documentation', () => {
  it('lead to files that are there', () => {
    expect(links.length).toBeGreaterThan(100);
    const dead = links.filter((link) => !existsSync(join(ROOT, parts(link).file)));
    expect(dead).toEqual([]);
  });

  it('lead to headings that are there', () => {
    const dead = links.filter((link) => {
      const { file, anchor } = parts(link);
      return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).has(anchor);
    });
    expect(dead).toEqual([]);
  });

  it('reach every page from the index', () => {
    const reached = new Set(
      links.filter(({ page }) => page === 'docs/README.md').map((link) => parts(link).file),
    );
    const missing = pages.filter((page) => page.startsWith('docs/') && !reached.has(page));
    expect(missing.filter((page) => page !== 'docs/README.md')).toEqual([]);
  });
});
