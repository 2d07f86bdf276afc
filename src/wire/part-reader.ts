import { copyBytes } from '../memory/copy.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Memslot } from '../memory/memslot.ts';
import type { InstallGate, InstalledPages } from './install.ts';
import { ENCODING } from './encodings.ts';
import { type Frame, WireError } from './frame.ts';
import { MAX_PART_BYTES, PART_UNIT } from './limits.ts';
import type { Integrity } from './pages.ts';
import { PART_FIXED_BYTES, type PagePart, storedPart } from './parts.ts';
import { firstWrong } from './sums.ts';
import { clearTally, type OpenTally, openTally } from './tally.ts';

/** A page some of whose parts have come. */
interface OpenPage {
  readonly slot: Memslot;
  readonly page: number;
  /** The parts that have come take the bytes [0, end) of the page. */
  end: number;
  /** Whether all of them were zeros. */
  isZero: boolean;
  /** Whether the page was present already, so that its parts are dropped. */
  readonly isDropped: boolean;
}

/** The most pages whose parts may come by turns: one that is pushed and one that is requested. */
const MOST_OPEN = 2;

interface CheckedPart extends PagePart {
  readonly isRaw: boolean;
}

/**
 * Installs pages that come in parts. The parts of a page come in order, from its first byte to its last; those of another
 * page may come between them. A page becomes present with its last part.
 */
export class PartReader {
  readonly #guest: GuestMemory;
  readonly #integrity: Integrity;
  /** The pages whose parts have not all come, by their gfns. */
  readonly #open = new Map<number, OpenPage>();
  readonly #tally: OpenTally = openTally();
  readonly #installed = { tally: this.#tally, droppedPages: 0 };

  constructor(guest: GuestMemory, integrity: Integrity) {
    this.#guest = guest;
    this.#integrity = integrity;
  }

  /** The number of pages whose parts have not all come. */
  get openPages(): number {
    return this.#open.size;
  }

  /**
   * Checks the part frame, then writes its part unless the gate refuses the page. A page counts with its last part: as a
   * zero page if all of its parts were zeros. Throws WireError if a check fails; then no byte has been written. The
   * returned object is valid until the next call.
   */
  install(frame: Frame, gate?: InstallGate): InstalledPages {
    const part = checkPart(frame, this.#guest, this.#integrity);
    const open = this.#openPage(frame, part, gate);
    if (!open.isDropped) writePart(part, frame);
    open.end += part.bytes;
    open.isZero &&= !part.isRaw;
    clearTally(this.#tally);
    this.#installed.droppedPages = 0;
    if (part.isRaw) this.#tally.bytes[ENCODING.raw] = part.bytes;
    if (open.end === part.slot.layout.pageSize) this.#finish(open, gate);
    return this.#installed;
  }

  /** Forgets the parts that have come over a lost connection; their pages are absent again, and come anew. */
  restart(gate: InstallGate): void {
    for (const { slot, page, isDropped } of this.#open.values()) {
      if (!isDropped) gate.abandon(slot, page);
    }
    this.#open.clear();
  }

  #openPage(frame: Frame, { slot, page, offset }: PagePart, gate: InstallGate | undefined) {
    const gfn = slot.layout.firstGfn + page;
    const known = this.#open.get(gfn);
    if (offset !== (known?.end ?? 0))
      throw new WireError(`frame ${frame.sequence}: a part of page ${gfn} is missing`);
    if (known) return known;
    if (this.#open.size === MOST_OPEN)
      throw new WireError(
        `frame ${frame.sequence}: parts of more than ${MOST_OPEN} pages come by turns`,
      );
    const isDropped = gate !== undefined && !gate.claim(slot, page, false);
    const open: OpenPage = { slot, page, end: 0, isZero: true, isDropped };
    this.#open.set(gfn, open);
    return open;
  }

  #finish({ slot, page, isZero, isDropped }: OpenPage, gate: InstallGate | undefined): void {
    this.#open.delete(slot.layout.firstGfn + page);
    this.#tally.pages[isZero ? ENCODING.zero : ENCODING.raw] = 1;
    if (isDropped) this.#installed.droppedPages = 1;
    else gate?.publish(slot, page);
  }
}

function writePart(part: CheckedPart, { memory, payloadAt }: Frame): void {
  const { slot, isRaw } = part;
  const { layout, ram, kernels } = slot;
  const { at, bytes } = storedPart(part);
  if (isRaw) copyBytes(ram, at, memory.bytes.subarray(payloadAt, payloadAt + bytes));
  else if (layout.backing === 'bytes') kernels.clearPages(layout.ramOffset + at, bytes, 1);
  else ram.fill(0, at, at + bytes);
}

/** Checks everything that can be wrong with a part frame by itself. Throws WireError. */
function checkPart(frame: Frame, guest: GuestMemory, integrity: Integrity): CheckedPart {
  const { view } = frame.memory;
  const fail = (why: string): never => {
    throw new WireError(`frame ${frame.sequence}: ${why}`);
  };
  const controlBytes = frame.controlEnd - frame.controlAt;
  if (controlBytes < PART_FIXED_BYTES) fail('the part frame is cut off');
  const field = (i: number): number => view.getUint32(frame.controlAt + 4 * i, true);
  const [page, encoding, offset, bytes, sums] = [2, 3, 4, 5, 6].map(field) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (controlBytes !== PART_FIXED_BYTES + 8 * sums) fail('the part frame has impossible lengths');
  const slot =
    guest.slots[field(0)] ?? fail('the part is of a memslot that the guest does not have');
  const { pageSize, pages } = slot.layout;
  if (field(1) !== pageSize)
    fail(`the guest's pages are of ${pageSize} bytes, that of the part is not`);
  if (page >= pages) fail(`page ${page} lies outside memory`);
  const isPossible =
    bytes > 0 &&
    bytes <= MAX_PART_BYTES &&
    bytes % PART_UNIT === 0 &&
    offset % PART_UNIT === 0 &&
    offset + bytes <= pageSize;
  if (!isPossible) fail(`there is no part of ${bytes} bytes at byte ${offset} of a page`);
  if (encoding !== ENCODING.raw && encoding !== ENCODING.zero)
    fail(`page encoding ${encoding} is unknown here`);
  const part = { slot, page, offset, bytes, isRaw: encoding === ENCODING.raw };
  const stored = part.isRaw ? storedPart(part).bytes : 0;
  if (frame.payloadEnd - frame.payloadAt !== stored) fail('the payload has a wrong length');
  if (sums !== (part.isRaw && integrity === 'full' ? 1 : 0))
    fail("the part's sum is missing, or there is one that was not agreed on");
  const isDamaged = firstWrong(frame, frame.controlAt + PART_FIXED_BYTES, sums, stored) >= 0;
  if (isDamaged) fail("the part's sum differs: it was damaged on the way");
  return part;
}
