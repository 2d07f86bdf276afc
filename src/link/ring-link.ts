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
import { flowBucket, type RateLimiter, tokenBucket } from './rate-limiter.ts';
import { type ReceivedRecord, RingConsumer, RingProducer, type SharedRing } from './ring.ts';

export interface RingLinkParts {
  readonly clock: Clock;
  readonly outgoing: SharedRing;
  readonly incoming: SharedRing;
  /** Rung when a frame has been posted, or room has been made, for the other end. */
  readonly peerDoorbell: Doorbell;
  /** Capacity of a link that it has for itself; that of a flow's links counts in its place. */
  readonly bytesPerSecond: number;
  readonly latencyNs: number;
  /** Its share of links that others use too; who opened it closes it. */
  readonly flow?: Flow;
  /** What a sender that came late makes up; 10 ms when absent, nothing on a clock that has no scheduler. */
  readonly madeUpLagNs?: number;
  /** The connection that the rings are; absent: it is never lost. */
  readonly line?: { readonly shared: SharedLine; readonly side: LineSide };
}

/** How far ahead of the link a sender may be: the link stays busy while its sender is woken. */
const HORIZON_NS = 1e6;

/**
 * A link over two rings in shared memory. The sender computes when the last byte of a frame leaves
 * (bandwidth) and arrives (latency), and writes that time beside the frame; the receiver doesn't
 * see the frame before.
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
  /** Bytes of pages that may be under way to a receiver. */
  #mostQueued = Infinity;
  /** Bytes that found no room in the ring, 0 when the last frame found some. */
  #awaitedBytes = 0;
  #sequenceOut = 0;
  #sequenceIn = 0;
  #held: ReceivedRecord | undefined;
  postedBytes = 0;
  drainedAtNs = 0;

  constructor(parts: RingLinkParts) {
    this.#clock = parts.clock;
    this.#producer = new RingProducer(parts.outgoing);
    this.#consumer = new RingConsumer(parts.incoming);
    this.#peer = parts.peerDoorbell;
    this.#latencyNs = parts.latencyNs;
    const { flow, bytesPerSecond, madeUpLagNs } = parts;
    this.#flow = flow;
    this.#link = flow
      ? flowBucket(flow, HORIZON_NS, madeUpLagNs)
      : tokenBucket(bytesPerSecond, HORIZON_NS, madeUpLagNs);
    this.#migration = tokenBucket(Infinity, HORIZON_NS, madeUpLagNs);
    const { line } = parts;
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

  post(bytes: number, storedBytes: number = bytes): void {
    const nowNs = this.#clock.now();
    if (this.#kind === 'pages') this.#migration.take(bytes, nowNs);
    this.drainedAtNs = this.#link.take(bytes, nowNs);
    this.postedBytes += bytes;
    // Lost since the frame got its room: so is the frame.
    if (this.#isLost()) return;
    this.#producer.commit(storedBytes, this.drainedAtNs + this.#latencyNs, bytes);
    this.#sequenceOut++;
    this.#peer.ring();
  }

  /** A lost connection has room at once: `room` says that it is lost. */
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
    // What this migration does not want is left to the others.
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
