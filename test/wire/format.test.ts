import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { type Memslot, openSlot } from '../../src/memory/memslot.ts';
import { PageSet } from '../../src/memory/page-set.ts';
import { Generator } from '../../src/random/generator.ts';
import { crc32c } from '../../src/wire/crc32c.ts';
import { openDecoder } from '../../src/wire/decoder.ts';
import { openEncoder } from '../../src/wire/encoder.ts';
import { ENCODING_COUNT } from '../../src/wire/encodings.ts';
import {
  frameName,
  HEADER_BYTES,
  isOptional,
  openFrame,
  sealFrame,
  WireError,
} from '../../src/wire/frame.ts';
import { batchPages, MAX_FRAME_BYTES } from '../../src/wire/limits.ts';
import { eachPageRun, pageFrameRoom } from '../../src/wire/pages.ts';
import { decodeRanges, encodeRanges, MAX_RANGES } from '../../src/wire/ranges.ts';
import { openTally, pagesOf, sumTallies } from '../../src/wire/tally.ts';
import { tallyOf } from '../support/tally.ts';
import { smallSlot } from '../support/slots.ts';

const AT = 4096 + 64;
const newMemory = () => new RingProducer(createRing(4 * 1024 * 1024, false)).memory;

/** Adds one bit after the other, as the definition of the polynomial says. */
function crcBitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

describe('CRC-32C', () => {
  it('is that of the definition, whatever the length, and over several pieces', () => {
    const random = new Generator(4);
    const bytes = Uint8Array.from({ length: 40 }, () => random.below(256));
    for (let length = 0; length <= 12; length++) {
      for (const from of [0, 1, 5]) {
        const expected = crcBitByBit(bytes.subarray(from, from + length));
        expect(crc32c(bytes, from, from + length)).toBe(expected);
        const cut = from + Math.floor(length / 3);
        expect(crc32c(bytes, cut, from + length, crc32c(bytes, from, cut))).toBe(expected);
      }
    }
  });
});

describe('a header', () => {
  const header = { type: 0x8123, sequence: 7, controlBytes: 5, payloadOffset: 64, length: 100 };
  const sealed = (changes: Partial<typeof header> = {}) => {
    const memory = newMemory();
    memory.bytes.set([1, 2, 3, 4, 5], AT + HEADER_BYTES);
    sealFrame(memory, AT, { ...header, ...changes });
    return memory;
  };

  it('has each field where the documentation says', () => {
    const { view, bytes } = sealed();
    const fields = [8, 12, 16, 20, 24].map((at) => view.getUint32(AT + at, true));
    expect(Buffer.from(bytes.subarray(AT, AT + 4)).toString('latin1')).toBe('PFRY');
    expect([view.getUint16(AT + 4, true), view.getUint16(AT + 6, true)]).toEqual([1, 0x8123]);
    expect(fields).toEqual([100, 7, 5, 64, 0]);
    const summed = [...bytes.subarray(AT, AT + 28), 1, 2, 3, 4, 5];
    expect(view.getUint32(AT + 28, true)).toBe(crcBitByBit(Uint8Array.from(summed)));
  });

  it('comes back as places in the memory', () => {
    const memory = sealed();
    const { memory: found, ...places } = openFrame(memory, AT, 100, 7);
    expect(found).toBe(memory);
    expect(places).toEqual({
      type: 0x8123,
      sequence: 7,
      length: 100,
      controlAt: AT + 32,
      controlEnd: AT + 37,
      payloadAt: AT + 64,
      payloadEnd: AT + 100,
    });
  });

  it('may leave no room between its parts, and no less than that', () => {
    const open = (changes: Partial<typeof header>) => () =>
      openFrame(sealed(changes), AT, changes.length ?? 100, 7);
    expect(open({ payloadOffset: 37 })).not.toThrow();
    expect(open({ payloadOffset: 36 })).toThrow('frame 7: it has impossible lengths');
    expect(open({ payloadOffset: 100 })).not.toThrow();
    expect(open({ payloadOffset: 101 })).toThrow('frame 7: it has impossible lengths');
    expect(open({ length: MAX_FRAME_BYTES })).not.toThrow();
    expect(open({ length: MAX_FRAME_BYTES + 1 })).toThrow('frame 7: it has impossible lengths');
  });

  it('is 32 bytes long, and a frame of fewer is refused', () => {
    const memory = newMemory();
    sealFrame(memory, AT, { type: 2, sequence: 0, controlBytes: 0, payloadOffset: 32, length: 32 });
    expect(openFrame(memory, AT, 32, 0).type).toBe(2);
    expect(() => openFrame(memory, AT, 31, 0)).toThrow('frame 0: it is cut off in its header');
    expect(() => openFrame(sealed(), AT, 100, 8)).toThrow('frame 8: it came as number 7');
    memory.bytes[AT + 31]! ^= 1;
    expect(() => openFrame(memory, AT, 32, 0)).toThrow('frame 0: its CRC differs');
  });

  it('names frames, and says which a receiver may skip', () => {
    expect([frameName(1), frameName(18), frameName(99)]).toEqual(['HELLO', 'RESUMED', 'type 99']);
    const memory = newMemory();
    sealFrame(memory, AT, { ...header, type: 0x7fff });
    expect(isOptional(openFrame(memory, AT, 100, 7))).toBe(false);
    expect(new WireError('it is wrong').name).toBe('WireError');
  });
});

/** A slot of versions or of pages of 4 KiB, in which the pages named in `zeros` are zero and no others. */
function slotWith(backing: 'bytes' | 'versions', zeros: ReadonlySet<number>, index = 0): Memslot {
  const slot = openSlot(smallSlot({ pages: 80, backing, index, firstGfn: 80 * index }));
  const { storedBytes } = slot.layout;
  for (let page = 0; page < 80; page++) {
    // The last byte alone keeps a page from being zero.
    if (!zeros.has(page)) slot.ram[(page + 1) * storedBytes - 1] = 1 + page;
  }
  return slot;
}

type Run = [slot: number, first: number, pages: number, encoding: number];

function encodeAll(slot: Memslot, gfns: readonly [number, number][], encodings: readonly 'zero'[]) {
  const set = new PageSet(slot);
  set.clear();
  for (const [first, pages] of gfns) set.addRun(first, pages);
  const memory = newMemory();
  const encoder = openEncoder({ integrity: 'full', encodings });
  const encoded = encoder.encode(set.take(0, 80), memory, AT, 0);
  const runs: Run[] = [];
  eachPageRun(memory, AT, (...run) => runs.push(run));
  return { memory, encoded, runs };
}

describe.each(['bytes', 'versions'] as const)('a page frame of %s', (backing) => {
  // Page 31 ends the first scan for zeros, pages 32 to 63 are one whole scan.
  const zeros = new Set([0, 1, 5, 30, 31, 32, 70, ...Array.from({ length: 10 }, (_, i) => 40 + i)]);

  it('parts its pages into runs of one encoding, at most 32 pages each', () => {
    const { runs, encoded } = encodeAll(slotWith(backing, zeros), [[0, 72]], ['zero']);
    expect(runs).toEqual([
      [0, 0, 2, 1],
      [0, 2, 3, 0],
      [0, 5, 1, 1],
      [0, 6, 24, 0],
      [0, 30, 2, 1],
      [0, 32, 1, 1],
      [0, 33, 7, 0],
      [0, 40, 10, 1],
      [0, 50, 14, 0],
      [0, 64, 6, 0],
      [0, 70, 1, 1],
      [0, 71, 1, 0],
    ]);
    expect([pagesOf(encoded.tally, 'zero'), pagesOf(encoded.tally, 'raw')]).toEqual([17, 55]);
    expect(encoded.tally.bytes).toEqual([
      55 * 4096,
      ...Array.from({ length: ENCODING_COUNT - 1 }, () => 0),
    ]);
  });

  it('has a run for each run of the set when no zeros are looked for', () => {
    const slot = slotWith(backing, zeros, 3);
    const { runs } = encodeAll(
      slot,
      [
        [0, 40],
        [50, 2],
      ],
      [],
    );
    expect(runs).toEqual([
      [3, 0, 40, 0],
      [3, 50, 2, 0],
    ]);
  });

  it('of 32 pages that are all zero, or all not, has one run', () => {
    const zero = new Set(Array.from({ length: 32 }, (_, page) => page));
    const { runs } = encodeAll(slotWith(backing, zero), [[0, 64]], ['zero']);
    expect(runs).toEqual([
      [0, 0, 32, 1],
      [0, 32, 32, 0],
    ]);
  });

  it('has its fields and sums before a payload at a multiple of 64 bytes', () => {
    const slot = slotWith(backing, new Set([4]), 2);
    const { memory, encoded } = encodeAll(slot, [[3, 5]], ['zero']);
    const frame = openFrame(memory, AT, encoded.storedLength, 0);
    const { storedBytes } = slot.layout;
    const fields = [0, 4, 8, 12].map((at) => memory.view.getUint32(frame.controlAt + at, true));
    expect(fields).toEqual([2, 4096, 3, 4]);
    expect(frame.controlEnd - frame.controlAt).toBe(16 + 3 * 8 + 4 * 8);
    expect(frame.payloadAt - AT).toBe(128);
    expect(frame.payloadEnd - frame.payloadAt).toBe(4 * storedBytes);
    expect(encoded.length).toBe(128 + 4 * 4096);
    // Pages 3, 5, 6 and 7 follow one another.
    const lasts = [1, 2, 3, 4].map((n) => memory.bytes[frame.payloadAt + n * storedBytes - 1]);
    expect(lasts).toEqual([4, 6, 7, 8]);
    const [first, last] = [0, 3].map((page) => {
      const sum = frame.controlAt + 16 + 3 * 8 + page * 8;
      return [memory.view.getUint32(sum, true), memory.view.getUint32(sum + 4, true)];
    });
    if (backing === 'versions') {
      const versions = [4 * 2 ** 24, 8 * 2 ** 24];
      const sums = versions.map((version) => [
        Number((BigInt(version) * 0x9e3779b1n) & 0xffffffffn),
        ~version >>> 0,
      ]);
      expect([first, last]).toEqual(sums);
    } else {
      expect(first).not.toEqual(last);
    }
  });

  it('writes what it brings, zeros included, and leaves the pages beside it alone', () => {
    const source = slotWith(backing, new Set([4, 5]));
    const { memory, encoded } = encodeAll(source, [[3, 4]], ['zero']);
    const target = slotWith(backing, new Set());
    target.ram.fill(0xee);
    const frame = openFrame(memory, AT, encoded.storedLength, 0);
    const { tally, droppedPages } = openDecoder(memoryOf([target]), 'full').install(frame);
    expect([tally, droppedPages]).toEqual([tallyOf({ raw: 2, zero: 2 }), 0]);
    const { storedBytes } = target.layout;
    for (let page = 0; page < 80; page++) {
      const [from, to] = [page * storedBytes, (page + 1) * storedBytes];
      const bytes = target.ram.subarray(from, to);
      if (page < 3 || page > 6) expect(bytes.every((byte) => byte === 0xee)).toBe(true);
      else expect(Buffer.compare(bytes, source.ram.subarray(from, to))).toBe(0);
    }
  });
});

describe('room for frames', () => {
  it('is one for a page a frame at least, and for 128 KiB of smaller pages', () => {
    expect([4096, 16_384, 65_536, 2 * 1024 * 1024].map(batchPages)).toEqual([32, 8, 2, 1]);
  });

  it('is enough for a page frame of as many runs as pages', () => {
    const pages = 32;
    const largest = Math.ceil((32 + 16 + pages * 8 + pages * 8) / 64) * 64 + pages * 4096;
    expect(pageFrameRoom(pages, 4096)).toBeGreaterThanOrEqual(largest);
    expect(pageFrameRoom(pages, 4096)).toBeLessThan(largest + 128);
  });
});

describe('ranges', () => {
  it('are as many as one frame takes, of any part of the list, and no more', () => {
    const list = Array.from({ length: 2 * (MAX_RANGES + 3) }, (_, i) => (i % 2 === 0 ? i : 1));
    const memory = newMemory();
    const decode = (from: number, count: number): number[] => {
      const length = encodeRanges(memory, AT, 'free', list, from, count, 9);
      const found: number[] = [];
      const frame = openFrame(memory, AT, length, 9);
      decodeRanges(frame, list.length, (gfn, pages) => found.push(gfn, pages));
      return found;
    };
    expect(decode(2, MAX_RANGES)).toEqual(list.slice(4, 4 + 2 * MAX_RANGES));
    expect(() => decode(0, MAX_RANGES + 1)).toThrow('frame 9: its ranges have impossible lengths');
  });

  it('with a payload are refused, and one outside the guest is named', () => {
    const memory = newMemory();
    const length = encodeRanges(memory, AT, 'free', [0, 1, 7, 4], 0, 2, 9);
    const nothing = (): void => undefined;
    expect(() => decodeRanges(openFrame(memory, AT, length, 9), 11, nothing)).not.toThrow();
    expect(() => decodeRanges(openFrame(memory, AT, length, 9), 10, nothing)).toThrow(
      'frame 9: pages 7 + 4 lie outside memory',
    );
    const parts = { controlBytes: 16, payloadOffset: length, length: length + 8 };
    sealFrame(memory, AT, { type: 15, sequence: 9, ...parts });
    expect(() => decodeRanges(openFrame(memory, AT, length + 8, 9), 11, nothing)).toThrow(
      'frame 9: its ranges have impossible lengths',
    );
  });
});

describe('an empty tally', () => {
  it('is the sum of none', () => {
    expect(sumTallies([])).toEqual(openTally());
    expect(pagesOf(openTally())).toBe(0);
  });
});
