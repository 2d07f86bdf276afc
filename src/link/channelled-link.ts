import { ForwardingLink } from './forwarding-link.ts';
import type { Link } from './link.ts';

/** What the channels beside a link have posted. */
export interface PostedBeside {
  readonly postedBytes: number;
  readonly drainedAtNs: number;
}

/** The main channel of a connection that has others beside it; its figures are those of all of them together. */
export class ChannelledLink extends ForwardingLink {
  readonly #beside: PostedBeside;

  constructor(inner: Link, beside: PostedBeside) {
    super(inner);
    this.#beside = beside;
  }

  override get postedBytes(): number {
    return this.inner.postedBytes + this.#beside.postedBytes;
  }

  override get drainedAtNs(): number {
    return Math.max(this.inner.drainedAtNs, this.#beside.drainedAtNs);
  }
}
