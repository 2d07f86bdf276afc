import { copyBytes } from '../memory/copy.ts';
import type { Kernels } from '../memory/kernels/kernels.ts';
import { loadKernels } from '../memory/kernels/load.ts';
import { WASM_PAGE } from '../memory/memory-pool.ts';
import { type GuestMemory, slotOf } from '../memory/guest-memory.ts';
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
 * a reference that does not hold is reported; the source then sends the page itself. A vCPU may be writing the named
 * page, so what is compared, and installed then, is a private copy of it.
 */
export class ReferenceReader {
  readonly #guest: GuestMemory;
  readonly #peers: PeerPages | undefined;
  readonly #tally: OpenTally = openTally();
  /** It is made when the first reference comes. */
  #copy: PageCopy | undefined;

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
      const copy = (this.#copy ??= new PageCopy(this.#guest.pageSize));
      if (copy.take(peers.get(reference.guest), reference)) {
        copyBytes(to.slot.ram, to.page * to.slot.layout.storedBytes, copy.bytes);
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

/** A private copy of one page, which nobody writes while it is compared. */
class PageCopy {
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #kernels: Kernels;

  constructor(pageSize: number) {
    const wasmPages = Math.ceil((pageSize + 64) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true });
    this.bytes = new Uint8Array(memory.buffer, 0, pageSize);
    this.#words = new Uint32Array(memory.buffer);
    this.#kernels = loadKernels(memory);
  }

  /** Copies the page that a reference names; returns false if it is not there, or its bytes have not the reference's sums. */
  take(peer: GuestMemory | undefined, { there, low, high, crc }: Reference): boolean {
    const { length } = this.bytes;
    if (!peer || there >= peer.pages || peer.pageSize !== length) return false;
    const { slot, page } = placeOf(peer, there);
    if (slot.layout.backing !== 'bytes') return false;
    copyBytes(this.bytes, 0, slot.ram.subarray(page * length, (page + 1) * length));
    this.#kernels.pageHash(0, length, length);
    const [foundLow, foundHigh] = this.#words.subarray(length >>> 2, (length >>> 2) + 2);
    return low === foundLow && high === foundHigh && crc32c(this.bytes, 0, length) === crc;
  }
}
