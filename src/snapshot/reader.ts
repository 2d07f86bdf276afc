import { constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type FilePort, nodeFiles, readAll, SnapshotError, told } from './file-port.ts';
import {
  decodeHeader,
  digestOf,
  HEADER_BYTES,
  SAVE_MODES,
  type SnapshotHeader,
  type SnapshotState,
  tableBytes,
} from './format.ts';
import { PageTable } from './page-table.ts';

/** A snapshot whose header, tables and state have been read and checked; its pages are read and checked later. */
export class SnapshotFile {
  readonly path: string;
  readonly header: SnapshotHeader;
  readonly table: PageTable;
  readonly state: SnapshotState;
  /** The SHA-256 of its header. */
  readonly identity: Buffer;
  readonly #port: FilePort;
  readonly #fd: number;

  /** Opens a file. Throws SnapshotError. */
  constructor(path: string, port: FilePort = nodeFiles) {
    this.path = path;
    this.#port = port;
    this.#fd = told(`${path} can't be read`, () => port.open(path, constants.O_RDONLY));
    try {
      const length = port.lengthOf(this.#fd);
      if (length === undefined) throw new SnapshotError(`${path} is no file`);
      const head = this.#readPart(0, Math.min(length, HEADER_BYTES));
      this.header = decodeHeader(path, head, length);
      this.identity = digestOf(head);
      const { pages, stateAt, stateBytes, tablesDigest, stateDigest } = this.header;
      const tables = this.#readPart(HEADER_BYTES, tableBytes(pages));
      if (!digestOf(tables).equals(tablesDigest)) {
        throw new SnapshotError(`${path} is damaged: the checksum of its page tables differs`);
      }
      this.table = new PageTable(pages, tables);
      const state = this.#readPart(stateAt, stateBytes);
      if (!digestOf(state).equals(stateDigest)) {
        throw new SnapshotError(`${path} is damaged: the checksum of its state differs`);
      }
      this.state = parseState(path, state.toString('utf8'));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#port.close(this.#fd);
  }

  /** Reads the bytes of pages that are in this file into `bytes` at `at`. Throws SnapshotError. */
  read(gfn: number, pages: number, bytes: Uint8Array, at: number): void {
    const { pagesAt, pageSize } = this.header;
    const length = pages * pageSize;
    const read = told(`${this.path} can't be read`, () =>
      readAll(this.#port, this.#fd, bytes, pagesAt + gfn * pageSize, at, length),
    );
    if (read < length) throw new SnapshotError(`${this.path} has been cut off since it was opened`);
  }

  #readPart(position: number, length: number): Buffer {
    // An own buffer, and none of Node's pool, begins at a whole word.
    const bytes = Buffer.from(new ArrayBuffer(length));
    const read = told(`${this.path} can't be read`, () =>
      readAll(this.#port, this.#fd, bytes, position),
    );
    return bytes.subarray(0, read);
  }
}

function parseState(path: string, text: string): SnapshotState {
  try {
    const state = JSON.parse(text) as SnapshotState;
    const isState =
      state.schema === 'pageferry/snapshot@1' &&
      SAVE_MODES.includes(state.mode) &&
      Array.isArray(state.vcpus) &&
      Array.isArray(state.memslots) &&
      typeof state.scenario === 'object';
    if (isState) return state;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new SnapshotError(`${path} is damaged: its state is none of a guest`);
}

/** The longest chain of differential snapshots. */
const MOST_LINKS = 64;

/** A snapshot and the bases that it, and they, refer to: the pages of one guest at one time. */
export class SnapshotChain {
  /** The snapshot itself comes first, then its base, and so on. */
  readonly files: readonly SnapshotFile[];

  /** Opens a snapshot and its bases, each of which must be the very file that the one before it was made from. */
  constructor(path: string, port: FilePort = nodeFiles) {
    const files: SnapshotFile[] = [];
    this.files = files;
    try {
      files.push(new SnapshotFile(path, port));
      for (let last = files[0]!; last.header.base; last = files.at(-1)!) {
        if (files.length === MOST_LINKS) {
          throw new SnapshotError(`${path} has a chain of more than ${MOST_LINKS} files`);
        }
        files.push(openBase(last, port));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get top(): SnapshotFile {
    return this.files[0]!;
  }

  close(): void {
    for (const file of this.files) file.close();
  }

  /** Returns the file that has the bytes of a page; undefined for a page that is zero. Throws SnapshotError. */
  fileOf(gfn: number): SnapshotFile | undefined {
    for (const file of this.files) {
      const place = file.table.placeOf(gfn);
      if (place === 'zero') return undefined;
      if (place === 'here') return file;
    }
    const { path } = this.files.at(-1)!;
    throw new SnapshotError(
      `${path} is damaged: page ${gfn} is said to be in a base that it lacks`,
    );
  }

  /** Returns the end of the run of pages from `from` on, and before `end`, that `fileOf` finds in one file. */
  endOfRun(from: number, end: number): number {
    const file = this.fileOf(from);
    let gfn = from + 1;
    while (gfn < end && this.fileOf(gfn) === file) gfn++;
    return gfn;
  }
}

function openBase(from: SnapshotFile, port: FilePort): SnapshotFile {
  const { base } = from.state;
  if (base === undefined || typeof base.file !== 'string') {
    throw new SnapshotError(`${from.path} is damaged: it does not name its base`);
  }
  const path = resolve(dirname(from.path), base.file);
  let file: SnapshotFile;
  try {
    file = new SnapshotFile(path, port);
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    throw new SnapshotError(`${from.path} needs its base: ${error.message}`, { cause: error });
  }
  const isSame =
    file.identity.equals(from.header.base!) &&
    file.header.pages === from.header.pages &&
    file.header.pageSize === from.header.pageSize;
  if (isSame) return file;
  file.close();
  throw new SnapshotError(
    `${from.path} needs its base: ${path} is another snapshot than the one that it was made from`,
  );
}
