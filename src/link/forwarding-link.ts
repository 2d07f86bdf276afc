import type { Frame } from '../wire/frame.ts';
import type { FrameKind, FrameRoom, Link, Lookahead } from './link.ts';

/** A link over another one, which it passes every call on to; one that changes something overrides just that. */
export class ForwardingLink implements Link {
  protected inner: Link;

  constructor(inner: Link) {
    this.inner = inner;
  }

  room(maxBytes: number, kind: FrameKind): FrameRoom | undefined {
    return this.inner.room(maxBytes, kind);
  }

  post(bytes: number, storedBytes?: number, chargedBytes?: number): void {
    this.inner.post(bytes, storedBytes, chargedBytes);
  }

  charge(bytes: number): void {
    this.inner.charge(bytes);
  }

  poll(): Frame | undefined {
    return this.inner.poll();
  }

  creditAtNs(kind: FrameKind): number {
    return this.inner.creditAtNs(kind);
  }

  rest(): void {
    this.inner.rest();
  }

  limit(bytesPerSecond: number): void {
    this.inner.limit(bytesPerSecond);
  }

  lookahead(most: Lookahead): void {
    this.inner.lookahead(most);
  }

  release(): void {
    this.inner.release();
  }

  arrivalAtNs(): number {
    return this.inner.arrivalAtNs();
  }

  canReconnect(): boolean {
    return this.inner.canReconnect();
  }

  reconnect(): void {
    this.inner.reconnect();
  }

  get postedBytes(): number {
    return this.inner.postedBytes;
  }

  get drainedAtNs(): number {
    return this.inner.drainedAtNs;
  }

  get postedArrivalNs(): number {
    return this.inner.postedArrivalNs;
  }

  get polledArrivalNs(): number {
    return this.inner.polledArrivalNs;
  }
}
