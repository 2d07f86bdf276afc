import type { BlockList } from './block-list.ts';
import { encodeDictionaryWords } from './dictionary-words.ts';
import { ENCODING } from './encodings.ts';
import type { EncodingMeter } from './meter.ts';
import { encodeXorRuns } from './xor-runs.ts';

/** From this share of zero words on, a page is sent as what is not zero. */
const SPARSE_SHARE = 0.9;
/** The words of a page are regular if coding them leaves at most this share of its bytes. */
const REGULAR_SHARE = 0.5;

/**
 * Chooses how a page is made small by what it consists of, as MECOM does (Jin et al., "Live virtual machine migration with
 * adaptive memory compression", CLUSTER 2009): pages of few words that are not zero, pages of regular words, and others, for
 * which a stronger method is worth its time. The paper's own limits are not public; these come from pages of a real guest
 * (docs/encodings.md).
 */
export class WordCoder {
  readonly #zeros: Uint8Array;
  readonly #meter: EncodingMeter | undefined;

  constructor(pageSize: number, meter: EncodingMeter | undefined) {
    this.#zeros = new Uint8Array(pageSize);
    this.#meter = meter;
  }

  /** Returns the encoding of a page; its block, if it has one, is the last of the blocks then. */
  encode(page: Uint8Array, blocks: BlockList): number {
    this.#meter?.coded();
    const isSparse = zeroWords(page) >= SPARSE_SHARE * (page.length >>> 2);
    const most = page.length * REGULAR_SHARE;
    const length = isSparse
      ? encodeXorRuns(this.#zeros, page, blocks.bytes, blocks.used, most)
      : encodeDictionaryWords(page, blocks.bytes, blocks.used, most);
    if (length < 0) return ENCODING.raw;
    blocks.close(length);
    return isSparse ? ENCODING.sparse : ENCODING.words;
  }
}

function zeroWords(page: Uint8Array): number {
  const words = new Uint32Array(page.buffer, page.byteOffset, page.length >>> 2);
  let zeros = 0;
  for (let i = 0; i < words.length; i++) if (words[i] === 0) zeros++;
  return zeros;
}
