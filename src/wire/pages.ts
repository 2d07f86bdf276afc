import { batchPages } from './limits.ts';
import { copyBytes } from '../memory/copy.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Memslot } from '../memory/memslot.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import {
  type Frame,
  FRAME,
  type FrameMemory,
  HEADER_BYTES,
  sealFrame,
  WireError,
} from './frame.ts';

/**
 * A page frame. Control part (u32 each, little-endian):
 *
 *   slot · page size · runs · sums · runs × (first gfn, encoding << 28 | pages) · sums × 8 bytes
 *
 * padded to 64 bytes; then the payload: the raw pages in the order of the runs. There is one sum
 * (page hash) a raw page with integrity `full`, none with `header`.
 */
export type Integrity = 'full' | 'header';

/** Encodings of a run; the numbers up to 15 are free for others. */
export const ENCODING_RAW = 0;
export const ENCODING_ZERO = 1;

const ENCODING_SHIFT = 28;
const COUNT_MASK = 0x0fffffff;
const FIXED = 16;
const ALIGNMENT = 64;

export interface PageCounts {
  /** Pages sent raw and as zero pages, in QEMU's words `normal` and `duplicate`. */
  rawPages: number;
  zeroPages: number;
}

export interface EncodedPages extends PageCounts {
  /** Bytes of the frame on the link. */
  readonly length: number;
  /** Bytes that it takes here: fewer when versions stand for its pages. */
  readonly storedLength: number;
}

/** Room that a frame of `pages` pages may need. */
export function pageFrameRoom(pages: number, pageSize: number): number {
  const control = FIXED + pages * 8 + pages * 8;
  return HEADER_BYTES + control + ALIGNMENT + pages * pageSize;
}

/**
 * Builds a page frame at `at` from runs of a page set. Each page is read once: a zero page is one
 * that a scan saw zero, any other is copied into the frame, and its sum is taken of that copy (a
 * vCPU may be writing the original meanwhile; then the page is dirty and comes again).
 */
export function encodePages(
  taken: TakenRuns,
  memory: FrameMemory,
  at: number,
  sequence: number,
  options: { readonly integrity: Integrity; readonly zeroPages: boolean },
): EncodedPages {
  const { slot } = taken;
  const { pageSize, storedBytes } = slot.layout;
  const isVersions = slot.layout.backing === 'versions';
  const { view } = memory;
  const runsAt = at + HEADER_BYTES + FIXED;
  const runs = listRuns(taken, view, runsAt, options.zeroPages);
  let zeroPages = 0;
  for (let i = 0; i < runs; i++) {
    const word = view.getUint32(runsAt + 8 * i + 4, true);
    if (word >>> ENCODING_SHIFT === ENCODING_ZERO) zeroPages += word & COUNT_MASK;
  }
  const rawPages = taken.pages - zeroPages;
  const sums = options.integrity === 'full' ? rawPages : 0;
  const sumsAt = runsAt + 8 * runs;
  const controlBytes = FIXED + 8 * runs + 8 * sums;
  const payloadOffset = Math.ceil((HEADER_BYTES + controlBytes) / ALIGNMENT) * ALIGNMENT;
  const length = payloadOffset + rawPages * storedBytes;
  copyRaw(slot, memory, runsAt, runs, at + payloadOffset);
  sumPages(memory, at + payloadOffset, storedBytes, sums, sumsAt);
  view.setUint32(at + HEADER_BYTES, slot.layout.index, true);
  view.setUint32(at + HEADER_BYTES + 4, pageSize, true);
  view.setUint32(at + HEADER_BYTES + 8, runs, true);
  view.setUint32(at + HEADER_BYTES + 12, sums, true);
  sealFrame(memory, at, { type: FRAME.pages, sequence, controlBytes, payloadOffset, length });
  const onLink = isVersions ? payloadOffset + rawPages * pageSize : length;
  return { length: onLink, storedLength: length, rawPages, zeroPages };
}

/**
 * Writes the frame's runs to `out`, each of one encoding and at most 32 pages or of as many raw ones
 * as lie together when no zero pages are looked for; returns how many. A run costs something, a page
 * does not.
 */
function listRuns(taken: TakenRuns, view: DataView, out: number, seeksZeros: boolean): number {
  let at = out;
  for (let i = 0; i < taken.runs; i++) {
    const end = taken.list[2 * i]! + taken.list[2 * i + 1]!;
    let gfn = taken.list[2 * i]!;
    while (gfn < end) {
      const count = seeksZeros ? Math.min(32, end - gfn) : end - gfn;
      let zeros = seeksZeros ? zeroMask(taken.slot, gfn, count) : 0;
      for (let left = count; left > 0;) {
        const isZero = (zeros & 1) === 1;
        // Pages up to the next one that is of the other kind.
        const alike = Math.min(left, trailingZeros(isZero ? ~zeros : zeros, left));
        const encoding = isZero ? ENCODING_ZERO : ENCODING_RAW;
        view.setUint32(at, gfn, true);
        view.setUint32(at + 4, ((encoding << ENCODING_SHIFT) | alike) >>> 0, true);
        at += 8;
        gfn += alike;
        left -= alike;
        if (left > 0) zeros >>>= alike;
      }
    }
  }
  return (at - out) / 8;
}

/** Zero bits below the lowest one that is set; `none` when there is no such. */
function trailingZeros(word: number, none: number): number {
  return word === 0 ? none : 31 - Math.clz32(word & -word);
}

/** A bit for each of at most 32 pages: set when it is zero. */
function zeroMask({ layout, kernels, words }: Memslot, page: number, count: number): number {
  const at = layout.ramOffset + page * layout.storedBytes;
  if (layout.backing !== 'versions') return kernels.zeroMask(at, layout.storedBytes, count);
  let mask = 0;
  for (let i = 0; i < count; i++) if (words[(at >>> 2) + i] === 0) mask |= 1 << i;
  return mask;
}

/** The sums of pages, or of the versions that stand for them, to `out`. */
function sumPages(
  { view, kernels }: FrameMemory,
  at: number,
  storedBytes: number,
  count: number,
  out: number,
): void {
  if (storedBytes >= 64) {
    kernels.hashPages(at, storedBytes, count, out);
    return;
  }
  for (let i = 0; i < count; i++) {
    const version = view.getUint32(at + i * storedBytes, true);
    view.setUint32(out + 8 * i, versionSum(version), true);
    view.setUint32(out + 8 * i + 4, ~version, true);
  }
}

const versionSum = (version: number): number => Math.imul(version, 0x9e3779b1) >>> 0;

function copyRaw(slot: Memslot, memory: FrameMemory, runsAt: number, runs: number, to: number) {
  const { storedBytes } = slot.layout;
  let at = to;
  for (let i = 0; i < runs; i++) {
    const word = memory.view.getUint32(runsAt + 8 * i + 4, true);
    if (word >>> ENCODING_SHIFT !== ENCODING_RAW) continue;
    const from = memory.view.getUint32(runsAt + 8 * i, true) * storedBytes;
    const bytes = (word & COUNT_MASK) * storedBytes;
    copyBytes(memory.bytes, at, slot.ram.subarray(from, from + bytes));
    at += bytes;
  }
}

/** Lists the runs of a page frame that was built, or has been checked, at `at`. */
export function eachPageRun(
  { view }: FrameMemory,
  at: number,
  take: (slot: number, first: number, pages: number, isRaw: boolean) => void,
): void {
  const slot = view.getUint32(at + HEADER_BYTES, true);
  const runs = view.getUint32(at + HEADER_BYTES + 8, true);
  for (let i = 0; i < runs; i++) {
    const run = at + HEADER_BYTES + FIXED + 8 * i;
    const word = view.getUint32(run + 4, true);
    take(
      slot,
      view.getUint32(run, true),
      word & COUNT_MASK,
      word >>> ENCODING_SHIFT === ENCODING_RAW,
    );
  }
}

/** Decides page by page whether a page may still be installed (memory/presence). */
export interface InstallGate {
  /** Takes a page for writing; false drops it. */
  claim(slot: Memslot, page: number): boolean;
  /** The page's bytes are complete. */
  publish(slot: Memslot, page: number): void;
}

export interface InstalledPages extends PageCounts {
  /** Pages that the gate did not let in: they came too late. */
  droppedPages: number;
}

/**
 * Checks a page frame against the guest it is for, whole, before a byte is written; then installs
 * its pages, all of them or with a gate those that it lets in. Throws WireError; a frame that throws
 * has changed nothing.
 */
export function installPages(
  frame: Frame,
  guest: GuestMemory,
  integrity: Integrity,
  gate?: InstallGate,
): InstalledPages {
  const { view } = frame.memory;
  const { slot, runs, rawPages, zeroPages } = checkPages(frame, guest, integrity);
  const { storedBytes } = slot.layout;
  const runsAt = frame.controlAt + FIXED;
  let from = frame.payloadAt;
  let droppedPages = 0;
  for (let i = 0; i < runs; i++) {
    const first = view.getUint32(runsAt + 8 * i, true);
    const word = view.getUint32(runsAt + 8 * i + 4, true);
    const count = word & COUNT_MASK;
    const isRaw = word >>> ENCODING_SHIFT === ENCODING_RAW;
    // Without a gate a whole run is one copy.
    const step = gate ? 1 : count;
    for (let page = first; page < first + count; page += step) {
      if (!gate || gate.claim(slot, page)) {
        if (isRaw) writeRaw(slot, page, frame, from, step * storedBytes);
        else writeZero(slot, page, step);
        gate?.publish(slot, page);
      } else {
        droppedPages++;
      }
      if (isRaw) from += step * storedBytes;
    }
  }
  return { rawPages, zeroPages, droppedPages };
}

function writeRaw(slot: Memslot, page: number, frame: Frame, from: number, bytes: number): void {
  const { ram, layout } = slot;
  copyBytes(ram, page * layout.storedBytes, frame.memory.bytes.subarray(from, from + bytes));
}

function writeZero(slot: Memslot, first: number, count: number): void {
  const { layout, ram, kernels } = slot;
  const { storedBytes, ramOffset, backing } = layout;
  // A page that is zero here already stays untouched, as a real destination's would.
  if (backing === 'bytes') kernels.clearPages(ramOffset + first * storedBytes, storedBytes, count);
  else ram.fill(0, first * storedBytes, (first + count) * storedBytes);
}

/** Everything that can be wrong with a page frame. */
function checkPages(
  frame: Frame,
  guest: GuestMemory,
  integrity: Integrity,
): PageCounts & { slot: Memslot; runs: number } {
  const { view } = frame.memory;
  const fail = (why: string): never => {
    throw new WireError(`frame ${frame.sequence}: ${why}`);
  };
  const controlBytes = frame.controlEnd - frame.controlAt;
  if (controlBytes < FIXED) fail('a page frame cut off');
  const runs = view.getUint32(frame.controlAt + 8, true);
  const sums = view.getUint32(frame.controlAt + 12, true);
  if (controlBytes !== FIXED + 8 * runs + 8 * sums) fail('a page frame of impossible lengths');
  const slot =
    guest.slots[view.getUint32(frame.controlAt, true)] ??
    fail('pages of a memslot that is not there');
  const { pageSize, storedBytes, pages: slotPages } = slot.layout;
  if (view.getUint32(frame.controlAt + 4, true) !== pageSize) fail('pages of another size');
  const runsAt = frame.controlAt + FIXED;
  let rawPages = 0;
  let zeroPages = 0;
  for (let i = 0; i < runs; i++) {
    const first = view.getUint32(runsAt + 8 * i, true);
    const word = view.getUint32(runsAt + 8 * i + 4, true);
    const count = word & COUNT_MASK;
    if (count === 0 || first + count > slotPages)
      fail(`pages ${first} + ${count} lie outside memory`);
    if (word >>> ENCODING_SHIFT === ENCODING_RAW) rawPages += count;
    else if (word >>> ENCODING_SHIFT === ENCODING_ZERO) zeroPages += count;
    else fail(`page encoding ${word >>> ENCODING_SHIFT} is unknown here`);
    // Zero runs carry no payload: without this a frame could ask for any amount of work.
    if (rawPages + zeroPages > batchPages(pageSize)) fail('more pages than a batch has');
  }
  if (frame.payloadEnd - frame.payloadAt !== rawPages * storedBytes)
    fail('payload of a wrong length');
  if (sums !== (integrity === 'full' ? rawPages : 0)) fail('sums missing or not agreed on');
  checkSums(frame, runsAt + 8 * runs, sums, storedBytes, fail);
  return { slot, runs, rawPages, zeroPages };
}

function checkSums(
  frame: Frame,
  sumsAt: number,
  sums: number,
  storedBytes: number,
  fail: (why: string) => never,
): void {
  const wrong = firstWrong(frame, sumsAt, sums, storedBytes);
  if (wrong >= 0) fail(`the sum of raw page ${wrong} differs: damaged on the way`);
}

function firstWrong(
  { memory, payloadAt }: Frame,
  sumsAt: number,
  sums: number,
  storedBytes: number,
): number {
  const { view, kernels, scratch } = memory;
  if (storedBytes >= 64) {
    return kernels.firstWrongHash(payloadAt, storedBytes, sums, sumsAt, scratch);
  }
  for (let i = 0; i < sums; i++) {
    const version = view.getUint32(payloadAt + i * storedBytes, true);
    const isEqual =
      view.getUint32(sumsAt + 8 * i, true) === versionSum(version) &&
      view.getUint32(sumsAt + 8 * i + 4, true) === ~version >>> 0;
    if (!isEqual) return i;
  }
  return -1;
}
