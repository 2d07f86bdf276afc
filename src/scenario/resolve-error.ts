import type { Problem } from './problem.ts';

/** A scenario can't be run on this machine; the problem's `path` says which key is to blame. */
export class ResolveError extends Error {
  override readonly name = 'ResolveError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.sentence);
    this.problem = problem;
  }
}
