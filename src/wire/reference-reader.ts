import { copyBytes } from '../memory/copy.ts';
import { type GuestMemory, slotOf } from '../memory/guest-memory.ts';
import { scratchAreas } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { crc32c } from './crc32c.ts';
import { ENCODING } from './encodings.ts';
import { type Frame, WireError } from './frame.ts';
import type { InstalledPages, InstallGate } from './install.ts';
import { decodeReferences, type Reference, REFERENCE_WORDS } from './references.ts';
import { clearTally, type OpenTally, openTally } from './tally.ts';

/** The guests of a host whose pages references may name, by number. A plain map is one. */
export interface PeerPages {
  /** Returns a guest's memory as it is now; undefined if it is not there. */
  get(number: number): GuestMemory | undefined;
}

/** The same for a host that guests come to. */
export interface OpenPeerPages extends PeerPages {
  has(number: number): boolean;
  set(number: number, memory: GuestMemory): unknown;
}

/** A page of a guest, which counts within its slot. */
interface Place {
  readonly slot: Memslot;
  readonly page: number;
}

/**
 * Installs pages that come as references. The page that a reference names may have changed since the source chose it:
 * its guest may have written it here, or a newer copy may have come. So both sums of its bytes are compared first, and
 * a reference that does not hold is reported; the source then sends the page itself. No vCPU may write the named
 * pages meanwhile, which holds where one thread plays all guests.
 */
export class ReferenceReader {
  readonly #guest: GuestMemory;
  readonly #peers: PeerPages | undefined;
  readonly #tally: OpenTally = openTally();

  constructor(guest: GuestMemory, peers: PeerPages | undefined) {
    this.#guest = guest;
    this.#peers = peers;
  }

  /**
   * Checks the frame, then installs the pages whose references hold, unless the gate refuses them. Throws WireError if
   * the frame is impossible; then no byte has been written.
   */
  install(frame: Frame, gate?: InstallGate): InstalledPages {
    const peers = this.#peers;
    if (!peers) throw new WireError(`frame ${frame.sequence}: references were not agreed on`);
    const references = decodeReferences(frame, this.#guest.pages);
    const missed: number[] = [];
    let droppedPages = 0;
    for (const reference of references) {
      const to = placeOf(this.#guest, reference.gfn);
      if (gate && !gate.claim(to.slot, to.page, false)) {
        droppedPages++;
        continue;
      }
      const from = equalPage(peers.get(reference.guest), reference, this.#guest.pageSize);
      if (from) {
        copyPage(to, from);
        gate?.publish(to.slot, to.page);
      } else {
        gate?.abandon(to.slot, to.page);
        missed.push(reference.gfn);
      }
    }
    clearTally(this.#tally);
    this.#tally.pages[ENCODING.reference] = references.length;
    this.#tally.bytes[ENCODING.reference] = 4 * REFERENCE_WORDS * references.length;
    return { tally: this.#tally, droppedPages, missed };
  }
}

function placeOf(memory: GuestMemory, gfn: number): Place {
  const slot = slotOf(memory, gfn);
  return { slot, page: gfn - slot.layout.firstGfn };
}

/** Returns the page that a reference names; undefined if it is not there, or its bytes have not the reference's sums. */
function equalPage(
  peer: GuestMemory | undefined,
  { there, low, high, crc }: Reference,
  pageSize: number,
): Place | undefined {
  if (!peer || there >= peer.pages || peer.pageSize !== pageSize) return undefined;
  const place = placeOf(peer, there);
  const { layout, kernels, words, ram } = place.slot;
  const at = place.page * layout.storedBytes;
  const { hash } = scratchAreas(layout);
  kernels.pageHash(layout.ramOffset + at, layout.storedBytes, hash);
  if (words[hash >>> 2]! >>> 0 !== low || words[(hash >>> 2) + 1]! >>> 0 !== high) return undefined;
  return crc32c(ram, at, at + layout.storedBytes) === crc ? place : undefined;
}

function copyPage(to: Place, from: Place): void {
  if (to.slot === from.slot && to.page === from.page) return;
  const { storedBytes } = from.slot.layout;
  const at = from.page * storedBytes;
  copyBytes(to.slot.ram, to.page * storedBytes, from.slot.ram.subarray(at, at + storedBytes));
}
