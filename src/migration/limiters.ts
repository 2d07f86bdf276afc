import { type PageTally, pagesOf } from '../wire/tally.ts';
import type { Accounting } from './accounting.ts';

/**
 * The migration's own limit of its rate, above the link's: how many pages may go out now, and when a
 * sender that has used up its share goes on. Beside it a policy says when a window begins anew.
 */
export interface SendLimiter {
  /** Pages that may go out before the limiter is looked at again; 0: wait until `opensAtNs`. */
  mostPages(): number;
  /** The time at which a sender that must wait goes on. All times count from the migration's start. */
  opensAtNs(nowNs: number): number;
  /** These pages have gone out: their bytes, as the policy's own accounting has them, are used up. */
  take(tally: PageTally): void;
  /** A new window begins. */
  renew(nowNs: number): void;
  setRate(bytesPerSecond: number): void;
}

/** No limit beyond the link's. */
export const unlimited: SendLimiter = {
  mostPages: () => Infinity,
  opensAtNs: (nowNs) => nowNs,
  take: () => undefined,
  renew: () => undefined,
  setRate: () => undefined,
};

/** migration/migration.c, BUFFER_DELAY: a window; and XFER_LIMIT_RATIO of them a second. */
const WINDOW_NS = 100e6;

export interface WindowLag {
  /** How late a sender goes on that slept out its window: fixed, and for each byte of the window. */
  readonly fixedNs: number;
  readonly perByteNs: number;
}

/**
 * QEMU's limit (migration/qemu-file.c): pages go out at full speed until the budget of a 100 ms
 * window is exceeded, then the thread sleeps out the window, in whole milliseconds. 7.2 counts bytes
 * as they are put, 10.0 only flushed ones: a flush takes 64 entries, which are 32 pages.
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
  /** Once it sleeps, a window's sleeper is not put off by being looked at. */
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
      // Raw pages wait for the flush, for which they are not copied; whatever else is counted at once.
      const rawPages = pagesOf(tally, 'raw');
      unflushed += rawPages;
      const flushed = unflushed - (unflushed % flushPages);
      unflushed -= flushed;
      used += flushed * pageBytes + accounting.bytesOf(tally) - rawPages * pageBytes;
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

/** xc_linux_save.c, BURST_BUDGET: bytes that go out at once; then the sender sleeps out its slot. */
const BURST_BYTES = 100 * 1024;

/**
 * The limiter of Clark et al. 2005: bursts of 100 KiB, as far apart as the rate wants it. A sender that
 * was slower than the rate keeps all the bursts that it has not used (ratewrite of the same file).
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
    renew() {
      // A burst that was longer than its budget is paid for by the next one.
      used = Math.max(0, used - BURST_BYTES);
      startNs += slotNs;
    },
    setRate(bytesPerSecond) {
      slotNs = bytesPerSecond === Infinity ? 0 : (BURST_BYTES / bytesPerSecond) * 1e9;
    },
  };
}
