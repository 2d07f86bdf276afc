import { bytesOf, type PageTally, pagesOf } from '../wire/tally.ts';

/**
 * How many bytes a migration stream takes for what is sent: pure functions of the records. QEMU's
 * accounting feeds its limiter, its threshold and predictions; the frames of this program stay as
 * they are.
 */
export interface Accounting {
  /** A page that is sent whole: its header and its bytes. */
  readonly pageBytes: number;
  /** Pages that are sent as the tally says. */
  bytesOf(this: void, tally: PageTally): number;
  /** What each chunk of pages (a section of the stream) adds to the counter of bytes. */
  readonly chunkBytes: number;
  /** Pages that are handed to the socket together: what the limiter counts by. */
  readonly flushPages: number;
  /** Of the whole migration beyond its pages: headers, device state, description. */
  readonly otherBytes: number;
}

export type QemuVersion = '7.2' | '10';

/** QEMU migrates target pages, whatever the size of the guest's own. */
const TARGET_PAGE = 4096;
/** The offset and flags of a page record, then its bytes or one byte (migration/ram.c). */
const RECORD_BYTES = 8;
/** The mark that ends a section's pages. */
const END_BYTES = 8;
/** A section's header (type, number) and footer (mark, number). */
const SECTION_BYTES = 10;

/**
 * QEMU's stream. 7.2 counts page records and the marks behind them (`ram_counters.transferred`);
 * 10.0 every byte that is written, among them the devices' state and the JSON that describes it.
 */
export function qemuAccounting(version: QemuVersion, pageSize: number): Accounting {
  const is10 = version === '10';
  const records = pageSize / TARGET_PAGE;
  return {
    pageBytes: records * (RECORD_BYTES + TARGET_PAGE),
    // Of a zero page a record holds the byte that fills it, of any other what the page was encoded to.
    bytesOf: (tally) =>
      records * (pagesOf(tally) * RECORD_BYTES + pagesOf(tally, 'zero')) + bytesOf(tally),
    chunkBytes: END_BYTES + (is10 ? SECTION_BYTES : 0),
    // 64 entries of an iovec (MAX_IOV_SIZE): a record's head and its page are one each.
    flushPages: is10 ? Math.max(1, 32 / records) : 1,
    // Measured: 112 to 117 kB on a machine of a few devices.
    otherBytes: is10 ? 113_000 : 100,
  };
}

/** This program's frames, as far as a threshold needs them: pages and nothing else. */
export function plainAccounting(pageSize: number): Accounting {
  return { pageBytes: pageSize, bytesOf, chunkBytes: 0, flushPages: 1, otherBytes: 0 };
}
