import type { Clock } from '../../../clock/clock.ts';
import { PageCompressor } from '../../../replication/compression.ts';
import type { ReplicationConfig } from '../../../replication/config.ts';
import type { ZlibGuard } from './zlib-guard.ts';

/** A compressor that measures how long it takes; `onPage` is called before each page. */
export class TimedCompressor extends PageCompressor {
  /** How long it has encoded pages, in nanoseconds. */
  busyNs = 0;
  readonly #clock: Clock;
  readonly #zlib: ZlibGuard;
  readonly #onPage: () => void;

  constructor(replication: ReplicationConfig, clock: Clock, zlib: ZlibGuard, onPage: () => void) {
    const { compression, cachePages, costs } = replication;
    super(compression, cachePages, costs, () => undefined);
    this.#clock = clock;
    this.#zlib = zlib;
    this.#onPage = onPage;
  }

  override encode(
    slot: number,
    page: number,
    content: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number {
    this.#onPage();
    const startNs = this.#clock.now();
    this.#zlib.enter();
    const bytes = super.encode(slot, page, content, out, at);
    this.#zlib.leave();
    this.busyNs += this.#clock.now() - startNs;
    return bytes;
  }
}
