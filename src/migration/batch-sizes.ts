import {
  BATCH_BYTES,
  batchPages,
  MAX_FRAME_BYTES,
  MAX_PART_BYTES,
  MAX_WHOLE_PAGE,
  PART_UNIT,
} from '../wire/limits.ts';
import { pageFrameRoom } from '../wire/pages.ts';
import { partFrameRoom } from '../wire/parts.ts';
import { sendsBlocks } from '../wire/encodings.ts';
import type { SourceOptions } from './source-options.ts';

/** A batch takes at most this much of the link's time. */
const BATCH_SECONDS = 0.001;

type Rates = Pick<
  SourceOptions,
  'linkBytesPerSecond' | 'maxBytesPerSecond' | 'mostWholePageBytes' | 'encodings' | 'packetPages'
>;

/** How much a frame of pages carries, whatever the limiter says. */
export class BatchSizes {
  /** Whether each page travels in several frames, as it is too large for one. */
  readonly inParts: boolean;
  /** The most pages of a batch; a page that travels in parts is a batch of its own. */
  readonly mostPages: number;
  /** The most pages of a batch that a channel is handed; they may take several frames. */
  readonly handedPages: number;
  /** The most bytes of a part of a page. */
  readonly mostPartBytes: number;
  readonly #pageSize: number;
  readonly #mostWholeBytes: number;
  /** Whether a frame may hold blocks. */
  readonly #hasBlocks: boolean;

  constructor(pageSize: number, options: Rates) {
    const { linkBytesPerSecond, maxBytesPerSecond, mostWholePageBytes = MAX_WHOLE_PAGE } = options;
    this.#pageSize = pageSize;
    this.#mostWholeBytes = mostWholePageBytes;
    this.#hasBlocks = sendsBlocks(options.encodings);
    this.inParts = pageSize > mostWholePageBytes;
    const bytes = Math.min(linkBytesPerSecond, maxBytesPerSecond) * BATCH_SECONDS;
    const pages = Math.floor(Math.min(BATCH_BYTES, bytes) / pageSize);
    this.mostPages = this.inParts ? 1 : Math.max(1, Math.min(batchPages(pageSize), pages));
    this.handedPages = options.packetPages ?? this.mostPages;
    this.mostPartBytes = this.partBytes(bytes);
  }

  /** Returns the bytes of a part that is to have at most so many. */
  partBytes(most: number): number {
    const bytes = Math.min(most, MAX_PART_BYTES, this.#mostWholeBytes);
    return Math.max(1, Math.floor(bytes / PART_UNIT)) * PART_UNIT;
  }

  /** Returns the largest number of bytes that a frame of `pages` pages, or of a part of one, may have. */
  frameBytes(pages: number): number {
    if (this.inParts) return partFrameRoom(MAX_PART_BYTES);
    return Math.min(MAX_FRAME_BYTES, pageFrameRoom(pages, this.#pageSize, this.#hasBlocks));
  }
}
