import { constants } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { type FilePort, nodeFiles, SnapshotError, told, writeAll } from './file-port.ts';
import {
  type BaseReference,
  digestOf,
  encodeHeader,
  HEADER_BYTES,
  placesOf,
  type SnapshotState,
} from './format.ts';
import { InlineLane, type Lane } from './lane.ts';
import { PageFile } from './page-file.ts';
import { PageTable } from './page-table.ts';
import type { SnapshotChain } from './reader.ts';
import { SLAB_BYTES } from './slabs.ts';

/** Pages go to the lanes by turns of so many bytes, and those of one such piece always to the same lane. */
const STRIPE_BYTES = 4 * 1024 * 1024;

const temporaryNextTo = (target: string): string => `${target}.${process.pid}.tmp`;

/** Returns the path of the temporary file of a snapshot that this process writes. Throws the system's error. */
export const temporaryOf = (port: FilePort, path: string): string =>
  temporaryNextTo(port.resolve(path));

/** What a snapshot is made of, besides pages and state. */
export interface SnapshotSpec {
  readonly path: string;
  readonly pages: number;
  readonly pageSize: number;
  /** Pages that are the same there are not written. */
  readonly base?: SnapshotChain | undefined;
  /** Whether pages go past the page cache where the file system takes that. */
  readonly direct?: boolean;
}

/** Counts of what was done; `writtenPages` counts a page as often as it was written. */
export interface WriteCounts {
  writtenPages: number;
  zeroPages: number;
  /** How often a page was found to be the one of the base. */
  samePages: number;
}

/** Opens the lanes to a temporary file; by default one that writes in the calling thread. */
export type OpenLanes = (port: FilePort, path: string, direct: boolean) => readonly Lane[];

const inlineLane: OpenLanes = (port, path, direct) => [
  new InlineLane(new PageFile(port, path, direct)),
];

/**
 * Writes a snapshot. It goes to a temporary file beside the one that is wanted, which takes that one's place only in
 * `commit`, when everything has reached the disk. All methods throw SnapshotError when the file system refuses.
 */
export class SnapshotWriter {
  readonly counts: WriteCounts = { writtenPages: 0, zeroPages: 0, samePages: 0 };
  readonly table: PageTable;
  readonly #spec: SnapshotSpec;
  readonly #port: FilePort;
  readonly #target: string;
  readonly #temporary: string;
  readonly #fd: number;
  readonly #lanes: readonly Lane[];
  readonly #pagesAt: number;
  #isOpen = true;

  constructor(spec: SnapshotSpec, port: FilePort = nodeFiles, openLanes: OpenLanes = inlineLane) {
    this.#spec = spec;
    this.#port = port;
    this.table = new PageTable(spec.pages);
    const { pagesAt, stateAt } = placesOf(spec.pages, spec.pageSize);
    this.#pagesAt = pagesAt;
    this.#target = this.#told(() => port.resolve(spec.path));
    this.#checkBase();
    this.#temporary = temporaryNextTo(this.#target);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC;
    this.#fd = this.#told(() => port.open(this.#temporary, flags));
    try {
      this.#told(() => port.truncate(this.#fd, stateAt));
      this.#lanes = this.#told(() => openLanes(port, this.#temporary, spec.direct ?? false));
    } catch (error) {
      this.#lanes = [];
      this.abandon();
      throw error;
    }
  }

  /** The base must be of a guest of this size, and none of its files may be the one that is written. */
  #checkBase(): void {
    const { path, base, pages, pageSize } = this.#spec;
    if (!base) return;
    const { header, path: basePath } = base.top;
    if (header.pages !== pages || header.pageSize !== pageSize) {
      const [own, other] = [
        `${pages} pages of ${pageSize}`,
        `${header.pages} of ${header.pageSize}`,
      ];
      throw new SnapshotError(
        `${basePath} can't be a base of ${path}: the guest has ${own} bytes, and that one ${other}`,
      );
    }
    for (const file of base.files) {
      if (this.#told(() => this.#port.resolve(file.path)) !== this.#target) continue;
      throw new SnapshotError(
        `${path} can't be written: pages of the new snapshot are in it; name another file`,
      );
    }
  }

  /** Whether pages go past the page cache. */
  get isDirect(): boolean {
    return this.#lanes.every((lane) => lane.isDirect);
  }

  /** Whether a put of so many bytes would not have to wait for a writer. */
  hasRoom(bytes: number): boolean {
    return this.#lanes.every((lane) => lane.hasRoom(bytes));
  }

  /** Notes that pages are zero. */
  zero(gfn: number, pages: number): void {
    for (let page = gfn; page < gfn + pages; page++) this.table.set(page, 'zero', 0, 0);
    this.counts.zeroPages += pages;
  }

  /** Takes a copy of pages, at `at` of `bytes`, for the file. Pages of zeros may be among them if `mayBeZero`. */
  put(gfn: number, pages: number, bytes: Uint8Array, at: number, mayBeZero = false): void {
    const { pageSize, base } = this.#spec;
    const isSingle = base !== undefined || mayBeZero;
    for (let page = gfn; page < gfn + pages;) {
      const left = gfn + pages - page;
      const inStripe = (STRIPE_BYTES - ((page * pageSize) % STRIPE_BYTES)) / pageSize;
      const count = isSingle ? 1 : Math.min(left, inStripe, SLAB_BYTES / pageSize);
      this.#putRun(page, count, bytes, at + (page - gfn) * pageSize, mayBeZero);
      page += count;
    }
  }

  #putRun(gfn: number, pages: number, bytes: Uint8Array, from: number, mayBeZero: boolean): void {
    const { pageSize, base } = this.#spec;
    const length = pages * pageSize;
    const lane = this.#laneOf(gfn);
    const { slabs } = lane;
    const at = this.#told(() => lane.reserve(length));
    slabs.bytes.set(bytes.subarray(from, from + length), at);
    if (mayBeZero && slabs.kernels.isZero(at, length)) return this.zero(gfn, pages);
    slabs.kernels.hashPages(at, pageSize, pages, slabs.sumsAt);
    const sums = slabs.words.subarray(slabs.sumsAt >>> 2, (slabs.sumsAt >>> 2) + 2 * pages);
    if (base && this.#isInBase(base, gfn, lane, at, sums)) {
      this.table.set(gfn, 'base', sums[0]!, sums[1]!);
      this.counts.samePages++;
      return;
    }
    this.#told(() => lane.keep(length, this.#pagesAt + gfn * pageSize));
    for (let i = 0; i < pages; i++) {
      this.table.set(gfn + i, 'here', sums[2 * i]!, sums[2 * i + 1]!);
    }
    this.counts.writtenPages += pages;
  }

  /** Whether the page at `at` is that of the base: its sum says so first, and then every byte. */
  #isInBase(
    base: SnapshotChain,
    gfn: number,
    { slabs }: Lane,
    at: number,
    sums: Int32Array,
  ): boolean {
    const known = base.top.table;
    const isAlike =
      known.placeOf(gfn) !== 'zero' &&
      known.sums[2 * gfn] === sums[0]! >>> 0 &&
      known.sums[2 * gfn + 1] === sums[1]! >>> 0;
    if (!isAlike) return false;
    base.fileOf(gfn)!.read(gfn, 1, slabs.bytes, slabs.comparedAt);
    return slabs.kernels.firstDifference(at, slabs.comparedAt, this.#spec.pageSize) < 0;
  }

  #laneOf(gfn: number): Lane {
    const stripe = Math.floor((gfn * this.#spec.pageSize) / STRIPE_BYTES);
    return this.#lanes[stripe % this.#lanes.length]!;
  }

  /** Completes the snapshot with its state and puts it in the place of the file that was there. */
  commit(state: Omit<SnapshotState, 'schema' | 'base'>): void {
    const { pages, pageSize, base } = this.#spec;
    const { pagesAt, stateAt } = placesOf(pages, pageSize);
    const port = this.#port;
    this.#told(() => {
      for (const lane of this.#lanes) lane.settle();
      const whole: SnapshotState = {
        schema: 'pageferry/snapshot@1',
        ...state,
        ...(base ? { base: this.#referenceTo(base) } : {}),
      };
      const stateBytes = Buffer.from(`${JSON.stringify(whole)}\n`, 'utf8');
      writeAll(port, this.#fd, this.table.bytes, HEADER_BYTES);
      writeAll(port, this.#fd, stateBytes, stateAt);
      port.sync(this.#fd);
      const header = encodeHeader({
        pageSize,
        pages,
        pagesAt,
        stateAt,
        stateBytes: stateBytes.length,
        tablesDigest: digestOf(this.table.bytes),
        stateDigest: digestOf(stateBytes),
        ...(base ? { base: base.top.identity } : {}),
      });
      writeAll(port, this.#fd, header, 0);
      port.sync(this.#fd);
      port.rename(this.#temporary, this.#target);
    });
    this.#close();
    this.#syncFolder();
  }

  /** Gives the snapshot up; the file that was there stays. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#close();
    this.#port.remove(this.#temporary);
  }

  #referenceTo({ top }: SnapshotChain): BaseReference {
    const absolute = resolve(top.path);
    const near = relative(dirname(this.#target), absolute);
    const file = near.startsWith('..') || isAbsolute(near) ? absolute : near;
    return { file, identity: top.identity.toString('hex') };
  }

  #close(): void {
    this.#isOpen = false;
    for (const lane of this.#lanes) lane.close();
    this.#port.close(this.#fd);
  }

  /** A rename is on the disk once its folder is. Some file systems have no such call; the file is whole in any case. */
  #syncFolder(): void {
    try {
      const folder = this.#port.open(dirname(this.#target), constants.O_RDONLY);
      this.#port.sync(folder);
      this.#port.close(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  #told<Result>(act: () => Result): Result {
    return told(`${this.#spec.path} can't be written`, act);
  }
}
