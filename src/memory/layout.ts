import { ACCESS_BATCH, RUNS_FIRST, STREAM_BYTES } from './kernels/abi.ts';
import { WASM_PAGE } from './memory-pool.ts';

/**
 * Where everything lies in a memslot's memory. No other file knows an offset.
 *
 *   0        4 KiB                                                                                  ramOffset
 *   ┌────────┬─────────┬──────────────┬─────────┬────────┬──────────┬──────────┬──────────┬────────┬────────────┬───────────┐
 *   │ unused │ scratch │ access lists │ streams │ tables │ writers' │ engine's │ gates    │ page   │ references │ guest RAM │
 *   │        │         │ one a writer │         │        │ dirty    │ maps     │ a byte   │ states │ 4 bytes    │ pages     │
 *   │        │         │              │         │        │ maps × 2 │          │ a page   │ a byte │ a page     │ × size    │
 *   └────────┴─────────┴──────────────┴─────────┴────────┴──────────┴──────────┴──────────┴────────┴────────────┴───────────┘
 *
 * The engine's maps: the shared map of the log `atomic`, the page set of the log's first reader, marks
 * kept by a manual clear, marks drained from rings (two halves), pages set aside, the page sets of the
 * log's other readers, a harvest that is for several of them. Page states are a managed guest's, references
 * one's whose accesses are watched; others have none. Maps hold a bit a page (the writers' a byte a page with
 * `bytemap`) and are padded to cache lines with a line between them, so that two writers never share
 * one. What nobody touches takes no memory. RAM begins at a WASM page, plus the skew: source and
 * destination at equal offsets modulo 1 GiB would halve the copy bandwidth (4 KiB aliasing in the
 * L1 cache).
 */
/** A page's bytes, or its version: a 32-bit count of the writes to it, 0 for a page of zeros. */
export type Backing = 'bytes' | 'versions';

const VERSION_BYTES = 4;

/** Bytes that stand for a page in memory. */
export function storedBytesOf(backing: Backing | undefined, pageSize: number): number {
  return backing === 'versions' ? VERSION_BYTES : pageSize;
}

export interface SlotGeometry {
  /** Number of the slot in its guest, and the guest's gfn of its first page; 0 when absent. */
  readonly index?: number;
  readonly firstGfn?: number;
  /** Guest pages in the slot. */
  readonly pages: number;
  readonly pageSize: number;
  /** What stands for a page: its bytes, or a count of its writes; bytes when absent. */
  readonly backing?: Backing;
  /** Writers with maps of their own: 0 is the host side, then the vCPUs. */
  readonly writers: number;
  /** What a page takes in a writer's dirty map; a bit when absent. */
  readonly mapUnit?: 'bit' | 'byte';
  /** The guest has a memory manager: a byte a page says what it has made of it. */
  readonly hasStates?: boolean;
  /** When each page was last referenced is kept. */
  readonly hasReferences?: boolean;
  readonly streams: number;
  /** Room for alias tables and trace lists. */
  readonly tableBytes: number;
  /** Whole host pages by which RAM is shifted. */
  readonly skewPages: number;
}

export interface SlotLayout extends Required<SlotGeometry> {
  /** Bytes that stand for a page: its size, or that of its version. */
  readonly storedBytes: number;
  /** Of `storedBytes`. */
  readonly pageShift: number;
  readonly ramBytes: number;
  /** Bytes of a map of a bit a page. */
  readonly mapBytes: number;
  readonly writerMapBytes: number;
  readonly scratch: number;
  readonly maxRuns: number;
  readonly tables: number;
  readonly sharedMap: number;
  readonly pageSet: number;
  /** Marks that a harvest with manual clear has got and not yet cleared. */
  readonly keptMap: number;
  /** Pages that are set aside while others are sent. */
  readonly asideMap: number;
  readonly gates: number;
  readonly states: number;
  readonly references: number;
  readonly ramOffset: number;
  readonly totalBytes: number;
}

const HOST_PAGE = 4096;
const CACHE_LINE = 64;
/** A WASM memory holds 65 536 pages of 64 KiB; RAM and control area share them. */
export const MAX_SLOT_BYTES = 65536 * WASM_PAGE;
/** Runs in one run list: a batch of 64 KiB of 4 KiB pages needs 16, zero runs come cheap. */
const MAX_RUNS = 512;
const SCRATCH_BYTES = 32768;
/** So many readers may have a set of pages each: a migration, a monitor, a measurement, a replication. */
export const READER_SETS = 4;
/** Before the readers' sets come the shared map, the first reader's set and four maps of the engine's. */
const FIXED_MAPS = 6;
/** The first reader's set is a fixed map; behind the others' lies what one of them has just harvested. */
const ENGINE_MAPS = FIXED_MAPS + READER_SETS;

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

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

/** Byte address of the access list of a writer. */
export function accessListAt(layout: SlotLayout, writer: number): number {
  return layout.scratch + SCRATCH_BYTES + writer * ACCESS_BATCH * 4;
}

export function streamAt(layout: SlotLayout, stream: number): number {
  return accessListAt(layout, layout.writers) + stream * STREAM_BYTES;
}

/** Byte address of a writer's private dirty map; `half` is the epoch modulo 2. */
export function writerMapAt(layout: SlotLayout, writer: number, half: number): number {
  const stride = layout.writerMapBytes + CACHE_LINE;
  const first = layout.sharedMap - 2 * layout.writers * stride;
  return first + (2 * writer + half) * stride;
}

/** Byte address of the marks of one half that the engine has drained from rings. */
export function drainedMapAt(layout: SlotLayout, half: number): number {
  return layout.keptMap + (1 + half) * (layout.mapBytes + CACHE_LINE);
}

/**
 * Byte address of the page set of the reader in place `place` of a dirty log; place READER_SETS is the
 * set in which a harvest stands that is for several readers.
 */
export function readerSetAt(layout: SlotLayout, place: number): number {
  if (place === 0) return layout.pageSet;
  return layout.sharedMap + (FIXED_MAPS + place - 1) * (layout.mapBytes + CACHE_LINE);
}

/** Scratch of the engine: a run list, then map pointers, then two pages' worth of small results. */
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

/** Bytes that `scratchAreas().compare` may be used for. */
export const COMPARE_BYTES = 16384;
