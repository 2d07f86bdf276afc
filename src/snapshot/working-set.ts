/** The pages that a guest needs first after a restore, as an earlier restore has recorded them. */
export interface WorkingSet {
  readonly schema: 'pageferry/working-set@1';
  /** The identity of the snapshot, in hexadecimal digits. */
  readonly identity: string;
  /** How long was recorded, in ms. */
  readonly recordedMs: number;
  /** Runs of pages in the order in which they were needed: the first gfn of each, and its number of pages. */
  readonly runs: readonly (readonly [number, number])[];
}

/** The name of the file beside a snapshot that keeps its working set. */
export const workingSetPath = (snapshot: string): string => `${snapshot}.ws.json`;

/** Puts pages, listed in the order in which they were needed, together to a working set. */
export function workingSetOf(
  identity: string,
  recordedMs: number,
  gfns: readonly number[],
): WorkingSet {
  const runs: [number, number][] = [];
  for (const gfn of gfns) {
    const last = runs.at(-1);
    if (last && last[0] + last[1] === gfn) last[1]++;
    else runs.push([gfn, 1]);
  }
  return { schema: 'pageferry/working-set@1', identity, recordedMs, runs };
}

/**
 * Returns the pages of a working set's file, or a sentence that says why they can't be used: the file is no working set, or
 * that of another snapshot than the one with this identity, which has so many pages.
 */
export function parseWorkingSet(
  text: string,
  identity: string,
  pages: number,
): readonly number[] | string {
  let set: Partial<WorkingSet> | null;
  try {
    set = JSON.parse(text) as Partial<WorkingSet> | null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return 'it is no working set';
  }
  if (set?.schema !== 'pageferry/working-set@1' || !Array.isArray(set.runs)) {
    return 'it is no working set';
  }
  if (set.identity !== identity)
    return 'it is the working set of another snapshot: record it again';
  const gfns = new Set<number>();
  for (const run of set.runs as readonly unknown[]) {
    const [first, count] = Array.isArray(run) ? (run as readonly unknown[]) : [];
    const isRun = Number.isInteger(first) && Number.isInteger(count);
    if (!isRun) return 'it is no working set';
    const [from, length] = [first as number, count as number];
    if (from < 0 || length < 1 || from + length > pages)
      return 'it names pages that the guest lacks';
    for (let gfn = from; gfn < from + length; gfn++) gfns.add(gfn);
  }
  return [...gfns];
}
