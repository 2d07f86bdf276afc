import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import type { Memslot } from '../../src/memory/memslot.ts';
import { PageSet } from '../../src/memory/page-set.ts';
import { Generator } from '../../src/random/generator.ts';
import { type DecoderOptions, openDecoder } from '../../src/wire/decoder.ts';
import { type Encoder, openEncoder } from '../../src/wire/encoder.ts';
import { FRAME, HEADER_BYTES, openFrame, sealFrame } from '../../src/wire/frame.ts';
import {
  eachPageRun,
  FIXED_BYTES,
  type Integrity,
  padded,
  pageFrameRoom,
} from '../../src/wire/pages.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { XbzrleCache } from '../../src/wire/xbzrle-cache.ts';
import { applyXorRuns, encodeXorRuns, encodeXorRunsBytewise } from '../../src/wire/xor-runs.ts';
import { smallSlot } from '../support/slots.ts';
import { openSlot } from '../../src/memory/memslot.ts';

const PAGE = 4096;
const AT = 4096 + 64;

describe('the differences of a page', () => {
  it('are those of QEMU for the page of its test', () => {
    // tests/unit/test-xbzrle.c: 1001 zeros, 21 bytes, zeros.
    const page = (bytes: readonly number[]): Uint8Array => {
      const all = new Uint8Array(PAGE);
      all.set(bytes, 1001);
      return all;
    };
    const count = (from: number, to: number): number[] =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i);
    const old = page([...count(5, 19), 0x68, 0, 0, 0x6b, 0, 0x6d]);
    const now = page([...count(1, 15), 0x68, 0, 0, 0x67, 0, 0x69]);
    const expected = [0xe9, 7, 15, ...count(1, 15), 3, 1, 0x67, 1, 1, 0x69];
    for (const encode of [encodeXorRuns, encodeXorRunsBytewise]) {
      const out = new Uint8Array(PAGE);
      const length = encode(old, now, out, 0, PAGE - 1, 0);
      expect([...out.subarray(0, length)]).toEqual(expected);
      const made = old.slice();
      expect(applyXorRuns(made, out, 0, length)).toBe(true);
      expect(made).toEqual(now);
    }
  });
});

describe('the cache of what was sent', () => {
  const page = (fill: number): Uint8Array => new Uint8Array(PAGE).fill(fill);

  it('has a power of two of pages, at least one, and takes no more memory than the guest', () => {
    expect(new XbzrleCache(2 ** 40, PAGE, 6).cacheBytes).toBe(2 ** 40);
    expect(new XbzrleCache(7 * PAGE, PAGE, 64).cacheBytes).toBe(4 * PAGE);
    expect(new XbzrleCache(100, PAGE, 64).cacheBytes).toBe(PAGE);
  });

  it('gives a slot to another page only when two harvests have not sought its own', () => {
    const cache = new XbzrleCache(4 * PAGE, PAGE, 64);
    cache.insert(1, page(1), 1);
    cache.insert(5, page(5), 2);
    expect([cache.seek(1, 2), cache.seek(5, 2)]).toEqual([1, -1]);
    cache.insert(5, page(5), 3);
    expect(cache.seek(1, 3)).toBe(1);
    cache.insert(5, page(5), 5);
    expect([cache.seek(1, 5), cache.seek(5, 5)]).toEqual([-1, 1]);
    expect(cache.at(1)).toEqual(page(5));
  });

  it('knows that a page is zero, and forgets pages, a few or a whole range', () => {
    const cache = new XbzrleCache(4 * PAGE, PAGE, 64);
    for (const gfn of [0, 1, 2, 7]) cache.insert(gfn, page(9), 1);
    cache.zero(2, 1);
    cache.zero(4, 1);
    expect([cache.at(2)[0], cache.at(0)[0]]).toEqual([0, 9]);
    // Nobody has sought page 0 for two harvests.
    cache.zero(4, 3);
    expect([cache.seek(4, 3), cache.at(0)[0]]).toEqual([0, 0]);
    cache.insert(0, page(9), 5);
    cache.forget(1, 2);
    expect([0, 1, 2, 7].map((gfn) => cache.seek(gfn, 5))).toEqual([0, -1, -1, 3]);
    cache.forget(4, 100);
    expect([cache.seek(0, 5), cache.seek(7, 5)]).toEqual([0, -1]);
  });
});

/** A guest of 32 pages whose source and destination agree, and which has walked through its memory once. */
function pairOf(integrity: Integrity, options: DecoderOptions = { takesBlocks: true }) {
  const [source, target] = [openSlot(smallSlot({ pages: 32 })), openSlot(smallSlot({ pages: 32 }))];
  const random = new Generator(3);
  for (let i = 0; i < source.ram.length; i++) source.ram[i] = random.below(256);
  const encoder = openEncoder(
    {
      integrity,
      encodings: ['zero', 'xbzrle'],
      xbzrleCacheBytes: 32 * PAGE,
    },
    { pageSize: PAGE, pages: 32 },
  );
  const decoder = openDecoder(memoryOf([target]), integrity, options);
  return { source, target, encoder, decoder };
}

function encodeAll(source: Memslot, encoder: Encoder) {
  const set = new PageSet(source);
  set.clear();
  set.addRun(0, 32);
  const { memory } = new RingProducer(createRing(1024 * 1024, false));
  const encoded = encoder.encode(set.take(0, 32), memory, AT, 0);
  return { memory, encoded, open: () => openFrame(memory, AT, encoded.length, 0) };
}

describe.each(['full', 'header'] as const)(
  'pages sent as what has changed, integrity %s',
  (integrity) => {
    it('are made of what was sent before: raw, zero, changed and unchanged ones in one frame', () => {
      const { source, target, encoder, decoder } = pairOf(integrity);
      const send = () => {
        const sent = encodeAll(source, encoder);
        const { tally } = decoder.install(sent.open());
        expect(target.ram).toEqual(source.ram);
        expect(tally).toEqual(sent.encoded.tally);
        expect(sent.encoded.length).toBeLessThanOrEqual(pageFrameRoom(32, PAGE, true));
        return sent;
      };
      expect(pagesOf(send().encoded.tally, 'raw')).toBe(32);
      encoder.xbzrle!.walked();
      // What is sent for the second time enters the cache.
      expect(pagesOf(send().encoded.tally, 'raw')).toBe(32);
      expect(encoder.xbzrle!.counts.cacheMisses).toBe(32);
      encoder.xbzrle!.harvested();
      source.ram[5 * PAGE + 100]! ^= 1;
      source.ram[6 * PAGE]! ^= 1;
      source.ram.fill(0, 8 * PAGE, 9 * PAGE);
      const random = new Generator(4);
      for (let i = 9 * PAGE; i < 10 * PAGE; i++) source.ram[i] = random.below(256);
      const { memory, encoded } = send();
      const runs: number[][] = [];
      eachPageRun(memory, AT, (_, first, pages, encoding) => runs.push([first, pages, encoding]));
      expect(runs).toEqual([
        [0, 5, 4],
        [5, 2, 3],
        [7, 1, 4],
        [8, 1, 1],
        [9, 1, 0],
        [10, 22, 4],
      ]);
      // Each of the two pages is two lengths of a byte, and a byte.
      expect(encoded.tally.bytes.slice(0, 5)).toEqual([PAGE, 0, 0, 3 + 3, 0]);
      expect(encoder.xbzrle!.counts).toEqual({
        pages: 31,
        bytes: 3 + 3 + 2 * 3 + PAGE,
        cacheMisses: 32,
        overflow: 1,
      });
      // The page that was zero is compared with zeros, the one that overflowed with what was sent.
      encoder.xbzrle!.harvested();
      source.ram[8 * PAGE + 4] = 7;
      source.ram[9 * PAGE + 4]! ^= 7;
      expect(encoded.tally.pages[3]).toBe(2);
      expect(send().encoded.tally.pages.slice(0, 5)).toEqual([0, 0, 0, 2, 30]);
    });

    it('do not enter the cache once the guest stands still, and are not compared after a switch', () => {
      const { source, encoder } = pairOf(integrity);
      encoder.xbzrle!.walked();
      encoder.xbzrle!.stopped();
      expect(pagesOf(encodeAll(source, encoder).encoded.tally, 'raw')).toBe(32);
      expect(pagesOf(encodeAll(source, encoder).encoded.tally, 'raw')).toBe(32);
      encoder.xbzrle!.end();
      expect(encoder.xbzrle!.isOn).toBe(false);
    });

    it('are refused if nobody has agreed on them, are damaged, or come to other bytes here', () => {
      const { source, target, encoder, decoder } = pairOf(integrity);
      decoder.install(encodeAll(source, encoder).open());
      encoder.xbzrle!.walked();
      encodeAll(source, encoder);
      source.ram[5 * PAGE + 100]! ^= 1;
      const { open } = encodeAll(source, encoder);
      const before = target.ram.slice();
      const strict = openDecoder(memoryOf([target]), integrity);
      expect(() => strict.install(open())).toThrow(/page encoding [34] is unknown here/);
      const damaged = open();
      // The length of the run of differing bytes.
      damaged.memory.bytes[damaged.payloadAt + 1] = 9;
      expect(() => decoder.install(damaged)).toThrow('the differences of page 5 are damaged');
      damaged.memory.bytes[damaged.payloadAt + 1] = 1;
      if (integrity === 'full') {
        target.ram[7 * PAGE]! ^= 1;
        expect(() => decoder.install(damaged)).toThrow(/page 7 does not come to its sum/);
        target.ram[7 * PAGE]! ^= 1;
      }
      expect(target.ram).toEqual(before);
      damaged.memory.view.setUint32(damaged.controlEnd - 4, 5, true);
      expect(() => decoder.install(damaged)).toThrow('the payload has a wrong length');
      damaged.memory.view.setUint32(damaged.controlEnd - 4, 3, true);
      decoder.install(damaged);
      expect(target.ram).toEqual(source.ram);
    });
  },
);

describe('differences that no honest source sends', () => {
  /** A frame of pages of a memslot that nobody need send: runs of (page, pages, encoding), without sums. */
  function frameOf(slot: Memslot, runs: readonly (readonly number[])[], block: readonly number[]) {
    const { memory } = new RingProducer(createRing(8 * 1024 * 1024, false));
    const { view, bytes } = memory;
    const runsAt = AT + HEADER_BYTES + FIXED_BYTES;
    const differing = runs.filter(([, , encoding]) => encoding === 3).length;
    const controlBytes = FIXED_BYTES + 8 * runs.length + 4 * differing;
    const payloadOffset = padded(HEADER_BYTES + controlBytes);
    [slot.layout.index, slot.layout.pageSize, runs.length, 0].forEach((word, i) =>
      view.setUint32(AT + HEADER_BYTES + 4 * i, word, true),
    );
    runs.forEach(([first, pages, encoding], i) => {
      view.setUint32(runsAt + 8 * i, first!, true);
      view.setUint32(runsAt + 8 * i + 4, ((encoding! << 28) | pages!) >>> 0, true);
    });
    for (let i = 0; i < differing; i++) {
      view.setUint32(runsAt + 8 * runs.length + 4 * i, block.length, true);
      bytes.set(block, AT + payloadOffset + i * block.length);
    }
    const length = payloadOffset + differing * block.length;
    sealFrame(memory, AT, { type: FRAME.pages, sequence: 0, controlBytes, payloadOffset, length });
    return openFrame(memory, AT, length, 0);
  }

  it.each([
    ['of pages of 2 MiB', { pages: 4, pageSize: 2 ** 21 }],
    ['of versions', { pages: 32, backing: 'versions' as const }],
  ])('are refused before a byte is written: %s', (_, shape) => {
    const slot = openSlot(smallSlot(shape));
    const before = new Uint8Array(slot.buffer).slice();
    const decoder = openDecoder(memoryOf([slot]), 'header', { takesBlocks: true });
    for (const encoding of [3, 4]) {
      expect(() => decoder.install(frameOf(slot, [[1, 1, encoding]], [0, 1, 7]))).toThrow(
        `page encoding ${encoding} is unknown here`,
      );
    }
    expect(Buffer.compare(new Uint8Array(slot.buffer), before)).toBe(0);
  });

  it('are refused when a page comes twice', () => {
    const slot = openSlot(smallSlot({ pages: 32 }));
    const decoder = openDecoder(memoryOf([slot]), 'header', { takesBlocks: true });
    for (const [one, other] of [
      [3, 3],
      [4, 3],
      [1, 3],
    ] as const) {
      expect(() =>
        decoder.install(
          frameOf(
            slot,
            [
              [5, 1, one],
              [5, 1, other],
            ],
            [0, 1, 7],
          ),
        ),
      ).toThrow('a page comes twice in a frame with blocks');
    }
    decoder.install(
      frameOf(
        slot,
        [
          [5, 1, 3],
          [6, 1, 3],
        ],
        [0, 1, 7],
      ),
    );
    expect([slot.ram[5 * PAGE], slot.ram[6 * PAGE]]).toEqual([7, 7]);
  });
});
