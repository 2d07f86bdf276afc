import {
  PAGE_ABSENT,
  PAGE_BUFFERED,
  PAGE_INSTALLING,
  PAGE_PRESENCE,
  PAGE_PRESENT,
} from '../kernels/abi.ts';
import { wantedOf } from '../handshake/words.ts';

/**
 * The two halves of a demand fault, one atomic access a function, so that a test can enumerate every
 * interleaving of the very code that runs.
 *
 *   vCPU       want → look ─absent→ ring the doorbell → wait while it is wanted
 *                       └─present→ drop
 *   installer  claim (absent → installing) → bytes → publish → is it wanted? → grant → notify
 *
 * The vCPU stores what it wants and then loads presence; the installer stores presence and then loads
 * what is wanted. One of the two always sees the other: no wake-up is lost. `publish` comes after
 * the bytes, and a vCPU reads bytes only after it has loaded `present`. What other layers have on the
 * page's gate stays as it is.
 */
export const faultSteps = {
  want: (words: Int32Array, writer: number, gfn: number): void =>
    void Atomics.store(words, wantedOf(writer), gfn + 1),
  isPresent: (gates: Uint8Array, page: number): boolean =>
    (Atomics.load(gates, page) & PAGE_PRESENCE) <= PAGE_BUFFERED,
  /** Takes a page out of the buffer that it came into; false: it was in none. */
  map: (gates: Uint8Array, page: number): boolean =>
    exchange(gates, page, PAGE_BUFFERED, PAGE_PRESENT),
  isWanted: (words: Int32Array, writer: number, gfn: number): boolean =>
    Atomics.load(words, wantedOf(writer)) === gfn + 1,
  /** The vCPU found its page present, or gives up waiting. */
  drop: (words: Int32Array, writer: number): void => void Atomics.store(words, wantedOf(writer), 0),

  /** False: the page is there already, or somebody else is at it. */
  claim: (gates: Uint8Array, page: number): boolean =>
    exchange(gates, page, PAGE_ABSENT, PAGE_INSTALLING),
  publish: (gates: Uint8Array, page: number, as: number = PAGE_PRESENT): void =>
    void exchange(gates, page, PAGE_INSTALLING, as),
  /** Whether the writer waited for the page and may go on. */
  grant: (words: Int32Array, writer: number, gfn: number): boolean =>
    Atomics.compareExchange(words, wantedOf(writer), gfn + 1, 0) === gfn + 1,
};

/**
 * Replaces a page's presence if it is `from`, in one atomic step; false: it is something else. Only a
 * bit of another layer that comes or goes meanwhile makes it try again.
 */
function exchange(gates: Uint8Array, page: number, from: number, to: number): boolean {
  for (;;) {
    const gate = Atomics.load(gates, page);
    if ((gate & PAGE_PRESENCE) !== from) return false;
    const next = (gate & ~PAGE_PRESENCE) | to;
    if (Atomics.compareExchange(gates, page, gate, next) === gate) return true;
  }
}
