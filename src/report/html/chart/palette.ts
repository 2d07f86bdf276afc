import type { Colour } from './figure.ts';

type Role = Colour | 'text' | 'line' | 'paper';

/**
 * The colours on light paper. All of them have a contrast of at least 4.5 to the paper (WCAG AA for text), and
 * neighbours differ in lightness too, so that colour-blind readers can tell them apart.
 */
export const LIGHT: Readonly<Record<Role, string>> = {
  c1: '#0064a3',
  c2: '#c2410c',
  c3: '#0a7350',
  c4: '#9d3c8b',
  c5: '#8a5a00',
  c6: '#0e6f88',
  c7: '#3d4450',
  grey: '#5f6773',
  bad: '#b3171c',
  good: '#14733a',
  text: '#1c2128',
  line: '#d9dde3',
  paper: '#ffffff',
};

/** The same on dark paper. */
export const DARK: Readonly<Record<Role, string>> = {
  c1: '#63b3f2',
  c2: '#ff9a6c',
  c3: '#4fd1a1',
  c4: '#e6a0d8',
  c5: '#efc250',
  c6: '#6fd3e6',
  c7: '#c7cdd6',
  grey: '#a3acb9',
  bad: '#ff8f87',
  good: '#74d990',
  text: '#e8ebf0',
  line: '#3a414c',
  paper: '#15181d',
};

/** The colours of series in the order in which they are given out. */
export const SERIES_COLOURS: readonly Colour[] = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'];

export const seriesColour = (index: number): Colour =>
  SERIES_COLOURS[index % SERIES_COLOURS.length]!;
