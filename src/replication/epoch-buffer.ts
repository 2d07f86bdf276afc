import type { VcpuState } from '../guest/vcpu-state.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { type BlockWrite, decodeEpochBlocks } from '../wire/epoch-blocks.ts';
import { decodeEpochPages } from '../wire/epoch-pages.ts';
import type { EpochBody } from '../wire/epochs.ts';
import { type Frame, WireError } from '../wire/frame.ts';
import type { Integrity } from '../wire/pages.ts';
import { pageBytes } from './capture.ts';
import type { DiskImage } from './disk.ts';

/**
 * What the backup has of a guest: the complete image of one epoch, and what has arrived of the next. Nothing of the
 * latter touches the image before all of it is here; if the primary dies, it is thrown away.
 */
export class EpochBuffer {
  readonly #memory: GuestMemory;
  readonly #disk: DiskImage | undefined;
  /** Pages of the epoch that arrives, by slot and page number. */
  readonly #pages = new Map<string, { slot: number; page: number; content: Uint8Array }>();
  #arrivedPages = 0;
  /** Writes of the epoch that arrives, in their order. */
  #writes: BlockWrite[] = [];
  #complete: { readonly epoch: number; readonly vcpus: readonly VcpuState[] } | undefined;

  constructor(memory: GuestMemory, disk?: DiskImage) {
    this.#memory = memory;
    this.#disk = disk;
  }

  /** The last epoch that is whole, with the state of its vCPUs; undefined before the first one is. */
  get complete(): { readonly epoch: number; readonly vcpus: readonly VcpuState[] } | undefined {
    return this.#complete;
  }

  get #next(): number {
    return (this.#complete?.epoch ?? -1) + 1;
  }

  /** Takes a frame with pages of the epoch that arrives. Throws WireError. */
  addPages(frame: Frame, integrity: Integrity): void {
    const target = {
      pageSize: this.#memory.pageSize,
      slotPages: this.#memory.slots.map(({ layout }) => layout.pages),
      page: (slot: number, page: number) => pageBytes(this.#memory.slots[slot]!, page),
    };
    const epoch = decodeEpochPages(frame, target, integrity, (slot, page, content) => {
      this.#pages.set(`${slot}:${page}`, { slot, page, content });
      this.#arrivedPages++;
    });
    if (epoch !== this.#next)
      throw new WireError(`frame ${frame.sequence}: epoch ${epoch} is not due`);
  }

  /** Takes a frame with writes to the disk, which stay in memory. Throws WireError. */
  addBlocks(frame: Frame, integrity: Integrity): void {
    const disk = this.#disk;
    if (!disk) throw new WireError(`frame ${frame.sequence}: the guest has no disk here`);
    const { epoch, writes } = decodeEpochBlocks(frame, disk.shape, integrity);
    if (epoch !== this.#next)
      throw new WireError(`frame ${frame.sequence}: epoch ${epoch} is not due`);
    this.#writes.push(...writes);
  }

  /** Ends the epoch that arrives and applies it. Throws WireError if not all of it is here. */
  commit({ epoch, pages, blocks, vcpus }: EpochBody<'checkpoint'>): void {
    const isWhole =
      epoch === this.#next &&
      pages === this.#arrivedPages &&
      pages === this.#pages.size &&
      blocks === this.#writes.length;
    if (!isWhole) {
      throw new WireError(
        `epoch ${epoch} of ${pages} pages and ${blocks} blocks is not whole: ` +
          `epoch ${this.#next} has ${this.#arrivedPages} pages and ${this.#writes.length} blocks here`,
      );
    }
    for (const { slot, page, content } of this.#pages.values()) {
      pageBytes(this.#memory.slots[slot]!, page).set(content);
    }
    for (const write of this.#writes) this.#disk!.apply(write);
    this.discard();
    this.#complete = { epoch, vcpus };
  }

  /** Throws away what has arrived of an epoch. */
  discard(): void {
    this.#pages.clear();
    this.#arrivedPages = 0;
    this.#writes = [];
  }
}
