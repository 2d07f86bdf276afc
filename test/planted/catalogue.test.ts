import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { plant, readCatalogue } from './catalogue.ts';

const FOLDER = fileURLToPath(new URL('catalogue', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the catalogue of planted bugs', () => {
  const bugs = readCatalogue(FOLDER);

  it('has bugs in every room', () => {
    expect(bugs.length).toBeGreaterThan(120);
    expect(new Set(bugs.map(({ room }) => room)).size).toBeGreaterThan(12);
  });

  it('applies to the source as it is, and names suites that exist', () => {
    const stale = bugs.flatMap((bug) => {
      try {
        plant(bug, readFileSync(`${ROOT}/${bug.file}`, 'utf8'));
        return existsSync(`${ROOT}/${bug.suite}`) ? [] : [`${bug.id}: there is no ${bug.suite}`];
      } catch (error) {
        return [`${bug.id}: ${(error as Error).message}`];
      }
    });
    expect(stale).toEqual([]);
  });
});
