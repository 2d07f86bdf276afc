import { describe, expect, it } from 'vitest';
import type { EvacuationResult, GuestResult } from '../../src/fleet/evacuation/result-schema.ts';
import { barsOf } from '../../src/report/gantt-bars.ts';
import { coreOf } from '../../src/report/gantt-scale.ts';

const round = (startMs: number, durationMs: number, stopped?: true) =>
  ({ startMs, durationMs, ...(stopped ? { stopped } : {}) }) as never;

/** A guest that began at 100 ms, had rounds of 400, 50 and 2 ms, and was paused from 552 to 560 ms. */
const moved = {
  name: 'moved',
  outcome: 'completed',
  startMs: 100,
  endMs: 560,
  wasForced: false,
  run: {
    downtimeMs: 8,
    rounds: [round(0, 400), round(400, 50), round(450, 2), round(452, 8, true)],
  },
} as unknown as GuestResult;

const result = (guests: readonly GuestResult[]): EvacuationResult =>
  ({ guests, makespanMs: 1000 }) as unknown as EvacuationResult;

describe('the rows of a Gantt chart', () => {
  it('are in the order of the starts, and those that never began are last', () => {
    const never = { name: 'never', outcome: 'waiting' } as GuestResult;
    const later = { ...moved, name: 'later', startMs: 300 };
    const { names, labels } = barsOf(result([never, later, moved]), 1);
    expect(names).toEqual(['moved', 'later', 'never']);
    expect(labels[2]).toMatchObject({ text: 'never began', isBad: true });
  });

  it('have rounds that reach to the pause, also when the last one is too narrow to be seen', () => {
    const { bars } = barsOf(result([moved]), 1);
    const spans = bars.map(({ kind, fromMs, toMs }) => [kind, fromMs, toMs]);
    expect(spans).toEqual([
      ['waiting', 0, 100],
      ['pre-copy, round by round', 100, 500],
      ['pre-copy, round by round', 500, 550],
      ['pre-copy, round by round', 550, 552],
      ['downtime', 552, 560],
    ]);
  });

  it('say which guests are lost, and which have stayed', () => {
    const failed = { ...moved, outcome: 'failed' as const };
    const lost = { ...failed, run: { ...moved.run!, guestLost: true as const } };
    const { labels } = barsOf(result([failed, lost]), 1);
    expect(labels.map(({ text }) => text)).toEqual(['failed: it stayed', 'lost']);
  });
});

describe('the link of a chart', () => {
  it('is the direction of the core that carries most, or else the busiest link', () => {
    const link = (name: string, meanBytesPerSecond: number) => ({ name, meanBytesPerSecond });
    const of = (...links: ReturnType<typeof link>[]): string | undefined =>
      coreOf({ links } as unknown as EvacuationResult)?.name;
    expect(of(link('old up', 9), link('core forth', 1), link('core back', 5))).toBe('core back');
    expect(of(link('old up', 9), link('new down', 12))).toBe('new down');
    expect(of()).toBeUndefined();
  });
});
