import { describe, expect, it } from 'vitest';
import { draw, legendOf } from '../../../src/report/html/chart/draw.ts';
import type {
  Figure,
  HeatFigure,
  Paint,
  RowsFigure,
  XyFigure,
} from '../../../src/report/html/chart/figure.ts';
import { DARK, LIGHT } from '../../../src/report/html/chart/palette.ts';
import {
  formatNumber,
  linearTicks,
  logTicks,
  scaleOf,
  short,
} from '../../../src/report/html/chart/scale.ts';

const paint: Paint = (colour) => LIGHT[colour];
const drawn = (figure: Figure, view?: { from: number; to: number }) =>
  draw(figure, 600, paint, 'c', view);

const LINES: XyFigure = {
  kind: 'xy',
  id: 'lines',
  title: 'Lines',
  x: { label: 'time', unit: 'ms' },
  panels: [
    {
      y: { label: 'value', min: 0, max: 10 },
      series: [
        {
          name: 'one',
          colour: 'c1',
          style: 'step',
          points: [
            { x: 0, y: 1 },
            { x: 50, y: null },
            { x: 60, y: 4 },
            { x: 100, y: 4 },
          ],
        },
        {
          name: 'two',
          colour: 'c2',
          style: 'line',
          points: [
            { x: 0, y: 2, low: 1, high: 3 },
            { x: 100, y: 8, low: 6, high: 9 },
          ],
        },
      ],
    },
  ],
  spans: [{ name: 'blackout', colour: 'bad', from: 40, to: 55 }],
};

const ROWS: RowsFigure = {
  kind: 'rows',
  id: 'rows',
  title: 'Rows',
  x: { label: 'time', unit: 'ms', min: 0 },
  kinds: [
    { name: 'first', colour: 'c1' },
    { name: 'second', colour: 'c2' },
  ],
  rows: [
    {
      label: 'a',
      bars: [
        { kind: 0, from: 0, to: 4 },
        { kind: 1, from: 4, to: 10 },
      ],
    },
    { label: 'b', bars: [{ kind: 0, from: 2, to: 6 }], dot: 3 },
  ],
};

const HEAT: HeatFigure = {
  kind: 'heat',
  id: 'heat',
  title: 'Heat',
  x: { label: 'gfn', min: 0, max: 400 },
  y: { label: 'round', rows: ['1', '2'] },
  columns: 4,
  values: [1, 1, 1, 1, 0, 0, 2, 2],
  what: 'times sent',
  colour: 'c1',
};

describe('the ticks of an axis', () => {
  it('are round numbers within its ends', () => {
    expect(linearTicks(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(linearTicks(-0.3, 0.35, 4)).toEqual([-0.2, 0, 0.2]);
    expect(linearTicks(3, 3, 5)).toEqual([3]);
  });

  it('are powers of ten on a logarithmic axis, with steps between them where there is room', () => {
    expect(logTicks(1, 1000, 4)).toEqual([1, 10, 100, 1000]);
    expect(logTicks(1, 10, 4)).toEqual([1, 2, 5, 10]);
    expect(logTicks(1e-9, 1e9, 4)!.length).toBeLessThanOrEqual(5);
    expect(logTicks(2.1, 2.4, 4)).toBeUndefined();
  });

  it('map values to pixels and back', () => {
    const scale = scaleOf({ label: '', isLog: true }, { from: 1, to: 100 }, [0, 200], 4);
    expect(scale.toPixel(10)).toBeCloseTo(100);
    expect(scale.toValue(50)).toBeCloseTo(10 ** 0.5);
  });
});

describe('numbers', () => {
  it('have three digits, spaces between thousands and a typographic minus', () => {
    expect([0, 1.2345, 12.345, 1234.5, 0.00123, -5.5, -0.0000001].map(formatNumber)).toEqual([
      '0',
      '1.23',
      '12.3',
      '1\u202f235',
      '0.00123',
      '−5.5',
      '-1.00e-7',
    ]);
    expect([999, 25_000, 2.5e6, 3e9].map(short)).toEqual(['999', '25k', '2.5M', '3G']);
  });
});

describe('a drawing of lines', () => {
  it('breaks a line where a value is missing', () => {
    const paths = Array.from(
      drawn(LINES).body.matchAll(/<path d="([^"]*)" fill="none"/g),
      ([, d]) => d!,
    );
    expect(paths[0]!.match(/M/g)).toHaveLength(2);
    expect(paths[1]!.match(/M/g)).toHaveLength(1);
  });

  it('tells at each place what every line has there, and what the place lies in', () => {
    const { targets } = drawn(LINES);
    expect(targets.map(({ head }) => head)).toEqual([
      'time: 0\u00a0ms',
      'time: 60\u00a0ms',
      'time: 100\u00a0ms',
    ]);
    expect(targets[0]!.lines.map(({ text }) => text)).toEqual(['one: 1', 'two: 2 (1 to 3)']);
    const inside = drawn({
      ...LINES,
      spans: [{ name: 'blackout', colour: 'bad', from: 55, to: 65 }],
    }).targets[1];
    expect(inside!.lines.map(({ text }) => text)).toEqual(['one: 4', 'blackout']);
  });

  it('shows a part of the x axis when it is zoomed', () => {
    const { targets, view, plot } = drawn(LINES, { from: 50, to: 70 });
    expect(view).toEqual({ from: 50, to: 70 });
    expect(targets.map(({ x }) => x)).toEqual([(plot.left + plot.right) / 2]);
  });

  it('names every series and span once in its legend', () => {
    expect(legendOf(LINES).map(({ name }) => name)).toEqual(['one', 'two', 'blackout']);
  });

  it('keeps its texts inside at any width, and has no number that is none', () => {
    for (const figure of [LINES, ROWS, HEAT]) {
      for (const width of [240, 360, 1400]) {
        const { body, height } = draw(figure, width, paint, 'c');
        expect(body).not.toMatch(/NaN|Infinity|undefined/);
        for (const [, x, y] of body.matchAll(/<text x="([^"]*)" y="([^"]*)"/g)) {
          expect(Number(x)).toBeGreaterThanOrEqual(0);
          expect(Number(x)).toBeLessThanOrEqual(width);
          expect(Number(y)).toBeLessThanOrEqual(height);
        }
      }
    }
  });
});

describe('a drawing of rows', () => {
  it('has a target for each bar, and one for a row with a mark', () => {
    expect(
      drawn(ROWS).targets.map(({ head, lines }) => [head, ...lines.map(({ text }) => text)]),
    ).toEqual([
      ['a', 'first: 4\u00a0ms'],
      ['a', 'second: 6\u00a0ms'],
      ['b', 'first: 4\u00a0ms'],
    ]);
  });
});

describe('a heat map', () => {
  it('joins equal neighbours and leaves out empty cells', () => {
    const { body, targets } = drawn(HEAT);
    const cells = Array.from(body.matchAll(/fill-opacity="([^"]*)"/g), ([, opacity]) => opacity);
    expect(cells).toEqual(['0.56', '1.00']);
    expect(body.match(/Z"/g)).toHaveLength(2);
    expect(targets).toHaveLength(8);
    expect(targets[6]).toMatchObject({
      head: 'round 2, 200 to 300',
      lines: [{ text: 'times sent: 2' }],
    });
  });
});

/** The contrast of two colours by WCAG 2.1. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const value = parseInt(colour.slice(at, at + 2), 16) / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

describe('the palettes', () => {
  it('have contrasts of at least 4.5 to the paper', () => {
    for (const palette of [LIGHT, DARK]) {
      const { paper, line: _, ...colours } = palette;
      for (const colour of Object.values(colours))
        expect(contrast(colour, paper)).toBeGreaterThanOrEqual(4.5);
    }
  });
});
