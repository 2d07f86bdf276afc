import type { GuestPageSet } from '../../memory/guest-memory.ts';
import { decodeEpochOutputs, type EpochOutputs } from '../../wire/epoch-outputs.ts';
import { decodeEpoch, EPOCH_FRAME } from '../../wire/epochs.ts';
import { type Frame, WireError } from '../../wire/frame.ts';
import { decodeRanges } from '../../wire/ranges.ts';

/** What the primary knows of the secondary, from its frames; each is checked, and refused out of turn. */
export class SecondaryNews {
  /** The last checkpoint that the primary has asked for, and the last one whose end it has sent. */
  asked = 0;
  sent = -1;
  /** The last checkpoints that the secondary stands still for, has in memory, and runs on from. */
  paused = 0;
  committed = -1;
  loaded = -1;
  /** Ranges of pages that the secondary's guest has dirtied, and how many pages they are: first gfn, number of pages. */
  #ranges: number[] = [];
  #dirtyPages = 0;
  readonly #guest: { readonly pages: number; readonly streams: number };
  readonly #onOutputs: (outputs: EpochOutputs) => void;

  /** `onOutputs` takes the sums of packets. */
  constructor(
    guest: { readonly pages: number; readonly streams: number },
    onOutputs: (outputs: EpochOutputs) => void,
  ) {
    this.#guest = guest;
    this.#onOutputs = onOutputs;
  }

  /** Takes a frame; returns whether it is more than a sign of life. Throws WireError. */
  take(frame: Frame): boolean {
    if (frame.type === EPOCH_FRAME.outputs) this.#takeOutputs(frame);
    else if (frame.type === EPOCH_FRAME.dirty) this.#takeRanges(frame);
    else return this.#takeMessage(frame);
    return true;
  }

  #takeOutputs(frame: Frame): void {
    const outputs = decodeEpochOutputs(frame, this.#guest.streams);
    // The secondary says that it has loaded a checkpoint before it tells what its guest has sent since.
    if (outputs.epoch !== this.loaded) throw new WireError('outputs came out of turn');
    this.#onOutputs(outputs);
  }

  #takeRanges(frame: Frame): void {
    const { pages: most } = this.#guest;
    if (this.paused === this.asked) throw new WireError('dirty pages came out of turn');
    decodeRanges(frame, most, (gfn, pages) => {
      this.#ranges.push(gfn, pages);
      this.#dirtyPages += pages;
    });
    if (this.#dirtyPages > most) throw new WireError('the secondary has dirtied too many pages');
  }

  #takeMessage(frame: Frame): boolean {
    const { name, body } = decodeEpoch(frame);
    const { paused, asked, committed, sent, loaded } = this;
    if (name === 'heartbeat') return false;
    if (name === 'paused' && body.epoch === paused + 1 && body.epoch === asked) {
      if (body.pages !== this.#dirtyPages) throw new WireError('dirty pages are missing');
      this.paused = asked;
    } else if (name === 'committed' && body.epoch === committed + 1 && body.epoch === sent) {
      this.committed = sent;
    } else if (name === 'loaded' && body.epoch === loaded + 1 && body.epoch === committed) {
      this.loaded = committed;
    } else throw new WireError(`the secondary sent ${name} out of turn`);
    return true;
  }

  /** Adds the pages that the secondary's guest has dirtied to a set, and forgets them; returns how many they are. */
  moveDirtyTo(pages: GuestPageSet): number {
    for (let i = 0; i < this.#ranges.length; i += 2) {
      pages.addRun(this.#ranges[i]!, this.#ranges[i + 1]!);
    }
    const count = this.#dirtyPages;
    this.#ranges = [];
    this.#dirtyPages = 0;
    return count;
  }
}
