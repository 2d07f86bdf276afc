import { type PageTally, pagesOf } from '../wire/tally.ts';
import type { Accounting } from './accounting.ts';

/**
 * Limits the rate of a migration within that of the link. It works in windows, each with a budget; the
 * policy decides when a new one begins. All times count from the migration's start.
 */
export interface SendLimiter {
  /** Returns how many pages may be sent now; 0 means that the sender waits until `opensAtNs`. */
  mostPages(): number;
  /** Returns when a sender that must wait goes on. */
  opensAtNs(nowNs: number): number;
  /** Takes the bytes of pages that have been sent, by the policy's accounting, from the budget. */
  take(tally: PageTally): void;
  /** Takes bytes that are none of pages from the budget. */
  takeBytes(bytes: number): void;
  /** Begins a new window. */
  renew(nowNs: number): void;
  setRate(bytesPerSecond: number): void;
}

/** A limiter that sets no limit, so that only the link's rate holds. */
export const unlimited: SendLimiter = {
  mostPages: () => Infinity,
  opensAtNs: (nowNs) => nowNs,
  take: () => undefined,
  takeBytes: () => undefined,
  renew: () => undefined,
  setRate: () => undefined,
};

/** The length of QEMU's window (migration/migration.c, BUFFER_DELAY). */
const WINDOW_NS = 100e6;

/** How late a sender goes on that has slept until its window's end: a fixed time, and one for each byte. */
export interface WindowLag {
  readonly fixedNs: number;
  readonly perByteNs: number;
}

/**
 * Returns QEMU's limiter (migration/qemu-file.c): pages go out at full speed until the budget of a
 * 100 ms window is exceeded, then the thread sleeps until the window's end, in whole milliseconds. 7.2
 * counts bytes when they are put into the buffer, 10.0 when the buffer is flushed, which happens every
 * 64 entries, that is, 32 pages.
 */
export function qemuWindow(
  bytesPerSecond: number,
  accounting: Accounting,
  lag: WindowLag = { fixedNs: 0, perByteNs: 0 },
): SendLimiter {
  const { pageBytes, flushPages } = accounting;
  let budget = bytesPerSecond / 10;
  let used = 0;
  let unflushed = 0;
  let startNs = 0;
  /** When the sleeping sender goes on; asking again must not postpone it. */
  let opensNs: number | undefined;
  return {
    mostPages() {
      if (budget === Infinity) return Infinity;
      if (used > budget) return 0;
      if (flushPages > 1) return flushPages - unflushed;
      return Math.floor((budget - used) / pageBytes) + 1;
    },
    opensAtNs(nowNs) {
      const sleepMs = Math.max(0, Math.floor(startNs / 1e6) + 100 - Math.floor(nowNs / 1e6));
      if (opensNs === undefined || nowNs >= opensNs) {
        opensNs = nowNs + Math.max(1, sleepMs) * 1e6 + lag.fixedNs + lag.perByteNs * used;
      }
      return opensNs;
    },
    take(tally) {
      // Raw pages are not copied and count when they are flushed; all other bytes count at once.
      const rawPages = pagesOf(tally, 'raw');
      unflushed += rawPages;
      const flushed = unflushed - (unflushed % flushPages);
      unflushed -= flushed;
      used += flushed * pageBytes + accounting.bytesOf(tally) - rawPages * pageBytes;
    },
    takeBytes(bytes) {
      used += bytes;
    },
    renew(nowNs) {
      used = 0;
      unflushed = 0;
      startNs = nowNs;
      opensNs = undefined;
    },
    setRate(rate) {
      budget = rate / (1e9 / WINDOW_NS);
    },
  };
}

/** The bytes that go out at once before the sender sleeps until its slot's end (xc_linux_save.c, BURST_BUDGET). */
const BURST_BYTES = 100 * 1024;

/**
 * Returns the limiter of Clark et al. 2005: bursts of 100 KiB at intervals that give the rate. A sender
 * that was slower than the rate may still send the bursts that it has missed (ratewrite in
 * xc_linux_save.c).
 */
export function clarkBursts(accounting: Accounting): SendLimiter {
  let slotNs = 0;
  let used = 0;
  let startNs = 0;
  return {
    mostPages() {
      if (slotNs === 0) return Infinity;
      return Math.max(0, Math.ceil((BURST_BYTES - used) / accounting.pageBytes));
    },
    opensAtNs: (nowNs) => Math.max(nowNs, startNs + slotNs),
    take(tally) {
      used += accounting.bytesOf(tally);
    },
    takeBytes(bytes) {
      used += bytes;
    },
    renew() {
      // What a burst sent beyond its budget is taken from the next one.
      used = Math.max(0, used - BURST_BYTES);
      startNs += slotNs;
    },
    setRate(bytesPerSecond) {
      slotNs = bytesPerSecond === Infinity ? 0 : (BURST_BYTES / bytesPerSecond) * 1e9;
    },
  };
}
