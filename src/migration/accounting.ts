import { MAX_WHOLE_PAGE } from '../wire/limits.ts';
import { bytesOf, type PageTally, pagesOf } from '../wire/tally.ts';
import { BLOCK_HEAD_BYTES } from '../wire/xbzrle.ts';

/**
 * Says how many bytes a migration stream takes for what is sent. QEMU's accounting feeds the limiter and
 * the threshold of policy `qemu`, and predictions; it does not change the frames of this program.
 */
export interface Accounting {
  /** The bytes of a raw page and its header. */
  readonly pageBytes: number;
  /** Returns the bytes of the pages that a tally counts. */
  bytesOf(this: void, tally: PageTally): number;
  /** The bytes that each chunk of pages (a section of the stream) adds. */
  readonly chunkBytes: number;
  /**
   * The number of pages that are handed to the socket together; the limiter counts in steps of it. It is a part of a
   * page that travels in parts.
   */
  readonly flushPages: number;
  /** The bytes of the whole migration besides its pages: headers, device state, description. */
  readonly otherBytes: number;
  /** How pages count that travel over channels; without it, only their own bytes do. */
  readonly channels?: ChannelAccounting;
}

/** How a migration stream counts what travels over channels. */
export interface ChannelAccounting {
  /** Returns the bytes of the pages that a tally counts. */
  bytesOf(this: void, tally: PageTally): number;
  /** The bytes with which a channel opens. */
  readonly openBytes: number;
  /** The bytes before the pages that a channel is handed at once. */
  readonly packetBytes: number;
  /** The bytes of a flush on each channel. */
  readonly syncBytes: number;
  /** Whether the limiter counts pages once they are handed over, or once they have been written. */
  readonly countsHanded: boolean;
  /** Whether the end of each chunk is a flush, besides that of each round. */
  readonly flushesChunks: boolean;
}

export type QemuVersion = '7.2' | '10';

/** QEMU migrates pages of the target's size, in bytes, whatever the size of the guest's own pages. */
const TARGET_PAGE = 4096;
/** The offset and flags with which a page record begins; the page or one byte follows (migration/ram.c). */
const RECORD_BYTES = 8;
/** The mark that ends a section's pages. */
const END_BYTES = 8;
/** A section's header (type, number) and footer (mark, number). */
const SECTION_BYTES = 10;

/**
 * Returns the accounting of QEMU's stream. 7.2 counts page records and the end marks behind them
 * (`ram_counters.transferred`); 10.0 counts every byte that is written, among them the devices' state
 * and the JSON that describes it.
 */
export function qemuAccounting(
  version: QemuVersion,
  pageSize: number,
  hasChannels = false,
): Accounting {
  const is10 = version === '10';
  const records = pageSize / TARGET_PAGE;
  const flushRecords = is10 ? 32 : 1;
  return {
    pageBytes: records * (RECORD_BYTES + TARGET_PAGE),
    // The record of a zero page holds the byte that fills it; any other holds the encoded page. A page that has not
    // changed has none.
    bytesOf: (tally) =>
      records *
        ((pagesOf(tally) - pagesOf(tally, 'same')) * RECORD_BYTES +
          pagesOf(tally, 'zero') +
          pagesOf(tally, 'xbzrle') * BLOCK_HEAD_BYTES) +
      bytesOf(tally),
    ...(hasChannels ? { channels: multifdAccounting(is10) } : {}),
    chunkBytes: END_BYTES + (is10 ? SECTION_BYTES : 0),
    // An iovec has 64 entries (MAX_IOV_SIZE); a record's head and its page take one each.
    flushPages: hasChannels ? packetPages(pageSize) : flushPagesOf(flushRecords, records, pageSize),
    // On a machine of a few devices, 112 to 117 kB were measured.
    otherBytes: is10 ? 113_000 : 100,
  };
}

/** Returns how many pages are handed to the socket together. */
function flushPagesOf(flushRecords: number, records: number, pageSize: number): number {
  const pages = flushRecords / records;
  return pageSize > MAX_WHOLE_PAGE ? pages : Math.max(1, pages);
}

/** A channel is handed so many bytes of pages at once (migration/multifd.h, MULTIFD_PACKET_SIZE). */
const PACKET_PAGE_BYTES = 512 * 1024;
/** Before them comes a header of 320 bytes with eight for the offset of each page that there could be (MultiFDPacket_t). */
const PACKET_BYTES = 320 + (8 * PACKET_PAGE_BYTES) / TARGET_PAGE;
/** A channel begins with this message (MultiFDInit_t). */
const INIT_BYTES = 64;

/** Returns how many pages QEMU hands to a channel at once. */
export const packetPages = (pageSize: number): number => Math.max(1, PACKET_PAGE_BYTES / pageSize);

/**
 * QEMU 10 has its channels count what they have written, with the messages that open them, and flushes them once a round. 7.2
 * counts pages when they are handed over (multifd_send_pages), does not count the opening, and flushes at the end of each chunk.
 * A flush is a packet without pages on each channel. Zero pages that a channel finds are offsets of the header.
 */
const multifdAccounting = (is10: boolean): ChannelAccounting => ({
  bytesOf,
  openBytes: is10 ? INIT_BYTES : 0,
  packetBytes: PACKET_BYTES,
  syncBytes: PACKET_BYTES,
  countsHanded: !is10,
  flushesChunks: !is10,
});

/** Returns an accounting that counts the bytes of pages and nothing else. */
export function plainAccounting(pageSize: number): Accounting {
  return { pageBytes: pageSize, bytesOf, chunkBytes: 0, flushPages: 1, otherBytes: 0 };
}
