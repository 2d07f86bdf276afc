import type { FrameRoom, Link } from '../../link/link.ts';
import type { TakenRuns } from '../../memory/page-set.ts';
import { encodeControl, packControl } from '../../wire/control.ts';
import {
  type EncodedPages,
  type Encoder,
  type EncoderOptions,
  openEncoder,
} from '../../wire/encoder.ts';
import { HEADER_BYTES } from '../../wire/frame.ts';
import { pagesOf } from '../../wire/tally.ts';

/** What a channel's sender encodes with. */
export type ChannelEncoding = Pick<EncoderOptions, 'integrity' | 'encodings'>;

/** Returns how a channel encodes pages, among which the main thread may have looked for zero ones already. */
export function channelEncoding({
  integrity,
  encodings,
  zeroPageDetection,
}: EncoderOptions & { readonly zeroPageDetection?: string | undefined }): ChannelEncoding {
  const isLegacy = zeroPageDetection === 'legacy';
  return { integrity, encodings: isLegacy ? [] : encodings.filter((name) => name === 'zero') };
}

/** Encodes and posts the frames of one channel, in whichever thread it is used. */
export class ChannelSender {
  readonly #link: Link;
  readonly #encoder: Encoder;
  frames = 0;
  bytes = 0;
  pages = 0;

  constructor(link: Link, encoding: ChannelEncoding) {
    this.#link = link;
    this.#encoder = openEncoder(encoding);
  }

  /** Encodes pages into a room of the link. */
  encode(taken: TakenRuns, room: FrameRoom): EncodedPages {
    const { length, storedLength, tally } = this.#encoder.encode(
      taken,
      room.memory,
      room.at,
      room.sequence,
    );
    // The encoder's own object holds until the next frame only.
    return { length, storedLength, tally: { pages: [...tally.pages], bytes: [...tally.bytes] } };
  }

  /** Posts the frame that was encoded in the link's last room. */
  post({ length, storedLength, tally }: EncodedPages): void {
    this.#link.post(length, storedLength);
    this.frames++;
    this.bytes += length;
    this.pages += pagesOf(tally);
  }

  /** Posts SYNC; returns false if the link has no room for it now. */
  sync(number: number): boolean {
    const packed = packControl({ name: 'sync', body: { number } });
    const room = this.#link.room(packed.length + HEADER_BYTES, 'control');
    if (!room) return false;
    this.#link.post(encodeControl(room.memory, room.at, 'sync', packed, room.sequence));
    this.frames++;
    return true;
  }
}
