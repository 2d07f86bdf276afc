/** One thing that is wrong with the input. */
export interface InputProblem {
  /** Where it stands: `FILE:LINE:COL`, or the file, `<stdin>` or `--set` alone where there is no line. */
  readonly place: string;
  /** The key, such as `guest.workloads[0].rate`; it is empty when the problem is the whole input. */
  readonly key: string;
  /** What is wrong, and how to mend it. */
  readonly sentence: string;
}

/** A message lists at most this many problems, and says how many more there are. */
export const MOST_PROBLEMS = 20;

/** The input can't be used, and nothing has been allocated or written. Commands exit with code 2. */
export class InputError extends Error {
  override readonly name = 'InputError';
  /** The first problems, at most MOST_PROBLEMS. */
  readonly problems: readonly InputProblem[];
  /** How many more problems there are. */
  readonly more: number;

  /** `more` is how many problems there are besides `problems`. */
  constructor(problems: readonly InputProblem[], more = 0) {
    const first = problems.slice(0, MOST_PROBLEMS);
    const rest = problems.length - first.length + more;
    const lines = first.map(formatProblem);
    if (rest > 0) lines.push(`… and ${formatWhole(rest)} more`);
    super(lines.join('\n'));
    this.problems = first;
    this.more = rest;
  }
}

/** Formats a whole number with spaces between its thousands: "9 980". */
const formatWhole = (number: number): string =>
  String(number).replaceAll(/\B(?=(?:\d{3})+$)/g, ' ');

const MOST_SHOWN = 200;
/** A place has room for an option with a name that is shortened already. */
const MOST_PLACE = 2 * MOST_SHOWN;

/** Returns a piece of input as a message shows it, at most 200 characters long. */
export function shorten(text: string): string {
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN - 1)}…`;
}

/** Returns a name as a message shows it; of one that is too long the middle is left out, as line and column come last. */
export function shortenMiddle(text: string): string {
  if (text.length <= MOST_PLACE) return text;
  const half = Math.floor((MOST_PLACE - 1) / 2);
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

/** Shortens the values in quotation marks that a sentence repeats. */
export function shortenQuotes(sentence: string): string {
  return sentence.replaceAll(
    /(["'])((?:(?!\1)[^\\]|\\.)+)\1/gs,
    (_, mark: string, value: string) => {
      return mark + shorten(value) + mark;
    },
  );
}

/** Returns a problem as a line: its place, its key and its sentence. */
export function formatProblem({ place, key, sentence }: InputProblem): string {
  const where = key === '' ? shortenMiddle(place) : `${shortenMiddle(place)} ${shorten(key)}`;
  return `${where}: ${shortenQuotes(sentence)}`;
}

/** Returns a path as a key such as `guest.workloads[0].rate`. */
export function formatKey(path: readonly (string | number)[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('');
}
