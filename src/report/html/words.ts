import { formatDuration } from '../../units/duration.ts';
import { formatSize } from '../../units/size.ts';
import { formatNumber } from './chart/scale.ts';

/** Formats figures as reports write them. */

export const msText = (ms: number): string => (ms === 0 ? '0 ms' : formatDuration(ms * 1e6));
export const sizeText = (bytes: number): string => formatSize(bytes);
export const countText = (value: number): string => formatNumber(Math.round(value));
export const percentText = (share: number): string => `${formatNumber(100 * share)} %`;

/** Returns a number with its noun: "1 round", "3 rounds". */
export const plural = (count: number, noun: string): string =>
  `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Returns the greatest of amounts, 0 if there are none. A series may be too long to be the arguments of a call. */
export const mostOf = (amounts: readonly number[]): number =>
  amounts.reduce((most, amount) => Math.max(most, amount), 0);

/** A unit of time for an axis, with its size. */
export interface TimeUnit {
  readonly name: 'ms' | 's' | 'min';
  readonly ms: number;
}

/** Returns the unit in which an axis shows a span of time. */
export function timeUnit(spanMs: number): TimeUnit {
  if (spanMs >= 600_000) return { name: 'min', ms: 60_000 };
  return spanMs >= 2000 ? { name: 's', ms: 1000 } : { name: 'ms', ms: 1 };
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Returns the unit in which an axis shows sizes up to `bytes`, with its size. */
export function sizeUnit(bytes: number): { readonly name: string; readonly bytes: number } {
  let index = 0;
  while (index < SIZES.length - 1 && bytes >= 2048 * 1024 ** index) index++;
  return { name: SIZES[index]!, bytes: 1024 ** index };
}

/** Returns the id of a chart from any text: lower-case letters, digits and dashes. */
export const idOf = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '') || 'chart';
