import { gateBytes } from '../gate/page-gate.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { wantedOf } from '../handshake/words.ts';
import type { WriterHandshake } from '../handshake/writer.ts';
import type { Memslot } from '../memslot.ts';
import { faultSteps } from './steps.ts';

/** How often a vCPU checks for its page before it sleeps. It takes some 10 µs, as a page over shared memory does. */
const SPINS = 2000;
/**
 * How often it checks when its thread has a core to itself: for some 200 µs, in which an engine that serves a dozen vCPUs
 * comes round to each. A sleep costs the engine a system call for every page, and all sleepers and wakers of a process
 * take turns at one lock (V8's FutexEmulation).
 */
export const LONG_SPINS = 40_000;

/** A vCPU's side of demand faults: with it a vCPU waits for absent pages (steps.ts). */
export class PageWaiter {
  readonly #maps: readonly Uint8Array[];
  readonly #words: Int32Array;
  readonly #handshake: WriterHandshake;
  readonly #spins: number;

  /** The vCPU checks for its page so many times before it sleeps. */
  constructor(
    memory: GuestMemory,
    words: Int32Array,
    handshake: WriterHandshake,
    spins: number = SPINS,
  ) {
    this.#maps = memory.slots.map(gateBytes);
    this.#words = words;
    this.#handshake = handshake;
    this.#spins = spins;
  }

  /** Takes a page that has arrived out of its buffer, a minor fault; false when it is in no buffer. */
  takeBuffered(slot: Memslot, page: number): boolean {
    return faultSteps.map(this.#maps[slot.layout.index]!, page);
  }

  /**
   * Blocks until the page is present. Returns `there` when it was present after all, `came` when it has arrived
   * meanwhile, and `parked` when the vCPU was paused or stopped and must not touch memory. No single sleep is longer
   * than `longestSleepMs`.
   */
  waitFor(slot: Memslot, page: number, longestSleepMs: number): 'there' | 'came' | 'parked' {
    const words = this.#words;
    const handshake = this.#handshake;
    const { writer } = handshake.local;
    const gfn = slot.layout.firstGfn + page;
    faultSteps.want(words, writer, gfn);
    if (faultSteps.isPresent(this.#maps[slot.layout.index]!, page)) {
      faultSteps.drop(words, writer);
      return 'there';
    }
    handshake.ringDoorbell();
    for (let i = 0; i < this.#spins && faultSteps.isWanted(words, writer, gfn); i++);
    const isRunning = !faultSteps.isWanted(words, writer, gfn) || this.#sleep(gfn, longestSleepMs);
    if (isRunning && !handshake.isStopped()) return 'came';
    faultSteps.drop(words, writer);
    return 'parked';
  }

  /** Sleeps until the page is granted (returns true), or the vCPU has to park or to end. */
  #sleep(gfn: number, longestSleepMs: number): boolean {
    const words = this.#words;
    const handshake = this.#handshake;
    const { writer } = handshake.local;
    let isRunning = true;
    faultSteps.sleep(words, writer, true);
    // Whoever stops the vCPU stores that it is stopped and then takes back its wish, so one of the two looks finds it.
    while (isRunning && !handshake.isStopped() && faultSteps.isWanted(words, writer, gfn)) {
      isRunning = handshake.waitOn(wantedOf(writer), gfn + 1, longestSleepMs);
    }
    faultSteps.sleep(words, writer, false);
    return isRunning;
  }
}
