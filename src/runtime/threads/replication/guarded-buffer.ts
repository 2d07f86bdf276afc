import { EpochBuffer } from '../../../replication/epoch-buffer.ts';
import type { DiskImage } from '../../../replication/disk.ts';
import type { GuestMemory } from '../../../memory/guest-memory.ts';
import type { Frame } from '../../../wire/frame.ts';
import type { Integrity } from '../../../wire/pages.ts';
import type { ZlibGuard } from './zlib-guard.ts';

/** The buffer of a backup whose thread may be terminated, but not while it inflates the pages of a frame. */
export class GuardedEpochBuffer extends EpochBuffer {
  readonly #zlib: ZlibGuard;

  constructor(memory: GuestMemory, disk: DiskImage | undefined, zlib: ZlibGuard) {
    super(memory, disk);
    this.#zlib = zlib;
  }

  override addPages(frame: Frame, integrity: Integrity): void {
    this.#zlib.enter();
    try {
      super.addPages(frame, integrity);
    } finally {
      this.#zlib.leave();
    }
  }
}
