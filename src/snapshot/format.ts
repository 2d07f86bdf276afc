import { createHash } from 'node:crypto';
import type { VcpuState } from '../guest/vcpu-state.ts';
import { crc32c } from '../wire/crc32c.ts';
import { SnapshotError } from './file-port.ts';

/*
 * A snapshot is one file. Every page has its place there, so that the file never grows beyond one size, however often
 * a live save writes a page (as with QEMU's `mapped-ram`, docs/devel/migration/mapped-ram.rst). Numbers are
 * little-endian.
 *
 *   0        4 KiB                            pagesAt (a multiple of 1 MiB)               stateAt
 *   ┌────────┬────────┬────────┬─────────┬────┬───────────────────────────────────────────┬──────────────┐
 *   │ header │ here   │ base   │ sums    │    │ pages: gfn × page size from pagesAt on;   │ state (JSON) │
 *   │        │ bitmap │ bitmap │ 8 bytes │    │ a page that is zero, or whose bytes are   │              │
 *   │        │        │        │ a page  │    │ in the base, is a hole                    │              │
 *   └────────┴────────┴────────┴─────────┴────┴───────────────────────────────────────────┴──────────────┘
 *
 * A page whose bit is set in `here` has its bytes in this file, one whose bit is set in `base` has those of the base,
 * and any other page is zero. The sums are the 64-bit page hashes of all pages that are not zero. The state holds the
 * scenario and the vCPUs' state. The header is written last and only when everything else has reached the disk, so a
 * file with a header is whole:
 *
 *   byte   0  8 bytes  magic "PFRYSNAP"
 *          8  u32      version
 *         12  u32      size of a page in bytes
 *         16  u64      number of pages
 *         24  u64      pagesAt
 *         32  u64      stateAt
 *         40  u64      bytes of the state, which ends the file
 *         48  32 bytes SHA-256 of the bitmaps and the sums
 *         80  32 bytes SHA-256 of the state
 *        112  32 bytes identity of the base; all 0 without one
 *       4092  u32      CRC-32C of the bytes before
 *
 * The identity of a snapshot is the SHA-256 of its header, which covers the sums of all pages.
 */

export const HEADER_BYTES = 4096;
const MAGIC = Buffer.from('PFRYSNAP', 'latin1');
export const SNAPSHOT_VERSION = 1;
const CRC_AT = HEADER_BYTES - 4;
/** QEMU aligns pages to so many bytes as well, so that direct I/O takes them (migration/ram.c, MAPPED_RAM_FILE_OFFSET_ALIGNMENT). */
const PAGES_ALIGNMENT = 1024 * 1024;
/** A longer state is refused before memory is taken for it; that of hundreds of streams is far shorter. */
export const MOST_STATE_BYTES = 64 * 1024 * 1024;
/** The largest guest: 16 TiB. */
const MOST_BYTES = 2 ** 44;

/** What a header says. Places and lengths are in bytes. */
export interface SnapshotHeader {
  readonly pageSize: number;
  readonly pages: number;
  readonly pagesAt: number;
  readonly stateAt: number;
  readonly stateBytes: number;
  readonly tablesDigest: Buffer;
  readonly stateDigest: Buffer;
  /** The identity of the base; absent without one. */
  readonly base?: Buffer;
}

/** How the guest was saved. */
export const SAVE_MODES = ['offline', 'live', 'background'] as const;
export type SaveMode = (typeof SAVE_MODES)[number];

/** The base of a differential snapshot. */
export interface BaseReference {
  /** Its path; a relative one counts from the folder of the snapshot that names it. */
  readonly file: string;
  /** Its identity in hexadecimal digits. */
  readonly identity: string;
}

/** What a snapshot holds besides the pages. */
export interface SnapshotState {
  readonly schema: 'pageferry/snapshot@1';
  readonly mode: SaveMode;
  /** The complete scenario, as results have it. */
  readonly scenario: Readonly<Record<string, unknown>>;
  /** The number of pages of each memslot. */
  readonly memslots: readonly number[];
  readonly vcpus: readonly VcpuState[];
  readonly base?: BaseReference;
}

const alignUp = (value: number, alignment: number): number =>
  Math.ceil(value / alignment) * alignment;

/** Returns the bytes of one of the bitmaps, a whole number of words. */
export const bitmapBytes = (pages: number): number => 4 * Math.ceil(pages / 32);

/** Returns the bytes of both bitmaps and of the sums, which follow the header. */
export const tableBytes = (pages: number): number => 2 * bitmapBytes(pages) + 8 * pages;

/** Returns where the pages and the state of a guest's snapshot begin, in bytes. */
export function placesOf(pages: number, pageSize: number): { pagesAt: number; stateAt: number } {
  const pagesAt = alignUp(HEADER_BYTES + tableBytes(pages), PAGES_ALIGNMENT);
  return { pagesAt, stateAt: pagesAt + pages * pageSize };
}

export const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Returns the bytes of a header. */
export function encodeHeader(header: SnapshotHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(SNAPSHOT_VERSION, 8);
  bytes.writeUInt32LE(header.pageSize, 12);
  for (const [i, value] of [
    header.pages,
    header.pagesAt,
    header.stateAt,
    header.stateBytes,
  ].entries()) {
    bytes.writeBigUInt64LE(BigInt(value), 16 + 8 * i);
  }
  header.tablesDigest.copy(bytes, 48);
  header.stateDigest.copy(bytes, 80);
  header.base?.copy(bytes, 112);
  bytes.writeUInt32LE(crc32c(bytes, 0, CRC_AT), CRC_AT);
  return bytes;
}

/**
 * Reads the header of a file of `length` bytes and checks every field of it against the others and the length. `path` is
 * what messages call the file. Throws SnapshotError.
 */
export function decodeHeader(path: string, bytes: Buffer, length: number): SnapshotHeader {
  const fail = (why: string): never => {
    throw new SnapshotError(`${path} ${why}`);
  };
  if (bytes.length < HEADER_BYTES) {
    const isOurs = bytes.length >= 8 && MAGIC.equals(bytes.subarray(0, 8));
    fail(isOurs ? 'is cut off in its header' : 'is no snapshot of Pageferry: it is too short');
  }
  if (bytes.every((byte) => byte === 0)) {
    fail('is no complete snapshot: whoever wrote it did not come to its header; save again');
  }
  if (!MAGIC.equals(bytes.subarray(0, 8))) {
    fail('is no snapshot of Pageferry: it begins with other bytes');
  }
  const version = bytes.readUInt32LE(8);
  if (version !== SNAPSHOT_VERSION) {
    fail(`has snapshot version ${version}, but this program reads version ${SNAPSHOT_VERSION}`);
  }
  if (crc32c(bytes, 0, CRC_AT) !== bytes.readUInt32LE(CRC_AT)) {
    fail('is damaged: the checksum of its header differs');
  }
  const number = (at: number): number => Number(bytes.readBigUInt64LE(at));
  const pageSize = bytes.readUInt32LE(12);
  const [pages, pagesAt, stateAt, stateBytes] = [number(16), number(24), number(32), number(40)];
  const isPossible =
    pageSize >= 4096 && Number.isInteger(Math.log2(pageSize)) && pages > 0 && stateBytes > 0;
  if (!isPossible) fail('is damaged: its header has impossible sizes');
  if (pages * pageSize > MOST_BYTES || stateBytes > MOST_STATE_BYTES) {
    fail(`is too large: its header says ${pages} pages and ${stateBytes} bytes of state`);
  }
  const places = placesOf(pages, pageSize);
  if (places.pagesAt !== pagesAt || places.stateAt !== stateAt) {
    fail('is damaged: its header has impossible places');
  }
  const end = stateAt + stateBytes;
  if (length < end) fail(`is cut off: it has ${length} bytes of ${end}`);
  if (length > end) fail(`is damaged: ${length - end} bytes follow its end`);
  const base = Buffer.from(bytes.subarray(112, 144));
  return {
    pageSize,
    pages,
    pagesAt,
    stateAt,
    stateBytes,
    tablesDigest: Buffer.from(bytes.subarray(48, 80)),
    stateDigest: Buffer.from(bytes.subarray(80, 112)),
    ...(base.every((byte) => byte === 0) ? {} : { base }),
  };
}
