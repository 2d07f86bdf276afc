import { loadVcpus, type VcpuState } from '../../../guest/vcpu-state.ts';
import { copyBytes } from '../../../memory/copy.ts';
import { backup } from '../../../replication/backup.ts';
import { SharedDestinationGuest } from '../../common/guests.ts';
import { openGuestSide } from '../../common/guest-side.ts';
import { GuardedEpochBuffer } from './guarded-buffer.ts';
import { openHostLink } from './host-link.ts';
import type { HostSite } from './host-site.ts';

/** The backup's half of the protection of a guest, in the thread of the backup's host. */
export class BackupHalf {
  readonly #host: HostSite;
  readonly #pair: number;
  readonly #primary: number;
  readonly #buffer: GuardedEpochBuffer;
  /** When the disk has all writes of complete epochs. */
  #diskReadyNs = 0;

  constructor(host: HostSite, pair: number, primary: number) {
    this.#host = host;
    this.#pair = pair;
    this.#primary = primary;
    this.#buffer = new GuardedEpochBuffer(host.side.memory, host.image, host.zlib);
  }

  /** The last epoch that is whole, with the state of its vCPUs; undefined before the first one is. */
  get complete(): { readonly epoch: number; readonly vcpus: readonly VcpuState[] } | undefined {
    return this.#buffer.complete;
  }

  /** Backs the primary up until that ends, and tells the world how. Throws RunAborted when all is over. */
  run(): void {
    const host = this.#host;
    const { task, side, clock, journal } = host;
    const guest = new SharedDestinationGuest(side, task.plan, clock);
    const link = openHostLink(task, this.#pair, 'far', this.#primary, clock);
    const half = backup({
      clock,
      link,
      guest,
      buffer: this.#buffer,
      replication: task.replication,
      // What it does takes real time by itself.
      work: () => undefined,
      onCommit: (blocks) => this.#drain(blocks),
      diskReadyNs: () => this.#diskReadyNs,
      onReady: () => this.#takeOver(),
    });
    const end = host.drive(half, link, () => guest.isSettled());
    journal.write({ kind: 'backupEnd', pair: this.#pair, end });
  }

  /** Has the disk write the blocks of an epoch that is whole; they are in its memory, so that only the time is played. */
  #drain(blocks: number): void {
    const { task, clock } = this.#host;
    const bytes = blocks * (task.emissions.disk?.shape.blockBytes ?? 0);
    const fromNs = Math.max(this.#diskReadyNs, clock.now());
    this.#diskReadyNs = fromNs + (bytes / task.diskBytesPerSecond) * 1e9;
  }

  /** Copies the image for the proof, says so, and lets the guest's output leave from here. */
  #takeOver(): void {
    const host = this.#host;
    const { epoch, vcpus } = this.complete!;
    this.#copyImage(vcpus);
    const atNs = host.clock.now();
    host.journal.write({ kind: 'ready', pair: this.#pair, epoch, vcpus, atNs });
    host.runFromHere();
  }

  #copyImage(vcpus: readonly VcpuState[]): void {
    const { task, side, image } = this.#host;
    const { snapshot, plan } = task;
    if (!snapshot) return;
    const { memory, area } = openGuestSide(snapshot.guestSide);
    for (const [i, { ram }] of memory.slots.entries()) {
      copyBytes(ram, 0, side.memory.slots[i]!.ram);
    }
    loadVcpus(memory, area, plan, vcpus);
    if (snapshot.disk && image) copyBytes(new Uint8Array(snapshot.disk), 0, image.bytes);
  }
}
