import { type Capture, InPlace, StagingBuffer } from '../../../replication/capture.ts';
import { CopyOnWrite } from '../../../replication/copy-on-write.ts';
import type { EpochRecord, PrimarySide } from '../../../replication/ports.ts';
import { primary } from '../../../replication/primary.ts';
import type { Link } from '../../../link/link.ts';
import { firstEpoch } from '../../common/first-epoch.ts';
import { openHostLink } from './host-link.ts';
import type { HostSite } from './host-site.ts';
import type { SenderTotals } from './journal.ts';
import { TappedSourceGuest } from './tapped-guest.ts';
import { TimedCompressor } from './timed-compressor.ts';

/** The primary's half of the protection by one backup, in the thread of the primary's host. */
export class PrimaryHalf {
  readonly #host: HostSite;
  readonly #pair: number;
  readonly #link: Link;
  readonly #compressor: TimedCompressor;

  constructor(host: HostSite, pair: number) {
    const { task, clock } = host;
    this.#host = host;
    this.#pair = pair;
    this.#link = openHostLink(task, pair, 'near', pair + 1, clock);
    this.#compressor = new TimedCompressor(task.replication, clock, host.zlib, () => host.attend());
  }

  /** Protects the guest until that ends, and tells the world how. Throws RunAborted when all is over. */
  run(): void {
    const host = this.#host;
    const { task, side, clock, journal } = host;
    const guest = new TappedSourceGuest(side, task.plan, clock, () => host.emit());
    const { options, policy } = firstEpoch(task.run, side.memory, task.replication.silenceNs);
    const half = primary(this.#side(guest, options), policy);
    const end = host.drive(half, this.#link, () => guest.isSettled());
    journal.write({ kind: 'primaryEnd', pair: this.#pair, end, totals: this.#totals() });
  }

  #side(guest: TappedSourceGuest, options: PrimarySide['options']): PrimarySide {
    const host = this.#host;
    const { task, clock, net, image, mirror } = host;
    const { replication } = task;
    const disk = image && mirror && replication.diskBuffer ? { mirror, image } : undefined;
    return {
      clock,
      link: this.#link,
      guest,
      options,
      replication,
      capture: this.#capture(),
      compressor: this.#compressor,
      net,
      ...(disk ? { disk } : {}),
      // What it does takes real time by itself.
      work: () => host.attend(),
      runUntil: () => undefined,
      onEpoch: (record) => this.#tell(record),
    };
  }

  #capture(): Capture {
    const { task, side, clock } = this.#host;
    const { memory, words } = side;
    const { capture, capturePages: mostPages } = task.replication;
    if (capture === 'staging') return new StagingBuffer(memory);
    if (capture === 'none') return new InPlace(memory);
    return (this.#host.copyOnWrite = new CopyOnWrite({
      memory,
      words,
      clock,
      mostPages,
      copyNs: 0,
    }));
  }

  #tell(record: EpochRecord): void {
    const { journal, writtenBlocks, net } = this.#host;
    const { mostHeldBytes } = net;
    const totals = this.#totals();
    journal.write({
      kind: 'epoch',
      pair: this.#pair,
      record,
      totals,
      writtenBlocks,
      mostHeldBytes,
    });
  }

  #totals(): SenderTotals {
    const { counts: codes, cache, busyNs: senderNs } = this.#compressor;
    return { bytes: this.#link.postedBytes, codes, cache, senderNs };
  }
}
