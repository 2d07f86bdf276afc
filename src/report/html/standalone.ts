import { FONT } from '../chart.ts';
import { draw, legendOf } from './chart/draw.ts';
import type { Figure, Paint } from './chart/figure.ts';
import { LIGHT } from './chart/palette.ts';
import { CHARACTER_PX, element, px, textAt } from './chart/svg.ts';
import { keyOf } from './figure-html.ts';

const WIDTH = 860;
const MARGIN = 18;
const TITLE_PX = 34;
const LEGEND_ROW_PX = 20;

/** On paper, colours are those of the light theme. */
const paint: Paint = (colour) => LIGHT[colour];

/** Returns a chart as an SVG document of its own, with its title and its legend, on white. */
export function figureSvg(figure: Figure): string {
  const { width, height, body } = draw(figure, WIDTH, paint, 'clip');
  const legend = legendOf(figure);
  const { rows, content } = legendAt(legend.length < 2 ? [] : legend, MARGIN, TITLE_PX + 8);
  const top = TITLE_PX + 8 + rows * LEGEND_ROW_PX;
  const title = textAt(MARGIN, 26, figure.title, {
    'font-size': '16',
    'font-weight': 'bold',
    fill: paint('text'),
  });
  const [w, h] = [px(width + 2 * MARGIN), px(top + height + MARGIN)];
  const plot = element('g', { transform: `translate(${MARGIN} ${px(top)})` }, body);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="${FONT}, sans-serif" font-size="12">` +
    `<rect width="100%" height="100%" fill="${paint('paper')}"/>${title}${content}${plot}</svg>\n`
  );
}

function legendAt(
  entries: ReturnType<typeof legendOf>,
  left: number,
  top: number,
): { readonly rows: number; readonly content: string } {
  let [x, row] = [left, 0];
  const content = entries.map((entry) => {
    // DejaVu Sans, in which PNGs are drawn, is wider than most fonts.
    const width = 22 + entry.name.length * (CHARACTER_PX + 0.6) + 18;
    if (x > left && x + width > WIDTH) [x, row] = [left, row + 1];
    const y = top + row * LEGEND_ROW_PX;
    const key = element('g', { transform: `translate(${px(x)} ${px(y)})` }, keyOf(entry, paint));
    const text = textAt(x + 22, y + 10, entry.name, { fill: paint('text') });
    x += width;
    return key + text;
  });
  return { rows: entries.length === 0 ? 0 : row + 1, content: content.join('') };
}
