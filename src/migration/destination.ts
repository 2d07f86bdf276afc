import { ConnectionLost } from '../link/link.ts';
import {
  type ControlBody,
  type ControlMessage,
  decodeControl,
  encodeControl,
  packControl,
} from '../wire/control.ts';
import {
  carriesPages,
  type Frame,
  FRAME,
  frameName,
  HEADER_BYTES,
  isOptional,
  STATE_FRAMES,
  WireError,
} from '../wire/frame.ts';
import { type Decoder, openDecoder } from '../wire/decoder.ts';
import { decodeRanges } from '../wire/ranges.ts';
import { addTally, openTally } from '../wire/tally.ts';
import type { PeerPages } from '../wire/reference-reader.ts';
import { toldSentence } from '../wire/text.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { checkChannels, checkReceivers, takeFlush } from './channels/destination-flush.ts';
import { DestinationDevices, type DeviceWork } from './devices/destination-devices.ts';
import { ReleasedHere } from './released-here.ts';
import { guestMismatch } from './guest-mismatch.ts';
import { helloAnchor } from './handover.ts';
import { awaitNextConnection, tellReceived, untilGone } from './destination-recovery.ts';
import { type DestinationState, EXPECTED } from './destination-states.ts';
import type { DestinationReport, DestinationSide } from './destination-side.ts';
import type { Algorithm } from './ports.ts';

/** A source that sends nothing for this long counts as gone. */
const SILENCE_NS = 120e9;

export type { DestinationReport, DestinationSide };

/**
 * The destination's half of every algorithm. It installs pages as they arrive, loads the vCPUs' state,
 * runs the guest and says so; after a switch to post-copy it requests the pages that vCPUs wait for,
 * until all are present. On a damaged or unexpected stream it sends FAILED, which says whether the guest
 * has run here, and reports the outcome `failed`.
 */
export function* destination(side: DestinationSide): Algorithm<DestinationReport> {
  const session = new DestinationSession(side);
  try {
    const isRunning = yield* session.receive();
    return session.report(isRunning ? 'completed' : 'cancelled');
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    yield* session.tellFailed(error);
    return session.report('failed', error.message);
  }
}

class DestinationSession {
  readonly #side: DestinationSide;
  readonly #released: ReleasedHere;
  readonly #devices: DestinationDevices | undefined;
  /** Whether the source waits for ACK. */
  #isAckAwaited = false;
  #integrity: ControlBody<'hello'>['integrity'] = 'full';
  #state: DestinationState = 'expectHello';
  /** The decoder, which is opened when HELLO arrives; no pages are taken before. */
  #decoder: Decoder | undefined;
  #isPostcopy = false;
  #isBuffered = false;
  #hasRun = false;
  /** The body of RUNNING, once that has been sent. */
  #running: ControlBody<'running'> | undefined;
  #hasToldComplete = false;
  readonly #counts = { tally: openTally(), droppedPages: 0 };
  /** When HELLO arrived; the times that the source is told count from then. */
  #helloNs = 0;
  #pagesNs = 0;
  /** The number of flushes so far. */
  #flushes = 0;
  #stateNs = 0;
  #presentNs: number | undefined;

  constructor(side: DestinationSide) {
    this.#side = side;
    this.#released = new ReleasedHere(side.guest);
    if (side.devices) this.#devices = new DestinationDevices(side.devices);
  }

  report(outcome: DestinationReport['outcome'], error?: string): DestinationReport {
    const { receivers } = this.#side;
    receivers?.end();
    if (receivers) addTally(this.#counts.tally, receivers.tally);
    return { outcome, ...this.#counts, ...(error === undefined ? {} : { error }) };
  }

  /**
   * Tells the source that the destination has failed. If the connection is lost, a source that has sent
   * RUN connects again: it must hear that the guest has not run here, so that it runs it itself.
   */
  *tellFailed(error: WireError): Algorithm<void> {
    const mayComeBack = !this.#hasRun && this.#side.recoverWithinNs !== undefined;
    const body = { message: toldSentence(error.message), ran: this.#hasRun };
    let isLost = error instanceof ConnectionLost;
    for (;;) {
      if (isLost && !mayComeBack) return;
      try {
        if (isLost) yield* this.#awaitResume();
        yield* this.#send({ name: 'failed', body });
        if (!mayComeBack) return;
        // If FAILED is lost, the source connects again to hear it.
        yield* untilGone(this.#side);
      } catch (again) {
        if (!(again instanceof WireError)) throw again;
        isLost = again instanceof ConnectionLost;
        if (!isLost) return;
      }
    }
  }

  /** Takes frames until the whole guest is here (returns true) or the source cancels (returns false). */
  *receive(): Algorithm<boolean> {
    for (;;) {
      const frame = yield* this.#nextFrame();
      if (carriesPages(frame)) yield* this.#install(frame);
      else if (frame.type === FRAME.device) yield* this.#takeDevice(frame);
      else if (frame.type === FRAME.discard) this.#discard(frame);
      else if (STATE_FRAMES.includes(frame.type)) this.#released.take(frame);
      else {
        const message = decodeControl(frame);
        if (message.name === 'cancel') return false;
        yield* this.#take(message);
        if (message.name !== 'run') continue;
        if (this.#isPostcopy) yield* this.#serveFaults();
        return true;
      }
    }
  }

  *#install(frame: Frame): Algorithm<void> {
    const { guest, clock } = this.#side;
    const isPartly = this.#state === 'runningPartly';
    const presence = isPartly ? guest.presence : undefined;
    const gate = guest.host ? guest.host.gate(presence) : presence;
    const { tally, droppedPages, missed } = this.#decoder!.install(frame, gate);
    addTally(this.#counts.tally, tally);
    this.#counts.droppedPages += droppedPages;
    if (isPartly && guest.presence.absent === 0) this.#presentNs ??= clock.now();
    if (missed) yield* this.#send({ name: 'miss', body: { gfns: missed } });
  }

  #discard(frame: Frame): void {
    const { presence, memory } = this.#side.guest;
    decodeRanges(frame, memory.pages, (gfn, pages) => {
      if (presence.discard(gfn, pages)) return;
      throw new WireError(`frame ${frame.sequence}: ranges are not in ascending order`);
    });
  }

  /** Takes a piece of a device's state, and does the work that it was waited for with. */
  *#takeDevice(frame: Frame): Algorithm<void> {
    const devices = this.#devices;
    if (!devices) throw new WireError(`frame ${frame.sequence}: there are no devices here`);
    const isStopped = this.#state === 'expectState';
    const work = devices.take(frame, this.#integrity, isStopped);
    if (work) yield* this.#do(work);
    const isAckDue = this.#isAckAwaited && !isStopped && devices.takeAckDue();
    if (isAckDue) yield* this.#send({ name: 'ack', body: {} });
  }

  /** Spends the time of work on a device; frames wait on the link meanwhile. */
  *#do(work: DeviceWork): Algorithm<void> {
    const { clock } = this.#side;
    const fromNs = clock.now();
    const untilNs = fromNs + work.ns;
    while (clock.now() < untilNs) yield { untilNs };
    work.done(clock.now() - fromNs);
  }

  *#take(message: ControlMessage): Algorithm<void> {
    const { guest, clock, link } = this.#side;
    if (message.name === 'hello') {
      this.#checkHello(message.body);
      this.#helloNs = helloAnchor(link.polledArrivalNs);
      this.#integrity = message.body.integrity;
      this.#isAckAwaited = message.body.switchoverAck === true;
      this.#decoder = openDecoder(guest.memory, this.#integrity, {
        peers: this.#peersOf(message.body),
        takesBlocks: message.body.xbzrle === true,
        compression: message.body.compression,
      });
      this.#side.receivers?.begin(this.#integrity);
      guest.states?.reset();
      this.#state = 'receiving';
      yield* this.#send({ name: 'welcome', body: {} });
    } else if (message.name === 'flush') {
      yield* takeFlush(this.#side, SILENCE_NS, ++this.#flushes, message.body.number);
    } else if (message.name === 'switchover') {
      this.#side.receivers?.end();
      this.#checkAbsent(message.body.postcopy, message.body.absentPages);
      this.#isPostcopy = message.body.postcopy;
      this.#isBuffered = message.body.buffered;
      this.#pagesNs = clock.now();
      this.#state = 'expectState';
    } else if (message.name === 'state') {
      for (const work of this.#devices?.rest() ?? []) yield* this.#do(work);
      const mismatch = guest.load(message.body.vcpus);
      if (mismatch) throw new WireError(`the vCPUs' state does not fit: ${mismatch}`);
      this.#stateNs = clock.now();
      this.#state = 'expectRun';
    } else if (message.name === 'run') {
      yield* this.#run();
    }
  }

  /** Returns the guests of which references may be taken, once this one is among them; undefined if there are none. */
  #peersOf({ guest: number }: ControlBody<'hello'>): PeerPages | undefined {
    if (number === undefined) return undefined;
    const { guest, peers = new Map<number, GuestMemory>() } = this.#side;
    if (peers.has(number)) throw new WireError(`a guest with number ${number} is here already`);
    peers.set(number, guest.memory);
    return peers;
  }

  #checkHello(hello: ControlBody<'hello'>): void {
    const devices = this.#devices ?? new DestinationDevices([]);
    devices.check(hello.devices ?? []);
    checkChannels(hello.channels, this.#side.receivers);
    const mismatch = guestMismatch(hello, this.#side.guest);
    if (mismatch !== undefined) throw new WireError(mismatch);
  }

  /** Checks that as many pages are absent here as the source says. */
  #checkAbsent(postcopy: boolean, absentPages: number): void {
    const { absent } = this.#side.guest.presence;
    if (this.#decoder!.openPages > 0) throw new WireError('a part of a page is missing');
    if (absent === absentPages && (postcopy || absent === 0)) return;
    throw new WireError(
      `the source says that ${absentPages} pages are missing, here ${absent} are`,
    );
  }

  *#run(): Algorithm<void> {
    const { guest, clock } = this.#side;
    if (this.#devices) yield* this.#do(this.#devices.reconnect());
    if (this.#isPostcopy) guest.presence.begin(this.#isBuffered);
    this.#hasRun = true;
    guest.run();
    if (this.#isPostcopy) {
      this.#state = 'runningPartly';
      if (guest.presence.absent === 0) this.#presentNs = clock.now();
      return;
    }
    yield* this.#awaitRunning();
    yield* this.#tellRunning();
  }

  *#awaitRunning(): Algorithm<void> {
    const { guest, clock } = this.#side;
    const untilNs = clock.now() + SILENCE_NS;
    while (!guest.areRunning()) {
      if ((yield { guest: true, untilNs }) === 'time') throw new Error('a vCPU does not start');
    }
  }

  *#tellRunning(): Algorithm<void> {
    const runningNs = this.#sinceHello(this.#side.guest.runningSinceNs());
    const pagesNs = this.#sinceHello(this.#pagesNs);
    const stateNs = this.#sinceHello(this.#stateNs);
    const devices = this.#devices?.times;
    this.#running = { pagesNs, stateNs, runningNs, ...(devices ? { devices } : {}) };
    yield* this.#send({ name: 'running', body: this.#running });
  }

  #sinceHello(ns: number): number {
    return ns - this.#helloNs;
  }

  /** Receives the missing pages of the running guest, over as many connections as that takes. */
  *#serveFaults(): Algorithm<void> {
    let isLost = false;
    for (;;) {
      try {
        if (isLost) yield* this.#resume();
        isLost = false;
        yield* this.#installRest();
        return;
      } catch (error) {
        const { recoverWithinNs } = this.#side;
        isLost = error instanceof ConnectionLost && recoverWithinNs !== undefined;
        if (isLost) continue;
        // The guest has all its pages, so that it no longer matters whether the source hears of it.
        if (error instanceof WireError && this.#hasToldComplete) return;
        throw error;
      }
    }
  }

  /** Installs and requests pages until all are present and the source has been told. */
  *#installRest(): Algorithm<void> {
    const { guest } = this.#side;
    for (;;) {
      const frame = yield* this.#nextFrame();
      if (carriesPages(frame)) {
        yield* this.#install(frame);
        continue;
      }
      const { absent: left } = guest.presence;
      if (left > 0) throw new WireError(`the source has sent all pages, but ${left} are missing`);
      guest.presence.end();
      if (!this.#running) {
        yield* this.#awaitRunning();
        yield* this.#tellRunning();
      }
      const presentNs = this.#sinceHello(this.#presentNs!);
      yield* this.#send({ name: 'complete', body: { presentNs } });
      this.#hasToldComplete = true;
      // If COMPLETE is lost, the source connects again to hear it.
      if (this.#side.recoverWithinNs === undefined) return;
    }
  }

  /** Tells the source over a new connection which pages are present, and requests others again. */
  *#resume(): Algorithm<void> {
    const { guest } = this.#side;
    yield* this.#awaitResume();
    this.#decoder!.restart(guest.presence);
    const presentPages = yield* tellReceived(this.#side, guest);
    yield* this.#send({ name: 'resumed', body: { presentPages } });
    this.#state = 'runningPartly';
    guest.forgetFaults();
    if (this.#running) yield* this.#send({ name: 'running', body: this.#running });
  }

  *#awaitResume(): Algorithm<void> {
    yield* awaitNextConnection(this.#side, this.#side.recoverWithinNs ?? 0);
    this.#state = 'expectResume';
    decodeControl(yield* this.#nextFrame());
  }

  /** Once the guest runs, tells of its start and requests the pages that vCPUs wait for. */
  *#tendGuest(): Algorithm<void> {
    const { guest } = this.#side;
    if (this.#state !== 'runningPartly') return;
    if (!this.#running && guest.areRunning()) yield* this.#tellRunning();
    for (const gfn of guest.faults()) yield* this.#send({ name: 'request', body: { gfn } });
  }

  *#nextFrame(): Algorithm<Frame> {
    const { link, clock } = this.#side;
    const silenceNs = SILENCE_NS + (this.#devices?.patienceNs ?? 0);
    const { receivers } = this.#side;
    const ready = receivers && ((): number => receivers.problemAtNs);
    for (;;) {
      yield* this.#tendGuest();
      checkReceivers(receivers);
      const frame = link.poll();
      if (!frame) {
        const guest = this.#state === 'runningPartly';
        const wake = yield { frame: true, guest, ready, untilNs: clock.now() + silenceNs };
        // Once the guest runs here, a slow source is waited for; a dead link throws.
        if (wake === 'time' && !guest) {
          throw new WireError(`the source has been silent for ${silenceNs / 1e9} s`);
        }
        continue;
      }
      if (EXPECTED[this.#state].includes(frame.type)) return frame;
      if (isOptional(frame)) continue;
      throw new WireError(`frame ${frame.sequence}: ${frameName(frame.type)} came out of turn`);
    }
  }

  *#send(message: ControlMessage): Algorithm<void> {
    const { link, clock } = this.#side;
    const packed = packControl(message);
    const untilNs = clock.now() + SILENCE_NS;
    let room = link.room(packed.length + HEADER_BYTES, 'control');
    while (!room) {
      if ((yield { credit: 'control', untilNs }) === 'time') return;
      room = link.room(packed.length + HEADER_BYTES, 'control');
    }
    link.post(encodeControl(room.memory, room.at, message.name, packed, room.sequence));
  }
}
