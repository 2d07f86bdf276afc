import type { FigureAxis, FigureMark, Paint } from './figure.ts';
import { axisTitle, type Scale } from './scale.ts';
import { CHARACTER_PX, element, fit, px, textAt } from './svg.ts';

/** The rectangle of a panel in pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The space in pixels below a drawing's last panel, for the ticks' labels and the axis' title. */
export const X_AXIS_PX = 44;

/** The space in pixels to the right of a drawing's panels. */
export const RIGHT_PX = 14;

/** Draws the ticks of the x axis with lines through the panel, and below it their labels. */
export function xAxis(
  box: Box,
  scale: Scale,
  axis: FigureAxis,
  paint: Paint,
  isLabelled: boolean,
): string {
  const lines = scale.ticks.map(({ at }) => {
    const x = scale.toPixel(at);
    return element('path', {
      d: `M${px(x)} ${px(box.top)}V${px(box.bottom)}`,
      stroke: paint('line'),
    });
  });
  const base = element('path', {
    d: `M${px(box.left)} ${px(box.bottom)}H${px(box.right)}`,
    stroke: paint('grey'),
  });
  if (!isLabelled) return `${lines.join('')}${base}`;
  const labels = roomy(scale).map(({ at, label }) =>
    textAt(scale.toPixel(at), box.bottom + 16, label, {
      'text-anchor': 'middle',
      fill: paint('grey'),
    }),
  );
  const title = textAt(
    (box.left + box.right) / 2,
    box.bottom + 36,
    fit(axisTitle(axis), box.right - box.left + 60),
    {
      'text-anchor': 'middle',
      fill: paint('text'),
    },
  );
  return `${lines.join('')}${base}${labels.join('')}${title}`;
}

/** Draws the x axis of a drawing with one panel, and its content, which is cut off at the sides of the panel. */
export function framed(
  clip: string,
  box: Box,
  scale: Scale,
  axis: FigureAxis,
  paint: Paint,
  content: string,
): string {
  const { left, right, bottom } = box;
  const cut = element('rect', { x: left, y: 0, width: right - left, height: bottom });
  return [
    element('clipPath', { id: clip }, cut),
    xAxis(box, scale, axis, paint, true),
    element('g', { 'clip-path': `url(#${clip})` }, content),
  ].join('');
}

/** Leaves out labels that would run into the one before. */
function roomy(scale: Scale): Scale['ticks'] {
  let free = -Infinity;
  return scale.ticks.filter(({ at, label }) => {
    const half = (label.length * CHARACTER_PX) / 2;
    const x = scale.toPixel(at);
    if (x - half < free) return false;
    free = x + half + 6;
    return true;
  });
}

/** Draws the ticks of a y axis, their labels, and above the panel what the axis shows. */
export function yAxis(box: Box, scale: Scale, axis: FigureAxis, paint: Paint): string {
  const lines = scale.ticks.map(({ at, label }) => {
    const y = scale.toPixel(at);
    return (
      element('path', { d: `M${px(box.left)} ${px(y)}H${px(box.right)}`, stroke: paint('line') }) +
      textAt(box.left - 8, y + 4, label, { 'text-anchor': 'end', fill: paint('grey') })
    );
  });
  const title = textAt(4, box.top - 9, fit(axisTitle(axis), box.right - 4), {
    fill: paint('text'),
  });
  return `${lines.join('')}${title}`;
}

/** The colour of the paper around letters, so that they can be read over lines and areas. */
const halo = (paint: Paint) => ({
  stroke: paint('paper'),
  'stroke-width': '3',
  'stroke-linejoin': 'round',
  'paint-order': 'stroke',
});

/** Draws dashed lines at places of the x axis, with their names at the top of the panel, as far as there is room. */
export function xMarks(
  marks: readonly FigureMark[],
  box: Box,
  scale: Scale,
  paint: Paint,
  isNamed: boolean,
): string {
  let free = -Infinity;
  return marks
    .filter(({ axis = 'x', at }) => axis === 'x' && at >= scale.from && at <= scale.to)
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, name }) => {
      const x = scale.toPixel(at);
      const line = element('path', {
        d: `M${px(x)} ${px(box.top)}V${px(box.bottom)}`,
        stroke: paint('grey'),
        'stroke-dasharray': '4 3',
      });
      const width = name.length * CHARACTER_PX;
      const isLeft = x + width + 6 > box.right;
      const from = isLeft ? x - width - 4 : x + 4;
      if (!isNamed || from < free || from < box.left) return line;
      free = from + width + 6;
      return (
        line +
        textAt(isLeft ? x - 4 : x + 4, box.top + 12, name, {
          fill: paint('grey'),
          'text-anchor': isLeft ? 'end' : 'start',
          ...halo(paint),
        })
      );
    })
    .join('');
}

/** Draws dashed lines at values of the y axis. */
export function yMarks(marks: readonly FigureMark[], box: Box, scale: Scale, paint: Paint): string {
  return marks
    .filter(({ axis = 'x', at }) => axis === 'y' && at >= scale.from && at <= scale.to)
    .map(({ at, name }) => {
      const y = scale.toPixel(at);
      return (
        element('path', {
          d: `M${px(box.left)} ${px(y)}H${px(box.right)}`,
          stroke: paint('bad'),
          'stroke-dasharray': '5 3',
        }) +
        textAt(box.right - 4, y - 5, name, {
          'text-anchor': 'end',
          fill: paint('bad'),
          ...halo(paint),
        })
      );
    })
    .join('');
}
