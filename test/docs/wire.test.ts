import { describe, expect, it } from 'vitest';
import { EPOCH_FRAME } from '../../src/wire/epochs.ts';
import { FRAME } from '../../src/wire/frame.ts';
import { pageText } from '../support/examples.ts';

const page = pageText('wire.md');
const numbers: Readonly<Record<string, number>> = { ...FRAME, ...EPOCH_FRAME };

describe('the page of the wire', () => {
  it('gives each frame the number that the program gives it', () => {
    const rows = Array.from(page.matchAll(/^\| (\d+) \| ([A-Z]+) \|/gm));
    expect(rows.length).toBeGreaterThan(15);
    for (const [, number, name] of rows)
      expect([name, numbers[name!.toLowerCase()]]).toEqual([name, Number(number)]);
  });

  it('names every frame that there is', () => {
    const named = new Set(
      Array.from(page.matchAll(/\b[A-Z]{2,}\b/g), ([name]) => name.toLowerCase()),
    );
    expect(Object.keys(numbers).filter((name) => !named.has(name))).toEqual([]);
  });
});
