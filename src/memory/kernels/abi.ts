/**
 * What the kernels and their callers agree on: the stream record, the numbers of patterns, kinds of marks and page
 * states, and the shape of a run list. AssemblyScript and TypeScript both compile this file, so that no number stands
 * in two places; it holds nothing but plain constants.
 *
 * A stream record lies in the control area of its memslot (little-endian):
 *
 *   byte  0  f64  n                how many accesses the stream has made (exact to 2^53)
 *         8  f64  writes           how many of them were writes
 *        16  u32  checksum low     folded from every word that a read has seen
 *        20  u32  checksum high
 *        24  u32  key a            keys of the stream's random draws, made of (seed, stream)
 *        28  u32  key b
 *        32  u32  pattern          PATTERN_*
 *        36  u32  first gfn        first page of the stream's region, counted in the slot
 *        40  u32  pages            number of pages of the region
 *        44  u32  start            sequential, stride: page of the region at which the stream begins
 *        48  u32  stride           stride: pages from one access to the next, modulo the region's pages
 *        52  u32  hot pages        hotspot: size of the hot set
 *        56  u32  hot threshold    hotspot: share of accesses that go to the hot set, times 2^32
 *        60  u32  write threshold  share of accesses that write, times 2^32
 *        64  u32  all writes       1: every access writes, so none is drawn
 *        68  u32  lane             byte offset of the stream's words within a page
 *        72  u32  words            8-byte words per access; 0: a write adds one to the page's version
 *        76  u32  table            byte address of the alias table (zipf) or of the list of pages (trace)
 *        80  u32  table length     number of u32 words of the table
 *        84  u32  page shift       binary logarithm of the bytes that stand for a page
 *        88  u32  ram              byte address of the slot's first page
 *        96  f64  busy ns          `runUntil`: the time until which the vCPU is busy
 *       104  f64  due              `runUntil`: how many accesses are due
 *       112  f64  access ns        `runUntil`: the time of an access
 *       120  f64  mark ns          `runUntil`: the additional time of an access that marks its page
 */
export const STREAM_N = 0;
export const STREAM_WRITES = 8;
export const STREAM_CHECKSUM_LOW = 16;
export const STREAM_CHECKSUM_HIGH = 20;
export const STREAM_KEY_A = 24;
export const STREAM_KEY_B = 28;
export const STREAM_PATTERN = 32;
export const STREAM_FIRST_GFN = 36;
export const STREAM_PAGES = 40;
export const STREAM_START = 44;
export const STREAM_STRIDE = 48;
export const STREAM_HOT_PAGES = 52;
export const STREAM_HOT_THRESHOLD = 56;
export const STREAM_WRITE_THRESHOLD = 60;
export const STREAM_ALL_WRITES = 64;
export const STREAM_LANE = 68;
export const STREAM_WORDS = 72;
export const STREAM_TABLE = 76;
export const STREAM_TABLE_LENGTH = 80;
export const STREAM_PAGE_SHIFT = 84;
export const STREAM_RAM = 88;
export const STREAM_BUSY_NS = 96;
export const STREAM_DUE = 104;
export const STREAM_ACCESS_NS = 112;
export const STREAM_MARK_NS = 120;
export const STREAM_BYTES = 128;

export const PATTERN_SEQUENTIAL = 0;
export const PATTERN_STRIDE = 1;
export const PATTERN_UNIFORM = 2;
export const PATTERN_HOTSPOT = 3;
export const PATTERN_ZIPF = 4;
export const PATTERN_TRACE = 5;

/**
 * How `touch` marks a written page: not at all; with a plain OR in the writer's own map; with an atomic OR in the
 * shared map; with a byte in the writer's own map.
 */
export const MARK_NONE = 0;
export const MARK_PRIVATE = 1;
export const MARK_ATOMIC = 2;
export const MARK_BYTE = 3;

/**
 * The values of a page's gate, a byte that only atomics access while the guest runs. At 0 the page may be read and
 * written as it is. The two low bits, PAGE_PRESENCE, say whether the page is there: its bytes are complete; they are
 * complete but lie in a buffer from which the guest has to take them (a minor fault); they are being written; or the
 * page is absent.
 */
export const PAGE_PRESENT = 0;
export const PAGE_BUFFERED = 1;
export const PAGE_INSTALLING = 2;
export const PAGE_ABSENT = 3;
export const PAGE_PRESENCE = 3;
/**
 * The other bits of a gate: a layer must be asked before a write; the page shares its machine page; it has no machine
 * page, because it is swapped out or was never touched; its next access is to be counted.
 */
export const PAGE_PROTECTED = 4;
export const PAGE_SHARED = 8;
export const PAGE_SWAPPED = 16;
export const PAGE_SAMPLED = 32;
/** The bits of a gate that stop only writes: PAGE_PROTECTED and PAGE_SHARED. */
export const PAGE_WRITE_GATES = 12;

/**
 * The states that a guest's memory manager gives a page, a byte a page: the page is in use; it is in the guest's free
 * list; it has been given back to the host, so that it has no machine frame and reads as zeros; the guest has paged it
 * out to its own disk and given its frame back; or it is free and the guest has told the host so, in a free-page hint,
 * so that it must be zeroed before it is used. `PAGE_USED` equals `PAGE_PRESENT`, so that one kernel serves states
 * and gates; therefore no state may consist of PAGE_WRITE_GATES alone, at which that kernel lets reads pass.
 */
export const PAGE_USED = 0;
export const PAGE_FREE = 1;
export const PAGE_RELEASED = 2;
export const PAGE_PAGED = 3;
export const PAGE_HINTED = 5;

/** An entry of an access list is a gfn that counts from the slot's first page; this bit says that it only reads. */
export const ACCESS_READ_BIT = 0x80000000;
/** The most accesses that a writer makes between two polls. */
export const ACCESS_BATCH = 1024;

/**
 * The places in a run list, as `takeRuns` writes it. It consists of u32: the next cursor, the number of pages taken,
 * the number of pages skipped, then for every run its first gfn and its number of pages.
 */
export const RUNS_CURSOR = 0;
export const RUNS_PAGES = 1;
export const RUNS_SKIPPED = 2;
export const RUNS_FIRST = 3;

/**
 * The keys of the page hash, from the hexadecimal digits of pi behind the point: sixteen 32-bit words, which make a
 * 64-bit key (low word first) for each of the eight lanes of a 64-byte stripe.
 */
export const HASH_KEY_0 = 0x243f6a88;
export const HASH_KEY_1 = 0x85a308d3;
export const HASH_KEY_2 = 0x13198a2e;
export const HASH_KEY_3 = 0x03707344;
export const HASH_KEY_4 = 0xa4093822;
export const HASH_KEY_5 = 0x299f31d0;
export const HASH_KEY_6 = 0x082efa98;
export const HASH_KEY_7 = 0xec4e6c89;
export const HASH_KEY_8 = 0x452821e6;
export const HASH_KEY_9 = 0x38d01377;
export const HASH_KEY_10 = 0xbe5466cf;
export const HASH_KEY_11 = 0x34e90c6c;
export const HASH_KEY_12 = 0xc0ac29b7;
export const HASH_KEY_13 = 0xc97c50dd;
export const HASH_KEY_14 = 0x3f84d5b5;
export const HASH_KEY_15 = 0xb5470917;
