import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Progress, Share, timeLeft } from '../../src/cli/progress.ts';

const PARTS = [
  { text: '12.5 s', weight: 1 },
  { text: 'run 3 of 56', weight: Infinity },
  { text: 'about 2 min left', weight: 2 },
];

describe('the progress line', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function progressOn(isTTY: boolean, columns?: number, isWanted = true) {
    const written: string[] = [];
    const width = columns === undefined ? {} : { columns };
    const stream = { isTTY, ...width, write: (text: string) => written.push(text) };
    return { progress: new Progress(stream, isWanted), written };
  }

  it('is there at once on a terminal, is redrawn, and is cleared at the end', () => {
    const { progress, written } = progressOn(true, 80);
    progress.start(() => PARTS);
    expect(written).toEqual(['\r\x1b[2K12.5 s  run 3 of 56  about 2 min left']);
    vi.advanceTimersByTime(500);
    expect(written).toHaveLength(6);
    progress.stop();
    vi.advanceTimersByTime(500);
    progress.stop();
    expect(written.slice(6)).toEqual(['\r\x1b[2K']);
  });

  it('never reaches the last column, where a terminal wraps', () => {
    for (let columns = 2; columns < 60; columns++) {
      const { progress, written } = progressOn(true, columns);
      progress.start(() => PARTS);
      progress.stop();
      const [, line] = written[0]!.split('\x1b[2K');
      expect(line!.length, `${columns} columns`).toBeLessThan(columns);
      expect(line).toContain('run 3 of 56'.slice(0, Math.max(0, columns - 2)));
    }
  });

  it('is a line every half minute where there is no terminal', () => {
    const { progress, written } = progressOn(false);
    progress.start(() => PARTS);
    vi.advanceTimersByTime(29_000);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(62_000);
    progress.stop();
    const line = '12.5 s  run 3 of 56  about 2 min left\n';
    expect(written).toEqual([line, line, line]);
  });

  it('gives way to a note, and is not written when nobody wants it', () => {
    const { progress, written } = progressOn(true);
    progress.note('cancelling');
    expect(written).toEqual(['\r\x1b[2Kcancelling\n']);
    const quiet = progressOn(true, 80, false);
    quiet.progress.start(() => PARTS);
    quiet.progress.note('cancelling');
    vi.advanceTimersByTime(60_000);
    quiet.progress.stop();
    expect(quiet.written).toEqual([]);
  });
});

describe('the time that is left', () => {
  it.each([
    [10e9, 0.25, 'about 30 s left'],
    [60e9, 0.1, 'about 9 min left'],
    [1e9, 0.1, 'about 9 s left'],
    // Work of less than 5 s in all, work that has hardly begun, and work that is done.
    [1e9, 0.25, ''],
    [10e9, 0.01, ''],
    [10e9, 1, ''],
    [10e9, 0, ''],
  ])('after %d ns and a share of %d is "%s"', (elapsedNs, share, text) => {
    expect(timeLeft(elapsedNs, share)).toBe(text);
  });

  it('counts from the start of the work', () => {
    let nowNs = 5e9;
    const share = new Share({ now: () => nowNs });
    expect(share.left).toBe('');
    nowNs = 25e9;
    share.set(1, 3);
    expect(share.elapsedNs).toBe(20e9);
    expect(share.left).toBe('about 40 s left');
  });
});
