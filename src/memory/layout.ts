import { ACCESS_BATCH, RUNS_FIRST, STREAM_BYTES } from './kernels/abi.ts';
import { WASM_PAGE } from './memory-pool.ts';

/*
 * Where everything lies in a memslot's memory. No other file knows an offset.
 *
 *   0        4 KiB                                                                                  ramOffset
 *   ┌────────┬─────────┬──────────────┬─────────┬────────┬──────────┬──────────┬──────────┬────────┬────────────┬───────────┐
 *   │ unused │ scratch │ access lists │ streams │ tables │ writers' │ engine's │ gates    │ page   │ references │ guest RAM │
 *   │        │         │ one a writer │         │        │ dirty    │ maps     │ a byte   │ states │ 4 bytes    │ pages     │
 *   │        │         │              │         │        │ maps × 2 │          │ a page   │ a byte │ a page     │ × size    │
 *   └────────┴─────────┴──────────────┴─────────┴────────┴──────────┴──────────┴──────────┴────────┴────────────┴───────────┘
 *
 * The engine's maps are, in this order: the shared map of the log `atomic`; the page set of the log's first reader;
 * the marks that a manual clear keeps; the marks drained from rings (one map for each half); the pages set aside;
 * the page sets of the log's other readers; and a harvest that is meant for several readers. Only a guest with a
 * memory manager has page states, and only one whose references are noted has references. Maps hold a bit a page
 * (with `bytemap` the writers' hold a byte a page). They are padded to cache lines with a spare line between them,
 * so that two writers never share a line. Memory that nobody touches takes no machine memory. RAM begins at a WASM
 * page plus the skew: if source and destination lay at equal offsets modulo 1 GiB, the copy bandwidth would be half
 * (4 KiB aliasing in the L1 cache).
 */

/**
 * What stands for a page: its bytes, or its version, a 32-bit count of the writes to it since it was zero, or from
 * FILLED_VERSION on (contents/contents.ts) since it was filled with anything else.
 */
export type Backing = 'bytes' | 'versions';

const VERSION_BYTES = 4;

/** Returns the number of bytes that stand for a page in memory. */
export function storedBytesOf(backing: Backing | undefined, pageSize: number): number {
  return backing === 'versions' ? VERSION_BYTES : pageSize;
}

/** The parameters from which a slot's layout follows. */
export interface SlotGeometry {
  /** The slot's number in its guest, and the guest's gfn of its first page; both are 0 when absent. */
  readonly index?: number;
  readonly firstGfn?: number;
  /** The number of guest pages in the slot. */
  readonly pages: number;
  readonly pageSize: number;
  /** What stands for a page; `bytes` when absent. */
  readonly backing?: Backing;
  /** The number of writers that have maps of their own: writer 0 is the host side, the others are the vCPUs. */
  readonly writers: number;
  /** What a page takes in a writer's dirty map; `bit` when absent. */
  readonly mapUnit?: 'bit' | 'byte';
  /** The guest has a memory manager, so the slot keeps a page state (PAGE_USED and so on), a byte a page. */
  readonly hasStates?: boolean;
  /** The slot keeps when each page was last referenced, 4 bytes a page. */
  readonly hasReferences?: boolean;
  readonly streams: number;
  /** The bytes that alias tables and lists of pages take. */
  readonly tableBytes: number;
  /** The number of host pages (4 KiB) by which RAM is shifted. */
  readonly skewPages: number;
}

/** Sizes and byte offsets in a slot's memory. */
export interface SlotLayout extends Required<SlotGeometry> {
  /** The bytes that stand for a page: the page size, or the size of a version. */
  readonly storedBytes: number;
  /** The binary logarithm of `storedBytes`. */
  readonly pageShift: number;
  readonly ramBytes: number;
  /** The bytes of a map that holds a bit a page. */
  readonly mapBytes: number;
  readonly writerMapBytes: number;
  readonly scratch: number;
  readonly maxRuns: number;
  readonly tables: number;
  readonly sharedMap: number;
  readonly pageSet: number;
  /** The map of the marks that harvests with manual clear have given out and not yet cleared. */
  readonly keptMap: number;
  /** The map of the pages that are set aside while others are sent. */
  readonly asideMap: number;
  readonly gates: number;
  readonly states: number;
  readonly references: number;
  readonly ramOffset: number;
  readonly totalBytes: number;
}

const HOST_PAGE = 4096;
const CACHE_LINE = 64;
/** The most bytes of a slot: a WASM memory has at most 65 536 pages of 64 KiB, for RAM and control area together. */
export const MAX_SLOT_BYTES = 65536 * WASM_PAGE;
/** The most runs of one run list. A batch of 64 KiB needs at most 16 for its pages; zero pages add to them. */
const MAX_RUNS = 512;
const SCRATCH_BYTES = 32768;
/** The most readers of a dirty log, such as a migration, a monitor, a measurement and a replication. */
export const READER_SETS = 4;
/** The maps before the further readers' sets: the shared map, the first reader's set and four of the engine's. */
const FIXED_MAPS = 6;
/** After the fixed maps come the sets of the READER_SETS - 1 further readers and the harvest for several. */
const ENGINE_MAPS = FIXED_MAPS + READER_SETS;

/** Returns the least multiple of `alignment` that is at least `value`. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/** Works out the layout of a slot; the result may be larger than a WASM memory can be (MAX_SLOT_BYTES). */
export function slotLayout(geometry: SlotGeometry): SlotLayout {
  const { pages, pageSize, writers, streams, tableBytes, mapUnit = 'bit' } = geometry;
  const storedBytes = storedBytesOf(geometry.backing, pageSize);
  const mapBytes = alignUp(Math.ceil(pages / 8), CACHE_LINE);
  const writerMapBytes = mapUnit === 'bit' ? mapBytes : 8 * mapBytes;
  const stride = mapBytes + CACHE_LINE;
  const lists = HOST_PAGE + SCRATCH_BYTES;
  const streamArea = lists + writers * ACCESS_BATCH * 4;
  const tables = alignUp(streamArea + streams * STREAM_BYTES, CACHE_LINE);
  const maps = alignUp(tables + tableBytes, CACHE_LINE);
  const sharedMap = maps + 2 * writers * (writerMapBytes + CACHE_LINE);
  const gates = sharedMap + ENGINE_MAPS * stride;
  const states = gates + pages;
  const references = alignUp(states + (geometry.hasStates ? pages : 0), CACHE_LINE);
  const controlEnd = references + (geometry.hasReferences ? 4 * pages : 0);
  const ramOffset = alignUp(controlEnd, WASM_PAGE) + geometry.skewPages * HOST_PAGE;
  return {
    index: 0,
    firstGfn: 0,
    hasStates: false,
    hasReferences: false,
    ...geometry,
    backing: geometry.backing ?? 'bytes',
    mapUnit,
    storedBytes,
    pageShift: Math.log2(storedBytes),
    ramBytes: pages * storedBytes,
    mapBytes,
    writerMapBytes,
    scratch: HOST_PAGE,
    maxRuns: MAX_RUNS,
    tables,
    sharedMap,
    pageSet: sharedMap + stride,
    keptMap: sharedMap + 2 * stride,
    asideMap: sharedMap + 5 * stride,
    gates,
    states,
    references,
    ramOffset,
    totalBytes: alignUp(ramOffset + pages * storedBytes, WASM_PAGE),
  };
}

/** Returns the byte address of a writer's access list (ACCESS_BATCH entries of 4 bytes). */
export function accessListAt(layout: SlotLayout, writer: number): number {
  return layout.scratch + SCRATCH_BYTES + writer * ACCESS_BATCH * 4;
}

/** Returns the byte address of a stream's record. */
export function streamAt(layout: SlotLayout, stream: number): number {
  return accessListAt(layout, layout.writers) + stream * STREAM_BYTES;
}

/** Returns the byte address of one of a writer's two private dirty maps; `half` is the epoch modulo 2. */
export function writerMapAt(layout: SlotLayout, writer: number, half: number): number {
  const stride = layout.writerMapBytes + CACHE_LINE;
  const first = layout.sharedMap - 2 * layout.writers * stride;
  return first + (2 * writer + half) * stride;
}

/** Returns the byte address of the map of the marks of one half (epoch modulo 2) that were drained from rings. */
export function drainedMapAt(layout: SlotLayout, half: number): number {
  return layout.keptMap + (1 + half) * (layout.mapBytes + CACHE_LINE);
}

/**
 * Returns the byte address of the page set of the dirty log's reader number `place`. Number READER_SETS is the set
 * that holds a harvest meant for several readers.
 */
export function readerSetAt(layout: SlotLayout, place: number): number {
  if (place === 0) return layout.pageSet;
  return layout.sharedMap + (FIXED_MAPS + place - 1) * (layout.mapBytes + CACHE_LINE);
}

/**
 * Returns the byte addresses of the areas of the engine's scratch memory: a run list, a list of map addresses, 64
 * bytes for a hash, and COMPARE_BYTES for anything else.
 */
export function scratchAreas(layout: SlotLayout): {
  runList: number;
  pointers: number;
  hash: number;
  compare: number;
} {
  const runList = layout.scratch;
  const pointers = runList + (RUNS_FIRST + 2 * MAX_RUNS) * 4;
  const hash = alignUp(pointers + layout.writers * 4, CACHE_LINE);
  return { runList, pointers, hash, compare: alignUp(hash + 64, CACHE_LINE) };
}

/** The size of `scratchAreas().compare`, bytes. */
export const COMPARE_BYTES = 16384;
