import type { Colour, Drawing, Figure, Paint, View } from './figure.ts';
import { drawHeat } from './heat.ts';
import { drawRows } from './rows.ts';
import { drawXy } from './xy.ts';

/**
 * Draws a figure of a width in pixels. `view` is the part of its x axis that is shown, by default all of it; `clip` is
 * a prefix of element names that no other drawing of the document has.
 */
export function draw(
  figure: Figure,
  width: number,
  paint: Paint,
  clip: string,
  view?: View,
): Drawing {
  if (figure.kind === 'xy') return drawXy(figure, width, paint, view, clip);
  if (figure.kind === 'rows') return drawRows(figure, width, paint, view, clip);
  return drawHeat(figure, width, paint, view, clip);
}

export interface LegendEntry {
  readonly name: string;
  readonly colour: Colour;
  readonly style: 'line' | 'dashed' | 'block' | 'dot' | 'ring' | 'shade';
}

const SERIES_STYLE = {
  line: 'line',
  step: 'line',
  dashed: 'dashed',
  area: 'block',
  points: 'dot',
  marks: 'ring',
} as const;

/** Returns what the colours of a figure mean; each name is there once. */
export function legendOf(figure: Figure): LegendEntry[] {
  const entries = new Map<string, LegendEntry>();
  const add = (entry: LegendEntry): void => {
    if (!entries.has(entry.name)) entries.set(entry.name, entry);
  };
  if (figure.kind === 'xy') {
    for (const { series } of figure.panels) {
      for (const { name, colour, style } of series)
        add({ name, colour, style: SERIES_STYLE[style] });
    }
    for (const { name, colour } of figure.spans ?? []) add({ name, colour, style: 'shade' });
  } else if (figure.kind === 'rows') {
    for (const { name, colour } of figure.kinds) add({ name, colour, style: 'block' });
  }
  return [...entries.values()];
}
