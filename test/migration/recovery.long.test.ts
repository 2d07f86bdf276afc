import { describe, expect, it } from 'vitest';
import { twiceOrder } from '../../src/migration/page-orders/cursor.ts';
import { cutEverywhere, hybrid, ORDERS, postcopy, SMALL } from '../support/lost-anywhere.ts';

describe('a connection that is lost after each frame', () => {
  it.each(Object.keys(ORDERS))('of post-copy, page order %s: the guest is whole', (name) => {
    const seen = cutEverywhere(postcopy(ORDERS[name]), SMALL);
    expect(seen.moved).toBeGreaterThan(0.8 * seen.runs);
    expect(seen.resent).toBeGreaterThan(seen.moved);
  });

  it.each([1, 3])('of post-copy over %i memslots, with pages that are sent twice', (memslots) => {
    const seen = cutEverywhere(postcopy(twiceOrder), { ...SMALL, memslots }, { sendsTwice: true });
    expect(seen.moved).toBeGreaterThan(0.8 * seen.runs);
  });

  it('of hybrid: before RUN the guest stays, after it it arrives', () => {
    const seen = cutEverywhere(hybrid, { ...SMALL, writesPerSecond: 50_000 });
    expect(seen.moved).toBeGreaterThan(10);
    expect(seen.stayed).toBeGreaterThan(10);
  });

  it.each([1, 2, 3, 4, 7, 20])('and again %i frames later', (second) => {
    const seen = cutEverywhere(postcopy(), { ...SMALL, memslots: 2 }, { second });
    expect(seen.moved).toBeGreaterThan(60);
    if (second > 1) expect(seen.pauses).toBeGreaterThan(seen.moved);
  });
});
