import { describe, expect, it } from 'vitest';
import { runSvg } from '../../src/report/run-chart.ts';
import { figuresOf } from '../../src/report/run-figures.ts';
import type { RunResult } from '../../src/result/schema.ts';

const MIB = 2 ** 20;
const parts = { pauseMs: 2, lastHarvestMs: 3, lastPagesMs: 90, stateMs: 4, handoverMs: 1 };

const round = (index: number, startMs: number, durationMs: number, facts: object = {}) => ({
  index,
  startMs,
  durationMs,
  pages: 256,
  zeroPages: 0,
  skippedPages: 0,
  bytes: MIB,
  dirtiedPages: 128,
  ...facts,
});

/** The part of a result that a chart reads: two live rounds, of which the second is throttled, and a stop. */
function made(facts: Partial<RunResult> = {}): RunResult {
  const result = {
    scenario: {
      name: 'web',
      migration: { algorithm: 'precopy', policy: 'qemu', startAfter: '1s' },
    },
    outcome: 'completed',
    totalTimeMs: 1000,
    downtimeMs: 100,
    downtimeParts: parts,
    ram: { total: 64 * MIB, transferred: 3 * MIB, postcopyBytes: 0, pageSize: 4096 },
    rounds: [
      round(1, 0, 600),
      round(2, 600, 300, { throttle: 0.2 }),
      round(3, 905, 90, { stopped: true, dirtiedPages: 0 }),
    ],
    guest: {
      timeline: { periodMs: 20, accessesPerSecond: Array.from({ length: 100 }, () => 500) },
    },
    link: { achievedBytesPerSecond: 125e6 },
    ...facts,
  };
  return result as unknown as RunResult;
}

const texts = (svg: string): string[] =>
  Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), (match) => match[1]!);

describe('the figures of a run', () => {
  it('are its rounds, its downtime from the pause on, and the time around it', () => {
    const figures = figuresOf(made(), -500);
    expect(figures.rounds).toEqual([
      { label: '1', fromMs: 0, toMs: 600, sentBytes: MIB, dirtiedBytes: MIB / 2 },
      { label: '2', fromMs: 600, toMs: 900, sentBytes: MIB, dirtiedBytes: MIB / 2, throttle: 0.2 },
      { label: 'stop', fromMs: 905, toMs: 995, sentBytes: MIB },
    ]);
    expect(figures.downtime).toEqual({ fromMs: 900, toMs: 1000 });
    expect(figures.guest).toMatchObject({ startMs: -500, periodMs: 20 });
    expect(figures.shown).toEqual({ fromMs: -250, toMs: 1250 });
  });

  it('show no more time around the migration than there is', () => {
    const timeline = { periodMs: 20, accessesPerSecond: Array.from({ length: 55 }, () => 1) };
    const guest = { timeline } as RunResult['guest'];
    expect(figuresOf(made({ guest }), -40).shown).toEqual({ fromMs: -40, toMs: 1060 });
  });

  it('have all that post-copy sent as one entry after the downtime', () => {
    const ram = { ...made().ram, postcopyBytes: 9 * MIB };
    const { rounds } = figuresOf(made({ ram, totalTimeMs: 3000 }), 0);
    expect(rounds.at(-1)).toEqual({
      label: 'post-copy',
      fromMs: 1000,
      toMs: 3000,
      sentBytes: 9 * MIB,
    });
  });

  it('have no downtime when the guest stayed', () => {
    const { downtimeMs: _, downtimeParts: __, ...stayed } = made();
    expect(figuresOf({ ...stayed, rounds: [] }, 0)).not.toHaveProperty('downtime');
  });
});

describe('the chart of a run', () => {
  it('is the same for the same result, whatever was drawn before', () => {
    const first = runSvg(made(), -500);
    runSvg(made({ rounds: [] }), 0);
    expect(runSvg(made(), -500)).toBe(first);
  });

  it('says what it shows, and names its rounds', () => {
    const shown = texts(runSvg(made(), -500));
    expect(shown).toContain('web: precopy, policy qemu, 64 MiB guest');
    expect(shown).toContain(
      'completed in 1.00 s, downtime 100 ms, 3 MiB of pages sent at 1 Gbit/s',
    );
    for (const label of ['1', '2', 'stop', 'start', 'end', 'throttle, %', 'downtime', 'throttle']) {
      expect(shown).toContain(label);
    }
  });

  it('draws no line from what the stop sent to what post-copy sent', () => {
    const ram = { ...made().ram, postcopyBytes: 9 * MIB };
    const svg = runSvg(made({ ram, totalTimeMs: 3000 }), 0);
    const [sent = ''] = Array.from(
      svg.matchAll(/<path d="([^"]*)" fill="none"[^>]* stroke="#0072B2"/g),
      ([, d]) => d,
    );
    expect(
      sent
        .split('M')
        .slice(1)
        .map((part) => part.split('L').length),
    ).toEqual([5, 2]);
  });

  it('has no axis of a throttle that never was', () => {
    const shown = texts(runSvg(made({ rounds: [round(1, 0, 600)] }), 0));
    expect(shown).not.toContain('throttle, %');
    expect(shown).not.toContain('throttle');
  });

  it('leaves out labels of rounds that would overlap, but never that of the stop', () => {
    const many = Array.from({ length: 200 }, (_, i) => round(i + 1, 4 * i, 4));
    const last = round(201, 805, 190, { stopped: true });
    const shown = texts(runSvg(made({ rounds: [...many, last] }), -500));
    const numbers = shown.filter((text) => /^\d+$/.test(text) && Number(text) <= 200);
    expect(shown).toContain('stop');
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers.length).toBeLessThan(60);
  });
});
