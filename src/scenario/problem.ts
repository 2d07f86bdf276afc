import type { Path } from './document.ts';

/** A problem of a scenario whose single values are all right. */
export interface Problem {
  readonly path: Path;
  readonly sentence: string;
}
