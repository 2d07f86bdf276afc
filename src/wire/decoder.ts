import { copyBytes } from '../memory/copy.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Memslot } from '../memory/memslot.ts';
import {
  type BlockParts,
  blockProblem,
  installBlocks,
  MOST_BLOCK_PAGE_BYTES,
} from './block-reader.ts';
import { ENCODING, hasOwnBlock, isWordCoded } from './encodings.ts';
import { type Frame, FRAME, WireError } from './frame.ts';
import { batchPages } from './limits.ts';
import { COUNT_MASK, ENCODING_SHIFT, FIXED_BYTES, type Integrity } from './pages.ts';
import type { InstalledPages, InstallGate } from './install.ts';
import { PartReader } from './part-reader.ts';
import { type PeerPages, ReferenceReader } from './reference-reader.ts';
import { firstWrong } from './sums.ts';
import { bytesOf, clearTally, type OpenTally, openTally, pagesOf } from './tally.ts';
import { type AgreedCompression, Unpacker } from './unpacker.ts';

/**
 * Installs the page frames of one migration, in the order in which the other end's encoder built
 * them. It is opened when HELLO arrives, and may keep what later frames need.
 */
export interface Decoder {
  /**
   * Checks the whole frame, of type PAGES, PART or REFERENCE, against the guest, then installs its pages: all of them, or those
   * that the gate lets in. Throws WireError if the check fails; then no byte has been written. The returned
   * object is valid until the next call.
   */
  install(frame: Frame, gate?: InstallGate): InstalledPages;
  /** The number of pages of which only some parts have come. */
  readonly openPages: number;
  /** Forgets what has come of such pages over a lost connection. */
  restart(gate: InstallGate): void;
}

/** Opens the decoder of one migration into a guest's memory. */
export function openDecoder(
  guest: GuestMemory,
  integrity: Integrity,
  options: DecoderOptions = {},
): Decoder {
  return new PageDecoder(guest, integrity, options);
}

/** What the two ends have agreed on besides the integrity. */
export interface DecoderOptions {
  /** The guests of which references may be taken; without them, references are refused. */
  readonly peers?: PeerPages | undefined;
  /** Whether pages may be sent as what has changed of them (XBZRLE). */
  readonly takesBlocks?: boolean;
  /** How pages may be compressed; absent if none may. */
  readonly compression?: AgreedCompression | undefined;
}

class PageDecoder implements Decoder {
  readonly #guest: GuestMemory;
  readonly #integrity: Integrity;
  readonly #tally: OpenTally = openTally();
  readonly #installed = { tally: this.#tally, droppedPages: 0 };
  readonly #parts: PartReader;
  readonly #references: ReferenceReader;

  readonly #takesBlocks: boolean;
  readonly #unpacker: Unpacker | undefined;

  constructor(
    guest: GuestMemory,
    integrity: Integrity,
    { peers, takesBlocks = false, compression }: DecoderOptions,
  ) {
    this.#takesBlocks = takesBlocks;
    if (compression) this.#unpacker = new Unpacker(compression, guest.pageSize);
    this.#guest = guest;
    this.#integrity = integrity;
    this.#parts = new PartReader(guest, integrity);
    this.#references = new ReferenceReader(guest, peers);
  }

  get openPages(): number {
    return this.#parts.openPages;
  }

  restart(gate: InstallGate): void {
    this.#parts.restart(gate);
  }

  install(frame: Frame, gate?: InstallGate): InstalledPages {
    if (frame.type === FRAME.part) return this.#parts.install(frame, gate);
    if (frame.type === FRAME.reference) return this.#references.install(frame, gate);
    const { view } = frame.memory;
    const unpacker = this.#unpacker;
    const way = { integrity: this.#integrity, takesBlocks: this.#takesBlocks, unpacker };
    const { slot, runs, blocks } = checkPages(frame, this.#guest, way, this.#tally);
    const { storedBytes } = slot.layout;
    const runsAt = frame.controlAt + FIXED_BYTES;
    let from = frame.payloadAt;
    let droppedPages = blocks ? installBlocks(slot, frame, blocks, gate, unpacker) : 0;
    for (let i = 0; i < runs; i++) {
      const first = view.getUint32(runsAt + 8 * i, true);
      const word = view.getUint32(runsAt + 8 * i + 4, true);
      const count = word & COUNT_MASK;
      const encoding = word >>> ENCODING_SHIFT;
      if (encoding !== ENCODING.raw && encoding !== ENCODING.zero) continue;
      const isRaw = encoding === ENCODING.raw;
      // Without a gate, a whole run is copied at once.
      const step = gate ? 1 : count;
      for (let page = first; page < first + count; page += step) {
        if (!gate || gate.claim(slot, page, !isRaw)) {
          if (isRaw) writeRaw(slot, page, frame, from, step * storedBytes);
          else writeZero(slot, page, step);
          gate?.publish(slot, page);
        } else {
          droppedPages++;
        }
        if (isRaw) from += step * storedBytes;
      }
    }
    this.#installed.droppedPages = droppedPages;
    return this.#installed;
  }
}

function writeRaw(slot: Memslot, page: number, frame: Frame, from: number, bytes: number): void {
  const { ram, layout } = slot;
  copyBytes(ram, page * layout.storedBytes, frame.memory.bytes.subarray(from, from + bytes));
}

function writeZero(slot: Memslot, first: number, count: number): void {
  const { layout, ram, kernels } = slot;
  const { storedBytes, ramOffset, backing } = layout;
  // A page that is zero already is not written, so that it isn't touched, as on a real destination.
  if (backing === 'bytes') kernels.clearPages(ramOffset + first * storedBytes, storedBytes, count);
  else ram.fill(0, first * storedBytes, (first + count) * storedBytes);
}

/** How pages may come. */
interface Agreed {
  readonly integrity: Integrity;
  readonly takesBlocks: boolean;
  readonly unpacker: Unpacker | undefined;
}

/**
 * Checks everything that can be wrong with a page frame and counts its pages into `tally`. Returns the
 * frame's memslot and its number of runs. Throws WireError.
 */
function checkPages(
  frame: Frame,
  guest: GuestMemory,
  { integrity, takesBlocks, unpacker }: Agreed,
  tally: OpenTally,
): { slot: Memslot; runs: number; blocks: BlockParts | undefined } {
  const { view } = frame.memory;
  const fail = (why: string): never => {
    throw new WireError(`frame ${frame.sequence}: ${why}`);
  };
  const controlBytes = frame.controlEnd - frame.controlAt;
  if (controlBytes < FIXED_BYTES) fail('the page frame is cut off');
  const runs = view.getUint32(frame.controlAt + 8, true);
  const sums = view.getUint32(frame.controlAt + 12, true);
  const lengthBytes = controlBytes - FIXED_BYTES - 8 * runs - 8 * sums;
  if (lengthBytes < 0) fail('the page frame has impossible lengths');
  const slot =
    guest.slots[view.getUint32(frame.controlAt, true)] ??
    fail('the pages are of a memslot that the guest does not have');
  const { pageSize, storedBytes, pages: slotPages } = slot.layout;
  if (view.getUint32(frame.controlAt + 4, true) !== pageSize)
    fail(`the guest's pages are of ${pageSize} bytes, those of the frame are not`);
  const runsAt = frame.controlAt + FIXED_BYTES;
  // Larger pages don't fit where they would be put together, and versions have no bytes that could differ.
  const mayHaveBlocks =
    takesBlocks && slot.layout.backing === 'bytes' && pageSize <= MOST_BLOCK_PAGE_BYTES;
  const packedAs = slot.layout.backing === 'bytes' ? unpacker?.encoding : undefined;
  const takesWords = packedAs !== undefined && unpacker!.takesWords;
  clearTally(tally);
  let pages = 0;
  for (let i = 0; i < runs; i++) {
    const first = view.getUint32(runsAt + 8 * i, true);
    const word = view.getUint32(runsAt + 8 * i + 4, true);
    const count = word & COUNT_MASK;
    const encoding = word >>> ENCODING_SHIFT;
    if (count === 0 || first + count > slotPages)
      fail(`pages ${first} + ${count} lie outside memory`);
    const isDifferent = encoding === ENCODING.xbzrle || encoding === ENCODING.same;
    const isPlain = encoding === ENCODING.raw || encoding === ENCODING.zero;
    const isCoded = isWordCoded(encoding) && takesWords;
    if (!isPlain && encoding !== packedAs && !isCoded && !(isDifferent && mayHaveBlocks))
      fail(`page encoding ${encoding} is unknown here`);
    tally.pages[encoding]! += count;
    pages += count;
    // Zero runs carry no payload, so without this check a short frame could demand any amount of work.
    if (pages > batchPages(pageSize)) fail('the frame has more pages than a batch may have');
  }
  const rawPages = pagesOf(tally, 'raw');
  const coded = pagesOf(tally, 'sparse') + pagesOf(tally, 'words');
  const ownBlocks = pagesOf(tally, 'xbzrle') + coded;
  const packedPages = packedAs === undefined ? 0 : tally.pages[packedAs]!;
  const blocksOfPacked = packedPages > 0 ? unpacker!.blocksOf(packedPages) : 0;
  if (lengthBytes !== 4 * (ownBlocks + blocksOfPacked))
    fail('the page frame has impossible lengths');
  const sumsAt = runsAt + 8 * runs;
  const lengthsAt = sumsAt + 8 * sums;
  tally.bytes[ENCODING.raw] = rawPages * pageSize;
  let lengthAt = lengthsAt;
  for (let i = 0; i < runs; i++) {
    const word = view.getUint32(runsAt + 8 * i + 4, true);
    const encoding = word >>> ENCODING_SHIFT;
    if (!hasOwnBlock(encoding)) continue;
    for (let left = word & COUNT_MASK; left > 0; left--, lengthAt += 4) {
      tally.bytes[encoding]! += view.getUint32(lengthAt, true);
    }
  }
  for (let i = 0; i < blocksOfPacked; i++, lengthAt += 4) {
    tally.bytes[packedAs!]! += view.getUint32(lengthAt, true);
  }
  const payloadBytes = bytesOf(tally) - rawPages * (pageSize - storedBytes);
  if (frame.payloadEnd - frame.payloadAt !== payloadBytes) fail('the payload has a wrong length');
  const keptPages = ownBlocks + pagesOf(tally, 'same') + packedPages;
  if (sums !== (integrity === 'full' ? rawPages + keptPages : 0))
    fail('page sums are missing, or there are some that were not agreed on');
  const hasSums = sums > 0;
  checkSums(frame, sumsAt, hasSums ? rawPages : 0, storedBytes, fail);
  if (keptPages === 0) return { slot, runs, blocks: undefined };
  // A second block of a page would be added to what the first has made of it, which no sum is of.
  if (hasTwice(view, runsAt, runs)) fail('a page comes twice in a frame with blocks');
  const blocks: BlockParts = {
    runsAt,
    runs,
    sumsAt: hasSums ? sumsAt + 8 * rawPages : undefined,
    lengthsAt,
    blocksAt: frame.payloadAt + rawPages * storedBytes,
    ownBlocks,
    packedPages,
  };
  const problem = blockProblem(slot, frame, blocks, unpacker);
  if (problem !== undefined) fail(problem);
  return { slot, runs, blocks };
}

/** Whether a page is in two runs of a frame, which has few pages. */
function hasTwice(view: DataView, runsAt: number, runs: number): boolean {
  const seen = new Set<number>();
  for (let i = 0; i < runs; i++) {
    const first = view.getUint32(runsAt + 8 * i, true);
    const count = view.getUint32(runsAt + 8 * i + 4, true) & COUNT_MASK;
    for (let page = first; page < first + count; page++) {
      if (seen.has(page)) return true;
      seen.add(page);
    }
  }
  return false;
}

function checkSums(
  frame: Frame,
  sumsAt: number,
  sums: number,
  storedBytes: number,
  fail: (why: string) => never,
): void {
  const wrong = firstWrong(frame, sumsAt, sums, storedBytes);
  if (wrong >= 0) fail(`the sum of raw page ${wrong} differs: the page was damaged on the way`);
}
