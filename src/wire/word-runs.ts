/**
 * The compression of Xen's Remus (tools/libxc/xc_compression.c, from Xen 4.2 on): a page and its old copy are compared
 * in words of four bytes. A marker of one byte begins each run: with its top bit the run is of equal words, which are
 * skipped; without it, it is of words that differ and that follow. The low seven bits are the number of words. A page
 * without an old copy is the marker 0x80 and all of its bytes; one that has not changed is a single marker of zero.
 */
const SKIP = 0x80;
/** The most words of a run. */
const MOST_WORDS = 127;
const WORD = 4;

/** Returns the most bytes that a page takes. */
export const mostWordRunsBytes = (pageSize: number): number =>
  pageSize + Math.ceil(pageSize / (MOST_WORDS * WORD));

/**
 * Writes a page to byte `at` of `out`; `old` is undefined if the receiver has no copy that the sender knows. Returns the
 * number of bytes written. The arrays begin at multiples of four bytes.
 */
export function encodeWordRuns(
  old: Uint8Array | undefined,
  page: Uint8Array,
  out: Uint8Array,
  at: number,
): number {
  if (!old) {
    out[at] = SKIP;
    out.set(page, at + 1);
    return page.length + 1;
  }
  const before = new Uint32Array(old.buffer, old.byteOffset, old.length >>> 2);
  const words = new Uint32Array(page.buffer, page.byteOffset, page.length >>> 2);
  let to = at;
  let isChanged = false;
  for (let from = 0; from < words.length;) {
    const isEqual = before[from] === words[from];
    const most = Math.min(words.length, from + MOST_WORDS);
    let end = from + 1;
    while (end < most && (before[end] === words[end]) === isEqual) end++;
    out[to++] = (isEqual ? SKIP : 0) | (end - from);
    if (!isEqual) {
      isChanged = true;
      out.set(page.subarray(from * WORD, end * WORD), to);
      to += (end - from) * WORD;
    }
    from = end;
  }
  if (isChanged) return to - at;
  out[at] = 0;
  return 1;
}

/**
 * Makes a page of its old copy, which `page` holds, and of bytes [at, end) of `runs`. Returns false if they are damaged;
 * the page may then hold anything.
 */
export function applyWordRuns(
  page: Uint8Array,
  runs: Uint8Array,
  at: number,
  end: number,
): boolean {
  if (end - at === 1) return runs[at] === 0;
  if (runs[at] === SKIP) {
    if (end - at !== page.length + 1) return false;
    page.set(runs.subarray(at + 1, end));
    return true;
  }
  let from = at;
  let to = 0;
  while (from < end) {
    const marker = runs[from++]!;
    const bytes = (marker & MOST_WORDS) * WORD;
    if (bytes === 0 || to + bytes > page.length) return false;
    if ((marker & SKIP) === 0) {
      if (from + bytes > end) return false;
      page.set(runs.subarray(from, from + bytes), to);
      from += bytes;
    }
    to += bytes;
  }
  return to === page.length;
}
