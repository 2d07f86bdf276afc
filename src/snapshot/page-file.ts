import { constants } from 'node:fs';
import { type FilePort, writeAll } from './file-port.ts';
import type { Extent, Slabs } from './slabs.ts';

/**
 * The file as writers of pages open it: for direct I/O, which leaves the page cache alone, where the file system takes
 * that, and through the page cache elsewhere.
 */
export class PageFile {
  readonly #port: FilePort;
  readonly #path: string;
  #fd: number;
  #isDirect: boolean;

  /** Opens a file that is there. Throws the system's error. */
  constructor(port: FilePort, path: string, direct: boolean) {
    this.#port = port;
    this.#path = path;
    this.#isDirect = direct;
    this.#fd = direct ? this.#openDirect() : port.open(path, constants.O_RDWR);
  }

  /** Whether pages go to the disk past the page cache. */
  get isDirect(): boolean {
    return this.#isDirect;
  }

  /** Writes extents of slabs. Throws the system's error. */
  write({ bytes }: Slabs, extents: readonly Extent[]): void {
    for (const { position, at, bytes: length } of extents) {
      try {
        writeAll(this.#port, this.#fd, bytes, position, at, length);
      } catch (error) {
        if (!this.#isDirect || (error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
        this.#fallBack();
        writeAll(this.#port, this.#fd, bytes, position, at, length);
      }
    }
  }

  close(): void {
    this.#port.close(this.#fd);
  }

  #openDirect(): number {
    try {
      // It is undefined where the system has no direct I/O.
      return this.#port.open(this.#path, constants.O_RDWR | (constants.O_DIRECT ?? 0));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      this.#isDirect = false;
      return this.#port.open(this.#path, constants.O_RDWR);
    }
  }

  /** Some file systems open a file for direct I/O and refuse the first write. */
  #fallBack(): void {
    this.#port.close(this.#fd);
    this.#isDirect = false;
    this.#fd = this.#port.open(this.#path, constants.O_RDWR);
  }
}
