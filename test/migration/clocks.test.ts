import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { helloAnchor, placeRunning } from '../../src/migration/handover.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { Algorithm } from '../../src/migration/ports.ts';
import { postcopySource } from '../../src/migration/postcopy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { SourceSide } from '../../src/migration/source-session.ts';
import { Cuts } from '../support/cuts.ts';
import { FakeWorld } from '../support/fake-world.ts';

const ways: Readonly<Record<string, (side: SourceSide) => Algorithm<SourceReport>>> = {
  'pre-copy': (side) => precopySource(side, roundsPolicy(2)),
  'post-copy': (side) => postcopySource(side, cursorOrder(true)),
};

/** What the source reports when the destination's clock is that far ahead of its own. */
function reportOf(name: string, targetClockAheadNs: number, cutAfter: readonly number[]) {
  const world = new FakeWorld({ pages: 256, readsPerSecond: 5000, targetClockAheadNs });
  const cuts = cutAfter.length > 0 ? new Cuts(world, cutAfter) : undefined;
  const { source } = world.play(ways[name]!(world.side));
  expect(source.outcome).toBe('completed');
  expect(cuts?.restored ?? 0).toBe(cutAfter.length);
  return source;
}

const timesOf = ({ running, postcopy, endNs }: SourceReport) => ({
  ...running!,
  endNs,
  ...(postcopy ? { presentNs: postcopy.presentNs! } : {}),
});

describe('a destination whose clock has nothing to do with the source’s', () => {
  it.each([
    ['pre-copy', 3_600e9, []],
    ['pre-copy', -0.9e9, []],
    ['post-copy', 3_600e9, []],
    ['post-copy', 3_600e9, [40]],
  ] as const)('%s, ahead by %d ns, connection lost after %j', (name, aheadNs, cutAfter) => {
    const expected = timesOf(reportOf(name, 0, cutAfter));
    const source = reportOf(name, aheadNs, cutAfter);
    const found: Readonly<Record<string, number>> = timesOf(source);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    // An hour of nanoseconds leaves a double less than a thousandth of one.
    for (const [key, ns] of Object.entries(expected)) expect(found[key], key).toBeCloseTo(ns, 2);
    expect(source.running!.pagesNs).toBeGreaterThan(source.stop.harvestedNs!);
    expect(source.postcopy?.pauses ?? []).toHaveLength(cutAfter.length);
  });

  it('loses no bit of a time when both clocks are one', () => {
    const time = fc.double({ min: 0, max: 1e13, noNaN: true });
    fc.assert(
      fc.property(time, time, (one, other) => {
        const helloNs = helloAnchor(Math.min(one, other) / 2);
        const ns = Math.max(one, other) + 1;
        const since = ns - helloNs;
        const placed = placeRunning(helloNs, { pagesNs: since, stateNs: since, runningNs: since });
        expect(placed).toEqual({ pagesNs: ns, stateNs: ns, runningNs: ns });
      }),
      { numRuns: 2000 },
    );
  });
});
