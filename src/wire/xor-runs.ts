/**
 * A page as what differs from an older copy of it that the receiver has: the XOR of both is zero in long runs, of which
 * only the lengths are kept. The format is that of QEMU's XBZRLE (migration/xbzrle.c, docs/devel/migration): pairs of a
 * run of equal bytes, as its length, and a run of differing ones, as its length and the new bytes. Lengths are ULEB128.
 * The equal bytes at the end are left out, so that a page that hasn't changed takes no byte at all. The encoder compares
 * four bytes at a time where it can; `encodeXorRunsBytewise` is its twin.
 */

/**
 * Two differing bytes with so many equal ones between them at most lie in one run, since two more lengths cost as much.
 * QEMU's encoder does not do that; its decoder takes either.
 */
const JOINED = 2;

/**
 * Writes the runs by which `page` differs from `old`, of the same length, to byte `at` of `out`. Returns the number of
 * bytes written, or -1 if they would be more than `most`. `old` and `page` begin at multiples of four bytes. Differing
 * bytes with at most `joined` equal ones between them lie in one run; with 0 the runs are those of QEMU's encoder.
 */
export function encodeXorRuns(
  old: Uint8Array,
  page: Uint8Array,
  out: Uint8Array,
  at: number,
  most: number,
  joined = JOINED,
): number {
  const oldWords = new Uint32Array(old.buffer, old.byteOffset, old.length >>> 2);
  const words = new Uint32Array(page.buffer, page.byteOffset, page.length >>> 2);
  const { length } = page;
  const end = at + most;
  let to = at;
  let from = 0;
  for (;;) {
    let first = from;
    while (first < length) {
      if ((first & 3) === 0 && oldWords[first >>> 2] === words[first >>> 2] && first + 4 <= length)
        first += 4;
      else if (old[first] === page[first]) first++;
      else break;
    }
    if (first >= length) return to - at;
    const last = differingEnd(old, page, first, joined);
    if (to + lengthBytes(first - from) + lengthBytes(last - first) + last - first > end) return -1;
    to = writeLength(out, to, first - from);
    to = writeLength(out, to, last - first);
    for (let i = first; i < last; i++) out[to++] = page[i]!;
    from = last;
  }
}

/** Does what `encodeXorRuns` does, a byte at a time. */
export function encodeXorRunsBytewise(
  old: Uint8Array,
  page: Uint8Array,
  out: Uint8Array,
  at: number,
  most: number,
  joined = JOINED,
): number {
  let to = at;
  for (let from = 0; ;) {
    let first = from;
    while (first < page.length && old[first] === page[first]) first++;
    if (first === page.length) return to - at;
    const last = differingEnd(old, page, first, joined);
    const bytes = lengthBytes(first - from) + lengthBytes(last - first) + last - first;
    if (to + bytes > at + most) return -1;
    to = writeLength(out, to, first - from);
    to = writeLength(out, to, last - first);
    out.set(page.subarray(first, last), to);
    to += last - first;
    from = last;
  }
}

/** Returns where a run of differing bytes ends that begins at `first`. */
function differingEnd(old: Uint8Array, page: Uint8Array, first: number, joined: number): number {
  const { length } = page;
  let end = first + 1;
  let equal = 0;
  for (let i = end; i < length; i++) {
    if (old[i] !== page[i]) {
      end = i + 1;
      equal = 0;
    } else if (++equal > joined) break;
  }
  return end;
}

/**
 * Makes a page of its old copy, which `page` holds, and the runs in bytes [at, end) of `runs`. Returns false if they are
 * damaged; the page may then hold anything.
 */
export function applyXorRuns(page: Uint8Array, runs: Uint8Array, at: number, end: number): boolean {
  let from = at;
  let to = 0;
  while (from < end) {
    const equal = readLength(runs, from, end);
    if (equal < 0) return false;
    from += lengthBytes(equal);
    const differing = readLength(runs, from, end);
    if (differing <= 0) return false;
    from += lengthBytes(differing);
    to += equal;
    if (to + differing > page.length || from + differing > end) return false;
    for (let i = 0; i < differing; i++) page[to++] = runs[from++]!;
  }
  return true;
}

/** Four bytes of seven bits hold the length of the largest page, 2 MiB. */
const lengthBytes = (length: number): number =>
  length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x200000 ? 3 : 4;

function writeLength(out: Uint8Array, at: number, length: number): number {
  let rest = length;
  let to = at;
  while (rest >= 0x80) {
    out[to++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[to++] = rest;
  return to;
}

/** Returns a length, -1 if it is cut off, too long, or not in its shortest form. */
function readLength(bytes: Uint8Array, at: number, end: number): number {
  let length = 0;
  for (let i = 0; i < 4 && at + i < end; i++) {
    const byte = bytes[at + i]!;
    length |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return i + 1 === lengthBytes(length) ? length : -1;
  }
  return -1;
}
