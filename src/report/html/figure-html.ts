import { draw, legendOf, type LegendEntry } from './chart/draw.ts';
import type { Figure, Paint } from './chart/figure.ts';
import { element, escapeText, px } from './chart/svg.ts';
import { dataTable } from './data-table.ts';
import { tableHtml } from './table-html.ts';

/** The width at which charts are drawn here; a browser draws them anew for its window. */
const WIDTH = 860;

/** Colours in a page are variables of its style sheet, which differ between light and dark. */
const pagePaint: Paint = (colour) => `var(--${colour})`;

/** Returns a chart with its title, its legend, its tools and its data. */
export function figureHtml(figure: Figure): string {
  const { id, title, note } = figure;
  const { width, height, body } = draw(figure, WIDTH, pagePaint, `clip-${id}`);
  const { table, left } = dataTable(figure);
  const rest = left === 0 ? '' : `<p>${left} more rows are in the result's file.</p>`;
  const svg = `<svg viewBox="0 0 ${px(width)} ${px(height)}" aria-hidden="true" focusable="false">${body}</svg>`;
  return `<figure data-figure="${escapeText(id)}"><figcaption><h3 id="title-${escapeText(id)}">${escapeText(title)}</h3>${note === undefined ? '' : `<p class="note">${escapeText(note)}</p>`}</figcaption>
${legendHtml(legendOf(figure))}<div class="plot" role="group" aria-roledescription="chart" aria-labelledby="title-${escapeText(id)}" tabindex="0">${svg}</div>
<div class="tools" hidden><button type="button" data-zoom="in">Zoom in</button><button type="button" data-zoom="out">Zoom out</button><button type="button" data-zoom="all" disabled>Show all</button><span class="hint">drag to zoom; arrow keys walk through the points</span></div>
<div class="hidden" aria-live="polite"></div>
<details><summary>Data of this chart</summary>${tableHtml(table, title, { isTall: true })}${rest}</details></figure>`;
}

function legendHtml(entries: readonly LegendEntry[]): string {
  if (entries.length < 2) return '';
  const items = entries.map(
    (entry) =>
      `<li><svg class="key" viewBox="0 0 16 11" aria-hidden="true">${keyOf(entry, pagePaint)}</svg>${escapeText(entry.name)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

/** Draws the key of a legend's entry in 16 by 11 pixels. */
export function keyOf({ colour, style }: LegendEntry, paint: Paint): string {
  const stroke = paint(colour);
  switch (style) {
    case 'line':
      return element('path', { d: 'M0 5.5H16', stroke, 'stroke-width': '2.5' });
    case 'dashed':
      return element('path', {
        d: 'M0 5.5H16',
        stroke,
        'stroke-width': '2',
        'stroke-dasharray': '4 2',
      });
    case 'dot':
      return element('circle', { cx: 8, cy: 5.5, r: 4, fill: stroke });
    case 'ring':
      return element('circle', { cx: 8, cy: 5.5, r: 4, fill: 'none', stroke, 'stroke-width': '2' });
    case 'shade':
      return element('rect', {
        x: 0,
        y: 0,
        width: 16,
        height: 11,
        fill: stroke,
        'fill-opacity': '0.35',
      });
    default:
      return element('rect', { x: 0, y: 0, width: 16, height: 11, fill: stroke });
  }
}
