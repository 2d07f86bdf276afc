import { type PageMap, readPages } from '../../result/page-map.ts';
import { sentAgainSentences } from '../../result/page-sentence.ts';
import type { RunResult } from '../../result/schema.ts';
import { formatSize, trimNumber } from '../../units/size.ts';
import { escapeXml } from '../escape-xml.ts';
import { FONT } from '../font.ts';
import { Grid, type Kind, KINDS, SHARES, wantedKind } from './grid.ts';
import { layOut, type Layout, type Panel, PLOT, PLOT_WIDTH, PROFILE, WIDTH } from './layout.ts';

const MOST_CELLS = 512;
const GREY = '#e4e4e4';
const TEXT = '#444444';
/** The colours of each kind from the smallest share on: ColorBrewer's Blues, Greys, Oranges and Purples. */
const RAMPS: Readonly<Record<Kind, readonly string[]>> = {
  sent: ['#deebf7', '#c6dbef', '#9ecae1', '#6baed6', '#2171b5', '#08306b'],
  zero: ['#f0f0f0', '#d9d9d9', '#bdbdbd', '#969696', '#737373', '#252525'],
  dirtied: ['#fee6ce', '#fdd0a2', '#fdae6b', '#fd8d3c', '#d94801', '#7f2704'],
  requested: ['#efedf5', '#dadaeb', '#bcbddc', '#9e9ac8', '#6a51a3', '#3f007d'],
};
const KIND_NAMES: Readonly<Record<Kind, string>> = {
  sent: 'pages sent',
  zero: 'most of them as zero pages',
  dirtied: 'pages found dirty',
  requested: 'requests of faults',
};

/** Draws the field `pages` of a result as an SVG document: guest memory from left to right, rounds and time downwards. */
export function pageMapSvg(result: RunResult): string {
  const map = readPages(result.pages!);
  const pages = result.ram.total / result.ram.pageSize;
  const grid = new Grid(map, { pages, mostCells: MOST_CELLS });
  const layout = layOut(map);
  const { sent, wanted } = layout;
  const xOf = (gfn: number): number => PLOT.left + (PLOT_WIDTH * gfn) / pages;
  const parts = [
    `<rect width="${WIDTH}" height="${n(layout.height)}" fill="#ffffff"/>`,
    ...heading(result),
    ...profile(map, grid, xOf),
    ...panel('what was sent', sent, { kindOf: () => 'sent', grid }, xOf),
    ...(wanted ? panel(wantedTitle(map), wanted, { kindOf: wantedKind, grid }, xOf) : []),
    ...axis(result.ram, layout, xOf),
    ...legend(map, layout),
  ];
  const size = `width="${WIDTH}" height="${n(layout.height)}" viewBox="0 0 ${WIDTH} ${n(layout.height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="${FONT}, sans-serif" font-size="11">\n${parts.join('\n')}\n</svg>\n`;
}

/** Formats a length in pixels. */
const n = (px: number): string => String(Number(px.toFixed(2)));

interface TextOptions {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly bold?: boolean;
  readonly fill?: string;
}

function text(x: number, y: number, content: string, options: TextOptions = {}): string {
  const { anchor = 'start', size = 11, bold = false, fill = TEXT } = options;
  const weight = bold ? ' font-weight="bold"' : '';
  return `<text x="${n(x)}" y="${n(y)}" font-size="${size}" text-anchor="${anchor}" fill="${fill}"${weight}>${escapeXml(content)}</text>`;
}

const line = (x1: number, y1: number, x2: number, y2: number, style = ''): string =>
  `<path d="M${n(x1)} ${n(y1)}L${n(x2)} ${n(y2)}" stroke="${GREY}"${style}/>`;

function heading(result: RunResult): string[] {
  const { scenario, ram, pages, outcome } = result;
  const { name, migration } = scenario as { name?: string; migration: { algorithm: string } };
  const bin = pages!.binPages * ram.pageSize;
  const title = `${name ?? 'run'}: which pages were sent and dirtied, ${formatSize(ram.total)} guest`;
  const about = `${migration.algorithm}, ${outcome}; counted by ${pages!.binPages} page${pages!.binPages === 1 ? '' : 's'}, ${formatSize(bin)}`;
  return [
    text(16, 26, title, { size: 16, bold: true, fill: '#222222' }),
    text(16, 44, about, { size: 12 }),
    ...sentAgainSentences(result).map((sentence, index) =>
      text(16, 60 + 16 * index, sentence, { size: 12 }),
    ),
  ];
}

/** Draws how often each page was sent in all. */
function profile(map: PageMap, grid: Grid, xOf: (gfn: number) => number): string[] {
  const times = Array.from({ length: grid.cells }, (_, cell) =>
    map.columns.reduce((sum, { sent }) => sum + grid.shareOf(sent, cell), 0),
  );
  const top = Math.max(1, Math.ceil(times.reduce((most, one) => Math.max(most, one), 0)));
  const bottom = PROFILE.top + PROFILE.height;
  const yOf = (value: number): number => bottom - (PROFILE.height * value) / top;
  const marks = top <= 4 ? Array.from({ length: top + 1 }, (_, value) => value) : [0, top / 2, top];
  const outline = times.map((value, cell) => `V${n(yOf(value))}H${n(xOf(grid.startOf(cell + 1)))}`);
  return [
    ...marks.flatMap((value) => [
      line(PLOT.left, yOf(value), PLOT.left + PLOT_WIDTH, yOf(value)),
      text(PLOT.left - 8, yOf(value) + 4, trimNumber(value), { anchor: 'end' }),
    ]),
    text(PLOT.left, PROFILE.top - 8, 'how often a page was sent, on average', { bold: true }),
    `<path d="M${n(PLOT.left)} ${n(bottom)}${outline.join('')}V${n(bottom)}Z" fill="${RAMPS.sent[4]!}" fill-opacity="0.75"/>`,
  ];
}

function wantedTitle({ columns }: PageMap): string {
  const isLive = columns.some(({ kind }) => kind === 'live');
  const isPostcopy = columns.some(({ kind }) => kind === 'postcopy');
  const [dirtied, requested] = ['what was found dirty meanwhile', 'what faults asked for'];
  if (isLive && isPostcopy) return `${dirtied}, and ${requested} after the switch to post-copy`;
  return isLive ? dirtied : requested;
}

type Column = PageMap['columns'][number];

function panel(
  title: string,
  { top, bottom, rows }: Panel,
  { kindOf, grid }: { readonly kindOf: (column: Column) => Kind; readonly grid: Grid },
  xOf: (gfn: number) => number,
): string[] {
  const right = PLOT.left + PLOT_WIDTH;
  const paths = new Map<string, string>();
  const labels: string[] = [];
  for (const [index, { column, y, height, label }] of rows.entries()) {
    for (const strip of grid.stripsOf(column, kindOf(column))) {
      const colour = RAMPS[strip.kind][strip.level]!;
      const [from, to] = [xOf(strip.from), xOf(strip.to)];
      const path = `M${n(from)} ${n(y)}H${n(to)}v${n(height)}H${n(from)}z`;
      paths.set(colour, `${paths.get(colour) ?? ''}${path}`);
    }
    if (index > 0 && column.kind !== rows[index - 1]!.column.kind) {
      labels.push(line(PLOT.left - 80, y - 3, right + 70, y - 3));
    }
    if (label === undefined) continue;
    const baseline = y + height / 2 + 4;
    labels.push(text(PLOT.left - 8, baseline, label, { anchor: 'end' }));
    const total = totalOf(column, kindOf(column));
    labels.push(text(right + 8, baseline, total.toLocaleString('en-US').replaceAll(',', ' ')));
  }
  return [
    text(PLOT.left, top - 10, title, { bold: true }),
    text(right + 8, top - 10, 'pages', { bold: true }),
    ...[...paths].map(
      ([colour, path]) => `<path d="${path}" fill="${colour}" shape-rendering="crispEdges"/>`,
    ),
    `<rect x="${PLOT.left}" y="${n(top)}" width="${PLOT_WIDTH}" height="${n(bottom - top)}" fill="none" stroke="#999999"/>`,
    ...labels,
  ];
}

function totalOf(column: Column, kind: Kind): number {
  let total = 0;
  for (let bin = 0; bin < column[kind].length; bin++) total += column[kind][bin]!;
  return total;
}

/** Draws the axis of guest memory, in bytes and in gfns. */
function axis(
  { total, pageSize }: RunResult['ram'],
  { axisY }: Layout,
  xOf: (gfn: number) => number,
): string[] {
  const step = Math.max(pageSize, 2 ** Math.floor(Math.log2(total / 5)));
  const ticks = Array.from({ length: Math.floor(total / step) + 1 }, (_, index) => index * step);
  return [
    ...ticks.flatMap((at) => {
      const x = xOf(at / pageSize);
      return [
        `<path d="M${n(x)} ${n(axisY)}v5" stroke="#999999"/>`,
        text(x, axisY + 17, at === 0 ? '0' : formatSize(at), { anchor: 'middle' }),
        text(x, axisY + 31, at === 0 ? 'gfn 0' : String(at / pageSize), { anchor: 'middle' }),
      ];
    }),
    text(PLOT.left + PLOT_WIDTH / 2, axisY + 48, 'guest memory', { anchor: 'middle', size: 12 }),
  ];
}

const SWATCH = { width: 58, height: 12, left: 276 } as const;
/** Returns where the swatches of a class begin. */
const swatchX = (level: number): number => SWATCH.left + level * (SWATCH.width + 6);

function legend(map: PageMap, { legendY }: Layout): string[] {
  const shown = KINDS.filter((kind) => map.columns.some((column) => totalOf(column, kind) > 0));
  const bounds = ['1 %', '3 %', '10 %', '30 %', '100 %'];
  const heads = SHARES.map((_, index) => `to ${bounds[index]!}`);
  return [
    text(PLOT.left, legendY + 18, 'share of the pages there', { bold: true }),
    ...[...heads, 'more'].map((head, index) =>
      text(swatchX(index) + SWATCH.width / 2, legendY + 18, head, { anchor: 'middle' }),
    ),
    ...shown.flatMap((kind, row) => {
      const y = legendY + 28 + row * 20;
      return [
        text(PLOT.left, y + 10, KIND_NAMES[kind]),
        ...RAMPS[kind].map(
          (colour, index) =>
            `<rect x="${swatchX(index)}" y="${n(y)}" width="${SWATCH.width}" height="${SWATCH.height}" fill="${colour}" stroke="#cccccc"/>`,
        ),
      ];
    }),
  ];
}
