import type { Path } from './document.ts';

/** A problem of a scenario whose values are each right on their own, but do not fit together or this machine. */
export interface Problem {
  /** The key that is shown with the problem. */
  readonly path: Path;
  readonly sentence: string;
}
