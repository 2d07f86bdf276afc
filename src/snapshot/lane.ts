import { PageFile } from './page-file.ts';
import type { FilePort } from './file-port.ts';
import { createSlabs, SLAB_BYTES, type SharedSlabs, Slabs, WORD } from './slabs.ts';

/** The way of pages to the file: they are put into slabs, which are written in the order in which they were filled. */
export interface Lane {
  readonly slabs: Slabs;
  /** Whether its pages go past the page cache, as far as it has written any. */
  readonly isDirect: boolean;
  /** Whether `reserve` would return at once for so many bytes. */
  hasRoom(bytes: number): boolean;
  /** Returns the address of room for at most SLAB_BYTES bytes, which `keep` may take. Waits for the writer if need be. */
  reserve(bytes: number): number;
  /** Has the first `bytes` of the room go to a position of the file. Throws the system's error. */
  keep(bytes: number, position: number): void;
  /** Waits until everything is written. Throws the system's error. */
  settle(): void;
  /** Ends the lane; what has not been written stays unwritten. */
  close(): void;
}

/** A lane that writes in the calling thread, whenever its slab is full. */
export class InlineLane implements Lane {
  readonly slabs = new Slabs(createSlabs(1));
  readonly #file: PageFile;
  #fill = 0;

  constructor(file: PageFile) {
    this.#file = file;
    this.slabs.clear(0);
  }

  get isDirect(): boolean {
    return this.#file.isDirect;
  }

  hasRoom(): boolean {
    return true;
  }

  reserve(bytes: number): number {
    if (this.#fill + bytes > SLAB_BYTES) this.settle();
    return this.slabs.slabAt(0) + this.#fill;
  }

  keep(bytes: number, position: number): void {
    this.slabs.add(0, { position, at: this.slabs.slabAt(0) + this.#fill, bytes });
    this.#fill += bytes;
  }

  settle(): void {
    const extents = this.slabs.extents(0);
    this.slabs.clear(0);
    this.#fill = 0;
    this.#file.write(this.slabs, extents);
  }

  close(): void {
    this.#file.close();
  }
}

/** A lane whose slabs another thread writes (`runLane`), in their order. */
export class ThreadLane implements Lane {
  readonly slabs: Slabs;
  #fill = 0;
  #head = 0;

  constructor(shared: SharedSlabs) {
    this.slabs = new Slabs(shared);
    this.slabs.clear(0);
  }

  get isDirect(): boolean {
    return Atomics.load(this.slabs.words, WORD.direct) === 1;
  }

  hasRoom(bytes: number): boolean {
    if (this.#fill + bytes <= SLAB_BYTES) return true;
    return this.#queued() < this.slabs.slabs - 1;
  }

  reserve(bytes: number): number {
    if (this.#fill + bytes > SLAB_BYTES) this.#handOver();
    return this.slabs.slabAt(this.#head % this.slabs.slabs) + this.#fill;
  }

  keep(bytes: number, position: number): void {
    this.#throwFailure();
    const slab = this.#head % this.slabs.slabs;
    this.slabs.add(slab, { position, at: this.slabs.slabAt(slab) + this.#fill, bytes });
    this.#fill += bytes;
  }

  settle(): void {
    if (this.#fill > 0) this.#handOver();
    this.#awaitQueue(0);
    this.#throwFailure();
  }

  close(): void {
    Atomics.store(this.slabs.words, WORD.closed, 1);
    Atomics.notify(this.slabs.words, WORD.head);
  }

  #queued(): number {
    return this.#head - Atomics.load(this.slabs.words, WORD.tail);
  }

  #handOver(): void {
    this.#head++;
    this.#fill = 0;
    Atomics.store(this.slabs.words, WORD.head, this.#head);
    Atomics.notify(this.slabs.words, WORD.head);
    this.#awaitQueue(this.slabs.slabs - 1);
    this.slabs.clear(this.#head % this.slabs.slabs);
  }

  /** Waits until at most so many slabs are left to be written. */
  #awaitQueue(most: number): void {
    const { words } = this.slabs;
    for (;;) {
      const tail = Atomics.load(words, WORD.tail);
      if (this.#head - tail <= most) return;
      Atomics.wait(words, WORD.tail, tail, 100);
    }
  }

  #throwFailure(): void {
    const { words, bytes } = this.slabs;
    if (Atomics.load(words, WORD.failed) === 0) return;
    const at = WORD.code * 4;
    const code = Buffer.from(bytes.subarray(at, at + 32))
      .toString('latin1')
      .replace(/\0+$/, '');
    throw Object.assign(new Error(code), { code });
  }
}

/** What a writer's thread gets. */
export interface LaneTask {
  readonly slabs: SharedSlabs;
  readonly path: string;
  readonly direct: boolean;
}

/**
 * Writes the slabs of a lane in this thread until the lane is closed. After an error it takes slabs without writing
 * them, so that the other thread does not wait for ever, and tells it the error. `onWritten` is called after each slab.
 */
export function runLane(
  port: FilePort,
  { slabs: shared, path, direct }: LaneTask,
  onWritten: () => void,
): void {
  const slabs = new Slabs(shared);
  const { words } = slabs;
  let file: PageFile | undefined;
  for (let tail = 0; ; tail++) {
    while (Atomics.load(words, WORD.head) === tail) {
      if (Atomics.load(words, WORD.closed) !== 0) return file?.close();
      Atomics.wait(words, WORD.head, tail, 100);
    }
    if (Atomics.load(words, WORD.failed) === 0) {
      try {
        // The file is there from the first slab on.
        file ??= new PageFile(port, path, direct);
        file.write(slabs, slabs.extents(tail % slabs.slabs));
      } catch (error) {
        tellFailure(slabs, error);
      }
    }
    Atomics.store(words, WORD.direct, file?.isDirect ? 1 : 0);
    Atomics.store(words, WORD.tail, tail + 1);
    Atomics.notify(words, WORD.tail);
    onWritten();
  }
}

function tellFailure({ bytes, words }: Slabs, error: unknown): void {
  const { code = 'EIO' } = error as NodeJS.ErrnoException;
  bytes.set(Buffer.from(code.slice(0, 31), 'latin1'), WORD.code * 4);
  Atomics.store(words, WORD.failed, 1);
}
