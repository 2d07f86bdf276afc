/** One thing that is wrong with the input: where, what, and how to mend it. */
export interface InputProblem {
  /** `FILE:LINE:COL`, or the file, `<stdin>` or `--set` alone where there is no line. */
  readonly place: string;
  /** The key, as in `guest.workloads[0].rate`; empty for the whole. */
  readonly key: string;
  readonly sentence: string;
}

/** Input that can't be used; nothing has been allocated or written. Exit code 2. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly problems: readonly InputProblem[];

  constructor(problems: readonly InputProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

export function formatProblem({ place, key, sentence }: InputProblem): string {
  return key === '' ? `${place}: ${sentence}` : `${place} ${key}: ${sentence}`;
}

/** `guest.workloads[0].rate` */
export function formatKey(path: readonly (string | number)[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('');
}
