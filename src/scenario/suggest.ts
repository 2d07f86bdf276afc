/** Words that are longer than this are not compared, because that takes the product of their lengths. */
const MOST_LENGTH = 64;

/**
 * Returns the known word that is fewest edits away from `word`, regardless of case, or undefined when that takes more
 * than two edits and more than a third of the word's length.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const most = Math.max(2, Math.floor(word.length / 3));
  const ranked = known
    // Fewer edits than the lengths differ by are never enough, and what is long is no misspelt key.
    .filter(({ length }) => Math.abs(length - word.length) <= most && length <= MOST_LENGTH)
    .map((candidate) => ({
      candidate,
      edits: editDistance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .toSorted((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= most ? best.candidate : undefined;
}

/** Returns the Levenshtein distance: how many insertions, deletions and replacements turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
