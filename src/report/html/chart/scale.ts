import type { FigureAxis, View } from './figure.ts';

/** Maps values of an axis to pixels, and knows its ticks. */
export interface Scale {
  readonly from: number;
  readonly to: number;
  toPixel(value: number): number;
  toValue(pixel: number): number;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
}

/** Returns the scale of an axis between two pixels, with about `most` ticks. */
export function scaleOf(
  axis: FigureAxis,
  { from, to }: View,
  pixels: readonly [number, number],
  most: number,
): Scale {
  const [first, last] = pixels;
  const forward = axis.isLog ? Math.log10 : (value: number): number => value;
  const back = axis.isLog
    ? (value: number): number => 10 ** value
    : (value: number): number => value;
  const [low, high] = [forward(from), forward(to)];
  const slope = (last - first) / (high - low || 1);
  return {
    from,
    to,
    toPixel: (value) => first + (forward(value) - low) * slope,
    toValue: (pixel) => back(low + (pixel - first) / slope),
    ticks: ticksOf(axis, from, to, most),
  };
}

function ticksOf(axis: FigureAxis, from: number, to: number, most: number): Scale['ticks'] {
  if (axis.names) {
    return axis.names.flatMap((label, i) =>
      i + 1 >= from && i + 1 <= to ? [{ at: i + 1, label }] : [],
    );
  }
  const values =
    (axis.isLog ? logTicks(from, to, most) : undefined) ??
    linearTicks(from, to, axis.isWhole ? Math.min(most, to - from) : most);
  const step = values.length > 1 ? values[1]! - values[0]! : 0;
  return values.map((at) => ({ at, label: axis.isLog ? short(at) : tickLabel(at, step) }));
}

/** Returns the largest of 1, 2 and 5 times a power of ten that makes at most `most` steps. */
function niceStep(span: number, most: number): number {
  const rough = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough) ?? 10;
  return factor * power;
}

export function linearTicks(from: number, to: number, most: number): number[] {
  const span = to - from;
  if (!(span > 0)) return [from];
  const step = niceStep(span, most);
  const ticks: number[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Returns powers of ten, with 2 and 5 times them where there is room; undefined when there are fewer than two. */
export function logTicks(from: number, to: number, most: number): number[] | undefined {
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
      for (const factor of factors) {
        const at = Number((factor * 10 ** power).toPrecision(12));
        if (at >= from * 0.999999 && at <= to * 1.000001) ticks.push(at);
      }
    }
    if (ticks.length <= most + 1 && ticks.length > 1) return ticks;
    if (factors.length === 1 && ticks.length > 1)
      return everyNth(ticks, Math.ceil(ticks.length / most));
  }
  return undefined;
}

const everyNth = (ticks: readonly number[], n: number): number[] =>
  ticks.filter((_, i) => i % n === 0);

/** Formats a tick with the digits that its distance to the next one needs. */
function tickLabel(value: number, step: number): string {
  if (Math.abs(value) >= 10_000 || (step >= 1000 && value !== 0)) return short(value);
  const digits = step > 0 ? Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) : 2;
  return signed(value.toFixed(Math.min(digits, 9)));
}

/** Writes a minus as typography does. */
const signed = (text: string): string => text.replace(/^-(?=.*[1-9])/, '−').replace(/^-/, '');

/** Formats a number with three significant digits, and k, M, G for thousands, millions, billions. */
export function short(value: number): string {
  const size = Math.abs(value);
  const [unit, name] =
    size >= 1e9 ? [1e9, 'G'] : size >= 1e6 ? [1e6, 'M'] : size >= 1e4 ? [1e3, 'k'] : [1, ''];
  return `${formatNumber(value / unit)}${name}`;
}

/** Formats a number with three significant digits, or all of those before the point. */
export function formatNumber(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-6) return value.toExponential(2);
  const digits = size >= 100 ? 0 : Math.min(8, 2 - Math.floor(Math.log10(size)));
  const [whole = '', part] = signed(value.toFixed(digits)).split('.');
  const trimmed = part?.replace(/0+$/, '');
  const grouped = whole.replaceAll(/\B(?=(?:\d{3})+(?!\d))/g, '\u202f');
  return trimmed ? `${grouped}.${trimmed}` : grouped;
}

/** Formats a value of an axis with its unit. */
export function withUnit(value: number, { unit, names }: FigureAxis): string {
  if (names) return names[Math.round(value) - 1] ?? formatNumber(value);
  return unit ? `${formatNumber(value)}\u00a0${unit}` : formatNumber(value);
}

export const axisTitle = ({ label, unit }: FigureAxis): string =>
  unit ? `${label}, ${unit}` : label;

/** Returns the ends of an axis: those that it has, or those of its values with some room. */
export function extentOf(axis: FigureAxis, values: readonly number[], isTight: boolean): View {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (axis.isLog && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (axis.names) return { from: 0.5, to: axis.names.length + 0.5 };
  if (low > high) [low, high] = axis.isLog ? [1, 10] : [0, 1];
  const from =
    axis.min ??
    (axis.isLog ? (isTight ? low : low / 1.25) : low - (isTight ? 0 : 0.04 * (high - low)));
  const to =
    axis.max ??
    (axis.isLog ? (isTight ? high : high * 1.25) : high + (isTight ? 0 : 0.06 * (high - low)));
  if (to > from) return { from, to };
  return axis.isLog
    ? { from: from / 2, to: from * 2 }
    : { from: from - 0.5 * Math.abs(from || 1), to: from + 0.5 * Math.abs(from || 1) };
}
