import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EvacuationDisplay } from '../../src/cli/evacuate-live.ts';
import { loadEvacuation } from '../../src/fleet/evacuation/load.ts';
import type { EvacuationProgress } from '../../src/fleet/evacuation/report.ts';

describe('the live view', () => {
  const { config } = loadEvacuation('four');
  const progress = (nowNs: number, states: EvacuationProgress['guests']): EvacuationProgress => ({
    nowNs,
    guests: states,
  });
  const HALF = progress(2.5e9, [
    { name: 'idle', state: 'over', outcome: 'completed' },
    { name: 'web-1', state: 'migrating', round: 1, pagesLeft: 6144 },
    { name: 'web-2', state: 'over', outcome: 'diverged' },
    { name: 'writer', state: 'waiting' },
  ]);

  function display(
    isTTY: boolean,
    size: { columns?: number; rows?: number } = {},
    isWanted = true,
  ) {
    const written: string[] = [];
    let nowNs = 0;
    const stream = { isTTY, ...size, write: (text: string) => written.push(text) };
    const view = new EvacuationDisplay(stream, { now: () => nowNs }, config, isWanted);
    const show = (atNs: number, of: EvacuationProgress): void => {
      nowNs = atNs;
      view.show(of);
    };
    return { view, show, written };
  }

  it('has a line for each guest that migrates, and an estimate', () => {
    const { show, written } = display(true);
    show(0, HALF);
    show(1e9, HALF);
    const lines = stripVTControlCharacters(written.at(-1)!).trim().split('\n');
    // 32 + 24 + 48 of 192 MiB are over with after a second.
    expect(lines).toEqual([
      '2.5 s  1 of 4 gone, 1 stayed  1 migrate  1 wait',
      '  web-1  ██████████░░░░░░░░░░  round 1  6144 pages left',
    ]);
  });

  it('draws over its last picture, and leaves nothing', () => {
    const { view, show, written } = display(true);
    show(0, HALF);
    show(200e6, HALF);
    expect(written[1]!.startsWith('\x1b[2A\r\x1b[J')).toBe(true);
    view.stop();
    expect(written[2]).toBe('\x1b[2A\r\x1b[J');
  });

  it('does not draw more often than a person can see', () => {
    const { show, written } = display(true);
    for (let ms = 0; ms < 1000; ms += 10) show(ms * 1e6, HALF);
    expect(written).toHaveLength(10);
  });

  it('keeps to the width and height of the terminal', () => {
    const all = progress(
      1e9,
      config.guests.map(({ name }) => ({ name, state: 'migrating', pagesLeft: 5 })),
    );
    const { show, written } = display(true, { columns: 40, rows: 5 });
    show(0, all);
    const lines = stripVTControlCharacters(written[0]!).trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toBe('  and 2 more');
    expect(lines[0]!.trimStart().length).toBeLessThan(40);
  });

  it('writes a line every half minute where there is no terminal', () => {
    const { view, show, written } = display(false);
    for (let s = 0; s <= 95; s++) show(s * 1e9, HALF);
    view.stop();
    expect(written).toHaveLength(3);
    expect(written[0]).toBe('2.5 s  1 of 4 gone, 1 stayed  1 migrate  1 wait  about 25 s left\n');
  });

  it('tells long times in minutes', () => {
    const { show, written } = display(false);
    show(0, HALF);
    show(200e9, HALF);
    expect(written[0]).toContain('about 3 min left');
  });

  it('is silent when nobody wants it', () => {
    const { view, show, written } = display(true, {}, false);
    show(0, HALF);
    view.note('a word');
    view.stop();
    expect(written).toEqual([]);
  });

  it('writes notes below what it has drawn', () => {
    const { view, show, written } = display(true);
    show(0, HALF);
    view.note('cancelling');
    expect(written.slice(1)).toEqual(['\x1b[2A\r\x1b[J', 'cancelling\n']);
  });
});
