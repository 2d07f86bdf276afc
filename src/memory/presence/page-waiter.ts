import { gateBytes } from '../gate/page-gate.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { wantedOf } from '../handshake/words.ts';
import type { WriterHandshake } from '../handshake/writer.ts';
import type { Memslot } from '../memslot.ts';
import { faultSteps } from './steps.ts';

/** How often a vCPU looks before it sleeps: some 10 µs, what a page over shared memory takes. */
const SPINS = 2000;

/** A vCPU's side of demand faults: it waits for absent pages (steps.ts). */
export class PageWaiter {
  readonly #maps: readonly Uint8Array[];
  readonly #words: Int32Array;
  readonly #handshake: WriterHandshake;

  constructor(memory: GuestMemory, words: Int32Array, handshake: WriterHandshake) {
    this.#maps = memory.slots.map(gateBytes);
    this.#words = words;
    this.#handshake = handshake;
  }

  /** Takes a page that has come out of its buffer: a minor fault. False: it is in none. */
  takeBuffered(slot: Memslot, page: number): boolean {
    return faultSteps.map(this.#maps[slot.layout.index]!, page);
  }

  /**
   * Blocks until the page is there. `there`: it was, at the second look. `came`: it has come.
   * `parked`: the vCPU was paused or stopped meanwhile, and must not touch memory.
   */
  waitFor(slot: Memslot, page: number, longestSleepMs: number): 'there' | 'came' | 'parked' {
    const { writer } = this.#handshake.local;
    const words = this.#words;
    const gfn = slot.layout.firstGfn + page;
    faultSteps.want(words, writer, gfn);
    if (faultSteps.isPresent(this.#maps[slot.layout.index]!, page)) {
      faultSteps.drop(words, writer);
      return 'there';
    }
    this.#handshake.ringDoorbell();
    for (let i = 0; i < SPINS; i++) if (!faultSteps.isWanted(words, writer, gfn)) return 'came';
    while (faultSteps.isWanted(words, writer, gfn)) {
      const isRunning = this.#handshake.waitOn(wantedOf(writer), gfn + 1, longestSleepMs);
      if (isRunning && !this.#handshake.isStopped()) continue;
      faultSteps.drop(words, writer);
      return 'parked';
    }
    return 'came';
  }
}
