import type { Memslot } from '../memory/memslot.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import { ENCODING } from './encodings.ts';
import type { EncodingMeter } from './meter.ts';
import type { Packer } from './packer.ts';
import { addStaged, clearStaged, openStaged, stagedAt, type StagedPages } from './staged-pages.ts';
import type { WordCoder } from './word-coder.ts';
import type { Xbzrle } from './xbzrle.ts';
import { zeroMask } from './zero-mask.ts';

export interface StagerParts {
  readonly pageSize: number;
  readonly seeksZeros: boolean;
  readonly xbzrle: Xbzrle | undefined;
  readonly packer: Packer | undefined;
  /** What codes the words of pages, if that was chosen. */
  readonly coder: WordCoder | undefined;
  readonly meter: EncodingMeter | undefined;
}

/** Chooses the encoding of each page of a frame: zero, what has changed of it, its words, compressed, else raw. */
export class Stager {
  readonly #parts: StagerParts;
  readonly #staged: StagedPages;

  constructor(parts: StagerParts) {
    this.#parts = parts;
    this.#staged = openStaged(parts.pageSize);
  }

  /** Whether pages of the next frame may be sent as blocks, so that they have to be staged. */
  get isOn(): boolean {
    const { packer, xbzrle } = this.#parts;
    return packer !== undefined || xbzrle?.isOn === true;
  }

  /** Stages all pages of runs, each of which is read once. The returned object is valid until the next call. */
  stage({ slot, list, runs }: TakenRuns): StagedPages {
    const { seeksZeros, packer, meter } = this.#parts;
    clearStaged(this.#staged);
    for (let i = 0; i < runs; i++) {
      const end = list[2 * i]! + list[2 * i + 1]!;
      for (let from = list[2 * i]!; from < end; from += 32) {
        const count = Math.min(32, end - from);
        const zeros = seeksZeros ? zeroMask(slot, from, count) : 0;
        for (let bit = 0; bit < count; bit++) {
          this.#add(slot, from + bit, ((zeros >>> bit) & 1) === 1);
        }
      }
    }
    meter?.end(this.#mainWork());
    packer?.pack(this.#staged);
    return this.#staged;
  }

  #add({ ram, layout }: Memslot, page: number, isZero: boolean): void {
    const { xbzrle, pageSize, coder } = this.#parts;
    const differences = xbzrle?.isOn === true ? xbzrle : undefined;
    const gfn = layout.firstGfn + page;
    if (isZero) {
      differences?.noteZero(gfn);
      addStaged(this.#staged, page, ENCODING.zero);
      return;
    }
    const bytes = stagedAt(this.#staged, this.#staged.count, pageSize);
    bytes.set(ram.subarray(page * pageSize, (page + 1) * pageSize));
    const { own } = this.#staged;
    let kind: number = differences?.encode(gfn, bytes, own) ?? ENCODING.raw;
    if (kind === ENCODING.raw && coder) kind = coder.encode(bytes, own);
    addStaged(this.#staged, page, kind);
  }

  /** Returns the encoding that takes most of the time of staging. */
  #mainWork(): number {
    const { xbzrle, coder } = this.#parts;
    if (coder) return ENCODING.words;
    return xbzrle?.isOn === true ? ENCODING.xbzrle : ENCODING.raw;
  }
}
