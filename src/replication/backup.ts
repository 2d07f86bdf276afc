import type { FrameRoom } from '../link/link.ts';
import type { Algorithm } from '../migration/ports.ts';
import { encodeControl, packControl } from '../wire/control.ts';
import type { Decoder } from '../wire/decoder.ts';
import {
  decodeEpoch,
  encodeEpoch,
  EPOCH_FRAME,
  type EpochBody,
  packEpoch,
} from '../wire/epochs.ts';
import { type Frame, FRAME, HEADER_BYTES, WireError } from '../wire/frame.ts';
import type { Integrity } from '../wire/pages.ts';
import { openFirstImage } from './first-image.ts';
import { claimLease } from './lease-keeper.ts';
import type { BackupEnd, BackupSide } from './ports.ts';

/** A backup that wants the lease asks for it again after a fourth of it, and not before this time. */
const LEAST_CLAIM_NS = 20e6;

/**
 * The backup's half of Remus. It keeps one complete image and the epoch that arrives, acknowledges each epoch when it is
 * whole, and only then applies it. When the primary is silent for too long, it throws the partial epoch away and runs the
 * guest from the last complete one.
 */
export function* backup(side: BackupSide): Algorithm<BackupEnd> {
  return yield* new Backup(side).run();
}

class Backup {
  readonly #side: BackupSide;
  #decoder: Decoder | undefined;
  #integrity: Integrity = 'full';
  #heardNs: number;
  #toldNs = -Infinity;
  /** Whether the primary listens, which it does not during its pre-copy. */
  #isHeard = false;

  constructor(side: BackupSide) {
    this.#side = side;
    this.#heardNs = side.clock.now();
  }

  *run(): Algorithm<BackupEnd> {
    const { buffer } = this.#side;
    try {
      for (let frame = yield* this.#next(); frame; frame = yield* this.#next()) {
        yield* this.#take(frame);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      // The primary lives, so the guest must not run here; it hears nothing any more and drops its protection.
      return this.#gaveUp(error.message);
    }
    buffer.discard();
    if (!buffer.complete)
      return this.#gaveUp('the primary fell silent before its first epoch was whole');
    return yield* this.#takeOver();
  }

  #gaveUp(reason: string): BackupEnd {
    return { kind: 'gaveUp', reason, atNs: this.#side.clock.now() };
  }

  *#take(frame: Frame): Algorithm<void> {
    const { buffer, replication, work, onCommit } = this.#side;
    if (frame.type === FRAME.hello) yield* this.#greet(frame);
    else if (!this.#decoder) throw new WireError('the primary has not said HELLO');
    else if (frame.type === FRAME.pages) {
      if (buffer.complete) throw new WireError('pages without an epoch came after the first one');
      this.#decoder.install(frame);
    } else if (frame.type === EPOCH_FRAME.delta) buffer.addPages(frame, this.#integrity);
    else if (frame.type === EPOCH_FRAME.blocks) buffer.addBlocks(frame, this.#integrity);
    else {
      this.#isHeard = true;
      const message = decodeEpoch(frame);
      if (message.name !== 'checkpoint') return;
      // The acknowledgement goes out when the epoch is whole in memory; to apply it takes some time more.
      const { epoch, pages, blocks } = message.body;
      buffer.commit(message.body);
      onCommit(blocks);
      yield* this.#tell('committed', { epoch });
      work(pages * replication.costs.applyNs);
    }
  }

  *#greet(frame: Frame): Algorithm<void> {
    const { guest, link } = this.#side;
    const { decoder, integrity } = openFirstImage(frame, guest);
    this.#decoder = decoder;
    this.#integrity = integrity;
    const packed = packControl({ name: 'welcome', body: {} });
    const room = yield* this.#room(packed.length + HEADER_BYTES);
    link.post(encodeControl(room.memory, room.at, 'welcome', packed, room.sequence));
  }

  *#tell(name: 'committed', body: EpochBody<'committed'>): Algorithm<void> {
    const { link, clock } = this.#side;
    const packed = packEpoch({ name, body }).slice();
    const room = yield* this.#room(packed.length + HEADER_BYTES);
    link.post(encodeEpoch(room.memory, room.at, name, packed, room.sequence));
    this.#toldNs = clock.now();
  }

  *#room(bytes: number): Algorithm<FrameRoom> {
    const { link, clock } = this.#side;
    let room = link.room(bytes, 'control');
    while (!room) {
      yield { credit: 'control', untilNs: clock.now() + 1e9 };
      room = link.room(bytes, 'control');
    }
    return room;
  }

  /** Returns the next frame, undefined when the primary has been silent for too long. */
  *#next(): Algorithm<Frame | undefined> {
    const { link, clock, replication } = this.#side;
    const { silenceNs, heartbeatNs } = replication;
    for (;;) {
      const frame = link.poll();
      if (frame) {
        this.#heardNs = clock.now();
        return frame;
      }
      if (clock.now() >= this.#heardNs + silenceNs) return undefined;
      this.#sayAlive();
      const aliveNs = Math.max(this.#toldNs + heartbeatNs, clock.now() + 1e6);
      const untilNs = Math.min(this.#heardNs + silenceNs, this.#decoder ? aliveNs : Infinity);
      yield { frame: true, untilNs };
    }
  }

  /** Says that it is alive, once the primary listens. */
  #sayAlive(): void {
    const { link, clock, replication } = this.#side;
    if (!this.#isHeard || clock.now() < this.#toldNs + replication.heartbeatNs) return;
    const packed = packEpoch({ name: 'heartbeat', body: {} });
    const room = link.room(packed.length + HEADER_BYTES, 'control');
    if (!room) return;
    link.post(encodeEpoch(room.memory, room.at, 'heartbeat', packed, room.sequence));
    this.#toldNs = clock.now();
  }

  /** Runs the guest here, from the last complete epoch on. */
  *#takeOver(): Algorithm<BackupEnd> {
    const { buffer, clock, fence, guest, replication, work, diskReadyNs, onReady } = this.#side;
    const { epoch, vcpus } = buffer.complete!;
    const heardNs = this.#heardNs;
    const detectedNs = clock.now();
    if (fence) {
      const everyNs = Math.max(LEAST_CLAIM_NS, fence.leaseNs / 4);
      const isMine = yield* claimLease(fence, clock, everyNs);
      if (!isMine) return { kind: 'refused', atNs: clock.now() };
    }
    const fencedNs = clock.now();
    while (clock.now() < diskReadyNs()) yield { untilNs: diskReadyNs() };
    const drainedNs = clock.now();
    work(replication.costs.activateNs);
    const mismatch = guest.load(vcpus);
    if (mismatch) return this.#gaveUp(`the state of epoch ${epoch} does not fit: ${mismatch}`);
    const activatedNs = clock.now();
    onReady(epoch);
    yield { untilNs: activatedNs };
    guest.run();
    while (!guest.areRunning()) yield { guest: true, untilNs: clock.now() + 1e9 };
    const runningNs = clock.now();
    const times = { heardNs, detectedNs, fencedNs, drainedNs, activatedNs, runningNs };
    return { kind: 'tookOver', epoch, times };
  }
}
