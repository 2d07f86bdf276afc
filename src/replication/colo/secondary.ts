import type { Algorithm } from '../../migration/ports.ts';
import type { LogReader } from '../../memory/dirty-logs/log-reader.ts';
import { encodeControl, packControl } from '../../wire/control.ts';
import type { Decoder } from '../../wire/decoder.ts';
import { encodeEpochOutputs, epochOutputsBytes, MAX_OUTPUTS } from '../../wire/epoch-outputs.ts';
import { decodeEpoch, EPOCH_FRAME, type EpochBody } from '../../wire/epochs.ts';
import { type Frame, FRAME, HEADER_BYTES, WireError } from '../../wire/frame.ts';
import type { Integrity } from '../../wire/pages.ts';
import { encodeRanges, MAX_RANGES, rangesFrameBytes } from '../../wire/ranges.ts';
import { openFirstImage } from '../first-image.ts';
import { claimLease } from '../lease-keeper.ts';
import type { BackupEnd } from '../ports.ts';
import type { PacketSums } from './packets.ts';
import type { ColoSecondarySide } from './ports.ts';
import { PeerSilent, Talk } from './talk.ts';

/** What the guest has sent goes to the primary this often; no packet waits longer. */
const OUTPUT_NS = 200_000;
/** A secondary that wants the lease asks for it again after this share of it. */
const CLAIM_SHARE = 1 / 4;

/**
 * The secondary's half of COLO. Its guest runs from each checkpoint on, and the primary is told what it sends. When the
 * primary is silent for too long, the guest just runs on, and its packets leave from here. Nothing is undone: the
 * packets that have left are those that this guest has sent as well.
 */
export function* coloSecondary(side: ColoSecondarySide): Algorithm<BackupEnd> {
  return yield* new ColoSecondary(side).run();
}

class ColoSecondary {
  readonly #side: ColoSecondarySide;
  readonly #talk: Talk;
  #decoder: Decoder | undefined;
  #integrity: Integrity = 'full';
  #log: LogReader | undefined;
  #isRunning = false;
  #sentNs = -Infinity;
  /** Sums of packets that the primary has yet to be told. */
  #outputs: PacketSums[] = [];

  constructor(side: ColoSecondarySide) {
    this.#side = side;
    const { clock, link, replication } = side;
    const { heartbeatNs, silenceNs } = replication;
    this.#talk = new Talk({ peer: 'primary', clock, link, heartbeatNs, silenceNs }, ({ credit }) =>
      this.#waitForRoom(credit),
    );
    this.#talk.heardNs = clock.now();
  }

  *run(): Algorithm<BackupEnd> {
    const { buffer, clock } = this.#side;
    try {
      for (;;) yield* this.#take(yield* this.#next());
    } catch (error) {
      // After a damaged frame the primary, which lives, hears nothing any more and goes on alone.
      if (error instanceof WireError) return yield* this.#giveUp(error.message);
      if (!(error instanceof PeerSilent)) throw error;
    }
    buffer.discard();
    const atNs = clock.now();
    if (buffer.complete) return yield* this.#takeOver();
    const reason = 'the primary fell silent before its first checkpoint was whole';
    return { kind: 'gaveUp', reason, atNs };
  }

  *#take(frame: Frame): Algorithm<void> {
    const { buffer } = this.#side;
    if (frame.type === FRAME.hello) yield* this.#greet(frame);
    else if (!this.#decoder) throw new WireError('the primary has not said HELLO');
    else if (frame.type === FRAME.pages) {
      if (buffer.complete) throw new WireError('pages without a checkpoint came after the first');
      this.#decoder.install(frame);
    } else if (frame.type === EPOCH_FRAME.delta) {
      if (this.#isRunning) throw new WireError('pages of a checkpoint came while the guest runs');
      buffer.addPages(frame, this.#integrity);
    } else if (frame.type === EPOCH_FRAME.blocks) buffer.addBlocks(frame, this.#integrity);
    else {
      this.#talk.isHeard = true;
      const { name, body } = decodeEpoch(frame);
      if (name === 'checkpoint') yield* this.#load(body);
      else if (name === 'pause') yield* this.#pause(body.epoch);
      else if (name !== 'heartbeat') throw new WireError(`the primary sent ${name} out of turn`);
    }
  }

  *#greet(frame: Frame): Algorithm<void> {
    const { guest } = this.#side;
    const { decoder, integrity } = openFirstImage(frame, guest);
    this.#decoder = decoder;
    this.#integrity = integrity;
    const packed = packControl({ name: 'welcome', body: {} });
    yield* this.#talk.post(packed.length + HEADER_BYTES, 'control', ({ memory, at, sequence }) =>
      encodeControl(memory, at, 'welcome', packed, sequence),
    );
  }

  /** Stops the guest, and tells the primary all that it has sent and which pages it has dirtied. */
  *#pause(epoch: number): Algorithm<void> {
    const { guest, advance } = this.#side;
    const isDue = this.#isRunning && epoch === this.#side.buffer.complete!.epoch + 1;
    if (!isDue) throw new WireError(`checkpoint ${epoch} is not due`);
    guest.pause();
    yield* this.#settle();
    this.#isRunning = false;
    advance();
    this.#collectOutputs();
    while (this.#outputs.length > 0) {
      if (!this.#postOutputs()) yield* this.#waitForRoom('control');
    }
    const log = this.#log!;
    log.collectLast();
    const ranges: number[] = [];
    const pages = log.pages.count;
    log.pages.eachRun((gfn, count) => ranges.push(gfn, count));
    log.pages.clear();
    for (let from = 0; from < ranges.length / 2; from += MAX_RANGES) {
      const count = Math.min(MAX_RANGES, ranges.length / 2 - from);
      yield* this.#talk.post(rangesFrameBytes(count), 'control', ({ memory, at, sequence }) =>
        encodeRanges(memory, at, 'dirty', ranges, from, count, sequence),
      );
    }
    yield* this.#talk.tell({ name: 'paused', body: { epoch, pages } });
  }

  /** Takes the state of a checkpoint over, all of which is here, and lets the guest run on from it. */
  *#load(body: EpochBody<'checkpoint'>): Algorithm<void> {
    const { buffer, guest, replication, streams, work, onCommit, onLoad } = this.#side;
    const { epoch, pages, blocks, vcpus, variants = [] } = body;
    if (this.#isRunning) throw new WireError(`checkpoint ${epoch} came while the guest runs`);
    if (variants.length !== streams) throw new WireError(`checkpoint ${epoch} has other streams`);
    buffer.commit(body);
    const mismatch = guest.load(vcpus);
    if (mismatch) throw new WireError(`the state of checkpoint ${epoch} does not fit: ${mismatch}`);
    onLoad(variants);
    onCommit(blocks);
    yield* this.#talk.tell({ name: 'committed', body: { epoch } });
    work(pages * replication.costs.applyNs);
    if (!this.#log) {
      this.#log = guest.openLog();
      this.#log.start();
      yield* this.#settle();
    }
    yield* this.#run();
    yield* this.#talk.tell({ name: 'loaded', body: { epoch } });
  }

  *#run(): Algorithm<void> {
    this.#side.guest.run();
    yield* this.#settle();
    this.#isRunning = true;
  }

  *#settle(): Algorithm<void> {
    const { clock, guest } = this.#side;
    while (!guest.isSettled()) yield { guest: true, untilNs: clock.now() + 1e9 };
  }

  /** Returns the next frame; throws PeerSilent when the primary has been silent for too long. */
  *#next(): Algorithm<Frame> {
    const { link, clock } = this.#side;
    for (;;) {
      if (this.#isRunning && clock.now() >= this.#sentNs + OUTPUT_NS) this.#live();
      const frame = link.poll();
      if (frame) {
        this.#talk.heardNs = clock.now();
        return frame;
      }
      this.#talk.tend();
      const outputNs = this.#isRunning ? this.#sentNs + OUTPUT_NS : Infinity;
      yield { frame: true, untilNs: Math.min(this.#talk.dueNs(), outputNs) };
    }
  }

  /** Lets the guest live up to now, and tells the primary what it has sent, as far as the link has room. */
  #live(): void {
    const { clock, advance } = this.#side;
    advance();
    this.#sentNs = clock.now();
    this.#collectOutputs();
    while (this.#outputs.length > 0) if (!this.#postOutputs()) return;
  }

  #collectOutputs(): void {
    const { takeOutputs, sumOf } = this.#side;
    for (const { stream, from, to } of takeOutputs()) {
      for (let first = from; first <= to; first += MAX_OUTPUTS) {
        const sums: number[] = [];
        const last = Math.min(to, first + MAX_OUTPUTS - 1);
        for (let number = first; number <= last; number++) sums.push(...sumOf(stream, number));
        this.#outputs.push({ stream, from: first, sums });
      }
    }
  }

  /** Tells the primary some packets; returns false if the link has no room. */
  #postOutputs(): boolean {
    const next = this.#outputs[0]!;
    const { epoch } = this.#side.buffer.complete!;
    const bytes = epochOutputsBytes(next.sums.length / 2);
    const isPosted = this.#talk.tryPost(bytes, 'control', ({ memory, at, sequence }) =>
      encodeEpochOutputs(memory, at, { epoch, ...next }, sequence),
    );
    if (isPosted) this.#outputs.shift();
    return isPosted;
  }

  /** Waits for room; a primary that lives makes some. Throws PeerSilent when it makes none. */
  *#waitForRoom(credit: 'pages' | 'urgent' | 'control' | undefined): Algorithm<void> {
    const { clock, link, replication } = this.#side;
    const untilNs = clock.now() + replication.silenceNs;
    yield { credit, untilNs };
    const hasRoom = link.creditAtNs(credit ?? 'control') <= clock.now();
    if (!hasRoom && clock.now() >= untilNs) throw new PeerSilent('the primary takes no frames');
  }

  /** Stops the guest for good: its packets must never leave. */
  *#giveUp(reason: string): Algorithm<BackupEnd> {
    const { clock } = this.#side;
    yield* this.#halt();
    return { kind: 'gaveUp', reason, atNs: clock.now() };
  }

  *#halt(): Algorithm<void> {
    if (this.#isRunning) this.#side.guest.pause();
    yield* this.#settle();
    this.#isRunning = false;
  }

  /** Lets the packets of the guest leave from here; it runs on from where it is. */
  *#takeOver(): Algorithm<BackupEnd> {
    const { buffer, clock, fence, replication, work, diskReadyNs } = this.#side;
    const { heardNs } = this.#talk;
    const detectedNs = clock.now();
    if (fence && !(yield* claimLease(fence, clock, fence.leaseNs * CLAIM_SHARE))) {
      yield* this.#halt();
      return { kind: 'refused', atNs: clock.now() };
    }
    const fencedNs = clock.now();
    this.#side.advance();
    this.#side.onCommit(this.#side.keepWrites());
    while (clock.now() < diskReadyNs()) yield { untilNs: diskReadyNs() };
    const drainedNs = clock.now();
    work(replication.costs.activateNs);
    const activatedNs = clock.now();
    if (!this.#isRunning) yield* this.#run();
    // The log is not open yet if the primary died right after the first checkpoint.
    this.#log?.stop();
    yield* this.#settle();
    this.#log?.close();
    this.#side.advance();
    const { epoch } = buffer.complete!;
    this.#side.onTakeOver();
    this.#side.onReady(epoch);
    yield { untilNs: clock.now() };
    const runningNs = clock.now();
    const times = { heardNs, detectedNs, fencedNs, drainedNs, activatedNs, runningNs };
    return { kind: 'tookOver', epoch, times };
  }
}
