/** One thing that is wrong with the input. */
export interface InputProblem {
  /** Where it stands: `FILE:LINE:COL`, or the file, `<stdin>` or `--set` alone where there is no line. */
  readonly place: string;
  /** The key, such as `guest.workloads[0].rate`; it is empty when the problem is the whole input. */
  readonly key: string;
  /** What is wrong, and how to mend it. */
  readonly sentence: string;
}

/** The input can't be used, and nothing has been allocated or written. Commands exit with code 2. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly problems: readonly InputProblem[];

  constructor(problems: readonly InputProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** Returns a problem as a line: its place, its key and its sentence. */
export function formatProblem({ place, key, sentence }: InputProblem): string {
  return key === '' ? `${place}: ${sentence}` : `${place} ${key}: ${sentence}`;
}

/** Returns a path as a key such as `guest.workloads[0].rate`. */
export function formatKey(path: readonly (string | number)[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('');
}
