import { ForwardingLink } from '../../../link/forwarding-link.ts';
import type { Link } from '../../../link/link.ts';
import type { Frame } from '../../../wire/frame.ts';

/** One end of a link that may be cut. Nobody is told: what has not been received by then just never arrives. */
export class CutLink extends ForwardingLink {
  readonly #isCut: () => boolean;

  constructor(inner: Link, isCut: () => boolean) {
    super(inner);
    this.#isCut = isCut;
  }

  override poll(): Frame | undefined {
    if (!this.#isCut()) return super.poll();
    this.inner.release();
    return undefined;
  }

  override arrivalAtNs(): number {
    return this.#isCut() ? Infinity : super.arrivalAtNs();
  }
}
