import type { Clock } from '../clock/clock.ts';
import type { Doorbell } from '../memory/doorbell.ts';
import { type Frame, openFrame } from '../wire/frame.ts';
import { LineEnd, type LineSide, type SharedLine } from './line.ts';
import {
  ConnectionLost,
  type FrameKind,
  type FrameRoom,
  type Link,
  type Lookahead,
  PeerGone,
} from './link.ts';
import type { Flow } from './network.ts';
import { openPacing, type Pacing } from './pacing.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { type ReceivedRecord, RingConsumer, RingProducer, type SharedRing } from './ring.ts';

/** What one end of a ring link consists of. */
export interface RingLinkParts {
  readonly clock: Clock;
  readonly outgoing: SharedRing;
  readonly incoming: SharedRing;
  /** The doorbell of the other end, rung when a frame has been posted for it or room has been made. */
  readonly peerDoorbell: Doorbell;
  /** The capacity of a link that no one else uses; with a `flow` it has no effect. */
  readonly bytesPerSecond: number;
  readonly latencyNs: number;
  /** The link's share of links that others use too; its opener closes it. */
  readonly flow?: Flow;
  /** How much delay a sender makes up for: 10 ms by default, 0 on a virtual clock. */
  readonly madeUpLagNs?: number;
  /** The pacing that it shares with other channels; without it, the link has its own. */
  readonly pacing?: Pacing;
  /** The connection over the rings; without it the connection is never lost. */
  readonly line?: { readonly shared: SharedLine; readonly side: LineSide };
}

/**
 * Returns one end of a link over two rings in shared memory. The sender computes from bandwidth and
 * latency when the last byte of a frame arrives, and writes that time beside the frame; the receiver
 * doesn't see the frame earlier.
 */
export function ringLink(parts: RingLinkParts): Link {
  return new RingLink(parts);
}

class RingLink implements Link {
  readonly #clock: Clock;
  readonly #producer: RingProducer;
  readonly #consumer: RingConsumer;
  readonly #peer: Doorbell;
  readonly #latencyNs: number;
  readonly #link: RateLimiter;
  readonly #migration: RateLimiter;
  readonly #flow: Flow | undefined;
  readonly #line: LineEnd | undefined;
  #kind: FrameKind = 'control';
  /** How many bytes of the ring may be in use when a frame of pages is added. */
  #mostQueued = Infinity;
  /** The bytes for which the ring had no room; 0 if it had room for the last frame. */
  #awaitedBytes = 0;
  #sequenceOut = 0;
  #sequenceIn = 0;
  #held: ReceivedRecord | undefined;
  postedBytes = 0;
  drainedAtNs = 0;
  postedArrivalNs = 0;
  polledArrivalNs = 0;

  constructor(parts: RingLinkParts) {
    this.#clock = parts.clock;
    this.#producer = new RingProducer(parts.outgoing);
    this.#consumer = new RingConsumer(parts.incoming);
    this.#peer = parts.peerDoorbell;
    this.#latencyNs = parts.latencyNs;
    const { line, pacing = openPacing(parts) } = parts;
    this.#flow = pacing.flow;
    this.#link = pacing.link;
    this.#migration = pacing.migration;
    if (line) this.#line = new LineEnd(line.shared, line.side);
  }

  room(maxBytes: number, kind: FrameKind): FrameRoom | undefined {
    if (this.#isLost()) throw new ConnectionLost();
    if (this.#readyAtNs(kind) > this.#clock.now()) return undefined;
    const at = this.#producer.reserve(maxBytes, this.#mostOf(kind));
    this.#awaitedBytes = at < 0 ? maxBytes : 0;
    if (at < 0) return undefined;
    this.#kind = kind;
    return { memory: this.#producer.memory, at, sequence: this.#sequenceOut };
  }

  charge(bytes: number): void {
    this.drainedAtNs = this.#link.take(bytes, this.#clock.now());
    this.postedBytes += bytes;
  }

  post(bytes: number, storedBytes: number = bytes, chargedBytes = 0): void {
    const nowNs = this.#clock.now();
    if (this.#kind === 'pages') this.#migration.take(bytes, nowNs);
    this.charge(bytes - chargedBytes);
    this.postedArrivalNs = this.drainedAtNs + this.#latencyNs;
    // The connection was lost after the frame got its room, so the frame is lost too.
    if (this.#isLost()) return;
    this.#producer.commit(storedBytes, this.postedArrivalNs, bytes);
    this.#sequenceOut++;
    this.#peer.ring();
  }

  /** Returns 0 for a lost connection, so that the caller asks for room and learns of the loss. */
  creditAtNs(kind: FrameKind): number {
    if (this.#isLost()) return 0;
    const isFull =
      this.#awaitedBytes > 0 && this.#producer.reserve(this.#awaitedBytes, this.#mostOf(kind)) < 0;
    return isFull ? Infinity : this.#readyAtNs(kind);
  }

  #mostOf(kind: FrameKind): number {
    return kind === 'pages' ? this.#mostQueued : Infinity;
  }

  #readyAtNs(kind: FrameKind): number {
    if (kind === 'urgent') return 0;
    const linkReady = this.#link.readyAtNs();
    return kind === 'control' ? linkReady : Math.max(linkReady, this.#migration.readyAtNs());
  }

  rest(): void {
    this.#link.rest();
    this.#migration.rest();
  }

  limit(bytesPerSecond: number): void {
    this.#migration.setRate(bytesPerSecond);
    // The flow leaves to others what the limit keeps this migration from using.
    this.#flow?.limit(bytesPerSecond);
  }

  lookahead({ ns, bytes }: Lookahead): void {
    this.#link.setHorizon(ns);
    this.#mostQueued = bytes;
  }

  poll(): Frame | undefined {
    this.release();
    if (this.#isLost()) throw new ConnectionLost();
    const isClosed = this.#consumer.isClosed();
    const record = this.#consumer.peek();
    if (!record && isClosed) throw new PeerGone();
    if (!record || record.arrivalNs > this.#clock.now()) return undefined;
    this.#held = record;
    this.polledArrivalNs = record.arrivalNs;
    return openFrame(this.#consumer.memory, record.at, record.bytes, this.#sequenceIn++);
  }

  release(): void {
    if (!this.#held || this.#isLost()) return;
    const isAwaited = this.#consumer.release(this.#held.room);
    this.#held = undefined;
    if (isAwaited) this.#peer.ring();
  }

  arrivalAtNs(): number {
    if (this.#isLost()) return 0;
    const isClosed = this.#consumer.isClosed();
    return this.#consumer.peek()?.arrivalNs ?? (isClosed ? 0 : Infinity);
  }

  canReconnect(): boolean {
    return this.#line?.isRestored() === true || this.#consumer.isClosed();
  }

  reconnect(): void {
    if (this.#line?.isRestored() !== true) throw new PeerGone();
    this.#line.takeUp(this.#producer, this.#consumer);
    this.#held = undefined;
    this.#awaitedBytes = 0;
    this.#sequenceOut = 0;
    this.#sequenceIn = 0;
    this.#link.restart();
    this.#migration.restart();
  }

  #isLost(): boolean {
    return this.#line?.isLost() ?? false;
  }
}
