import {
  PAGE_ABSENT,
  PAGE_BUFFERED,
  PAGE_INSTALLING,
  PAGE_PRESENCE,
  PAGE_PRESENT,
} from '../kernels/abi.ts';
import { asleepOf, wantedOf } from '../handshake/words.ts';

/**
 * The two halves of a demand fault. Each function makes one atomic access, so that a test can enumerate every
 * interleaving of the very code that runs.
 *
 *   vCPU       want → isPresent ─absent→ ring the doorbell → poll → nod off → wait while it is wanted → wake up
 *                         └─present→ drop
 *   installer  claim (absent → installing) → bytes → publish → is it wanted? → grant → is it asleep? → notify
 *
 * The vCPU stores which page it wants and then loads presence; the installer stores presence and then loads which
 * pages are wanted. At least one of the two sees the other's store, so no wake-up is lost. In the same way the vCPU stores
 * that it is about to sleep and then compares what it waits for, while the installer grants and then loads whether the
 * vCPU sleeps: one that still polls costs the installer no system call. The installer publishes
 * after it has written the bytes, and a vCPU reads them only after it has loaded `present`. The bits of other layers
 * in the page's gate stay as they are. `gates` are a slot's gates and `page` counts within it; `gfn` is the guest's.
 */
export const faultSteps = {
  /** The vCPU announces which page it waits for. */
  want: (words: Int32Array, writer: number, gfn: number): void =>
    void Atomics.store(words, wantedOf(writer), gfn + 1),
  /** Whether the page's bytes are complete, be it in a buffer. */
  isPresent: (gates: Uint8Array, page: number): boolean =>
    (Atomics.load(gates, page) & PAGE_PRESENCE) <= PAGE_BUFFERED,
  /** The vCPU takes a page out of the buffer in which it has arrived; false when it is in none. */
  map: (gates: Uint8Array, page: number): boolean =>
    exchange(gates, page, PAGE_BUFFERED, PAGE_PRESENT),
  /** Whether the writer waits for that page. */
  isWanted: (words: Int32Array, writer: number, gfn: number): boolean =>
    Atomics.load(words, wantedOf(writer)) === gfn + 1,
  /** The vCPU announces that it is about to sleep until its page is granted, or that it is awake again. */
  sleep: (words: Int32Array, writer: number, isAsleep: boolean): void =>
    void Atomics.store(words, asleepOf(writer), isAsleep ? 1 : 0),
  /** Whether the writer sleeps, or is about to. */
  isAsleep: (words: Int32Array, writer: number): boolean =>
    Atomics.load(words, asleepOf(writer)) !== 0,
  /** The vCPU waits no more, because it has found its page present or gives up. */
  drop: (words: Int32Array, writer: number): void => void Atomics.store(words, wantedOf(writer), 0),

  /** The installer reserves an absent page; false when it is present already or somebody else installs it. */
  claim: (gates: Uint8Array, page: number): boolean =>
    exchange(gates, page, PAGE_ABSENT, PAGE_INSTALLING),
  /** The installer declares the page's bytes complete. */
  publish: (gates: Uint8Array, page: number, as: number = PAGE_PRESENT): void =>
    void exchange(gates, page, PAGE_INSTALLING, as),
  /** The installer gives up a page that it has claimed, since the rest of its bytes was lost. */
  abandon: (gates: Uint8Array, page: number): void =>
    void exchange(gates, page, PAGE_INSTALLING, PAGE_ABSENT),
  /** The installer ends a writer's wait for the page; false when the writer did not wait for it. */
  grant: (words: Int32Array, writer: number, gfn: number): boolean =>
    Atomics.compareExchange(words, wantedOf(writer), gfn + 1, 0) === gfn + 1,
};

/**
 * Replaces a page's presence in one atomic step if it is `from`; returns false if it is not. It tries again only when
 * another layer has changed a bit of its own in the gate meanwhile.
 */
function exchange(gates: Uint8Array, page: number, from: number, to: number): boolean {
  for (;;) {
    const gate = Atomics.load(gates, page);
    if ((gate & PAGE_PRESENCE) !== from) return false;
    const next = (gate & ~PAGE_PRESENCE) | to;
    if (Atomics.compareExchange(gates, page, gate, next) === gate) return true;
  }
}
