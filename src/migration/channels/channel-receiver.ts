import type { GuestMemory } from '../../memory/guest-memory.ts';
import { decodeControl } from '../../wire/control.ts';
import { type Decoder, openDecoder } from '../../wire/decoder.ts';
import { type Frame, FRAME, frameName, WireError } from '../../wire/frame.ts';
import type { Integrity } from '../../wire/pages.ts';
import { addTally, openTally } from '../../wire/tally.ts';

/** Installs the frames of one channel, in whichever thread it is used. */
export class ChannelReceiver {
  readonly #decoder: Decoder;
  readonly tally = openTally();
  /** The number of the last SYNC. */
  #synced = 0;

  constructor(memory: GuestMemory, integrity: Integrity) {
    this.#decoder = openDecoder(memory, integrity);
  }

  /** Installs the pages of a frame, or returns the number of the SYNC that it is. Throws WireError. */
  take(frame: Frame): number | undefined {
    if (frame.type === FRAME.pages) {
      addTally(this.tally, this.#decoder.install(frame).tally);
      return undefined;
    }
    if (frame.type !== FRAME.sync) {
      throw new WireError(`frame ${frame.sequence}: ${frameName(frame.type)} came over a channel`);
    }
    const message = decodeControl(frame);
    const isNext = message.name === 'sync' && message.body.number === this.#synced + 1;
    if (!isNext) throw new WireError(`frame ${frame.sequence}: SYNC came out of turn`);
    return ++this.#synced;
  }
}
