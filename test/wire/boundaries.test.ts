import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import type { SlotGeometry } from '../../src/memory/layout.ts';
import { type Memslot, openSlot } from '../../src/memory/memslot.ts';
import { PageSet } from '../../src/memory/page-set.ts';
import { decodeControl, encodeControl, packControl } from '../../src/wire/control.ts';
import { openDecoder } from '../../src/wire/decoder.ts';
import { openEncoder } from '../../src/wire/encoder.ts';
import {
  FRAME,
  type FrameMemory,
  HEADER_BYTES,
  openFrame,
  sealFrame,
  WireError,
} from '../../src/wire/frame.ts';
import { batchPages, MAX_CONTROL_BYTES, MAX_FRAME_BYTES } from '../../src/wire/limits.ts';
import { ENCODING_SHIFT, FIXED_BYTES, pageFrameRoom } from '../../src/wire/pages.ts';
import { decodeRanges, encodeRanges, MAX_RANGES } from '../../src/wire/ranges.ts';
import { decodeSlots, encodeSlots, MAX_SLOTS } from '../../src/wire/slots.ts';
import { bytesOf, pagesOf } from '../../src/wire/tally.ts';
import { smallSlot } from '../support/slots.ts';

const AT = 4096 + 64;
const PAGE = 4096;

const memory = (bytes = 1024 * 1024): FrameMemory => new RingProducer(createRing(bytes)).memory;

/** A slot whose pages hold their number plus one in every byte, but for those that are zero. */
function slotOf(geometry: Partial<SlotGeometry>, zeros: readonly number[] = []): Memslot {
  const slot = openSlot(smallSlot(geometry));
  const { pages, storedBytes } = slot.layout;
  for (let page = 0; page < pages; page++) {
    const value = zeros.includes(page) ? 0 : (page % 250) + 1;
    slot.ram.fill(value, page * storedBytes, (page + 1) * storedBytes);
  }
  return slot;
}

function encode(slot: Memslot, first: number, pages: number, into = memory()) {
  const set = new PageSet(slot);
  set.clear();
  set.addRun(first, pages);
  const encoder = openEncoder({ integrity: 'full', encodings: ['zero'] });
  const encoded = encoder.encode(set.take(0, pages), into, AT, 0);
  return { into, encoded, frame: openFrame(into, AT, encoded.storedLength, 0) };
}

/** Seals a frame of no pages with these lengths, and opens it as one that was received with `received` bytes. */
function openWith(
  lengths: { controlBytes: number; payloadOffset: number; length: number },
  received = lengths.length,
) {
  const into = memory(4 * 1024 * 1024);
  sealFrame(into, AT, { type: FRAME.end, sequence: 7, ...lengths });
  return openFrame(into, AT, received, 7);
}

describe('the header of a frame', () => {
  it('says the length that was received, no less and no more', () => {
    const lengths = { controlBytes: 32, payloadOffset: 64, length: 200 };
    expect(openWith(lengths).length).toBe(200);
    expect(() => openWith(lengths, 201)).toThrow(/impossible lengths/);
    expect(() => openWith(lengths, 199)).toThrow(/impossible lengths/);
  });

  it('has the payload behind the control part, and both within the frame', () => {
    expect(() => openWith({ controlBytes: 33, payloadOffset: 64, length: 200 })).toThrow(WireError);
    expect(() => openWith({ controlBytes: 32, payloadOffset: 201, length: 200 })).toThrow(
      WireError,
    );
    expect(openWith({ controlBytes: 32, payloadOffset: 200, length: 200 }).payloadEnd).toBe(
      AT + 200,
    );
  });

  it('may be that of the longest frame, and of none that is longer', () => {
    const longest = { controlBytes: 0, payloadOffset: 64, length: MAX_FRAME_BYTES };
    expect(openWith(longest).length).toBe(MAX_FRAME_BYTES);
    expect(() => openWith({ ...longest, length: MAX_FRAME_BYTES + 1 })).toThrow(WireError);
  });

  it('carries the very number that is expected', () => {
    const into = memory();
    sealFrame(into, AT, {
      type: FRAME.end,
      sequence: 5,
      controlBytes: 0,
      payloadOffset: 32,
      length: 32,
    });
    expect(openFrame(into, AT, 32, 5).sequence).toBe(5);
    for (const other of [4, 6]) {
      expect(() => openFrame(into, AT, 32, other)).toThrow(`frame ${other}: it came as number 5`);
    }
  });
});

describe('a page frame', () => {
  it('of every page of a memslot and its zeros at any place brings each page as it is', () => {
    for (const zeros of [
      [],
      [0],
      [31],
      [32],
      [0, 31],
      [30, 31, 32],
      Array.from({ length: 32 }, (_, i) => 2 * i),
    ]) {
      const source = slotOf({ pages: 64 }, zeros);
      const target = openSlot(smallSlot({ pages: 64 }));
      target.ram.fill(0xee);
      const decoder = openDecoder(memoryOf([target]), 'full');
      for (const [first, pages] of [
        [0, 32],
        [32, 32],
      ] as const) {
        const { frame, encoded } = encode(source, first, pages);
        expect(encoded.length).toBeLessThanOrEqual(pageFrameRoom(pages, PAGE));
        decoder.install(frame);
      }
      expect(Buffer.compare(source.ram, target.ram), `zeros ${zeros.join()}`).toBe(0);
    }
  });

  it('of 32 pages that are all different in kind from their neighbours needs no more than its room', () => {
    const source = slotOf({ pages: 32 });
    // Raw pages one by one, as many runs as pages, each with its sum.
    const set = new PageSet(source);
    set.clear();
    for (let page = 0; page < 32; page += 2) set.addRun(page, 1);
    const into = memory();
    const { length } = openEncoder({ integrity: 'full', encodings: [] }).encode(
      set.take(0, 32),
      into,
      AT,
      0,
    );
    expect(length).toBeLessThanOrEqual(pageFrameRoom(16, PAGE));
    expect(length).toBeGreaterThan(16 * PAGE + HEADER_BYTES + FIXED_BYTES + 16 * 8 + 16 * 8 - 1);
    expect(pageFrameRoom(16, PAGE)).toBeGreaterThanOrEqual(
      16 * PAGE + HEADER_BYTES + FIXED_BYTES + 16 * 16,
    );
  });

  it('of zero pages without end is refused, though the guest has as many', () => {
    const target = openSlot(smallSlot({ pages: 256 }));
    const { frame, into } = encode(slotOf({ pages: 256 }, [0, 1]), 0, 2);
    // 33 zero pages are one more than a batch of 4 KiB pages.
    const run = frame.controlAt + FIXED_BYTES + 4;
    for (const [pages, isRefused] of [
      [32, false],
      [33, true],
    ] as const) {
      into.view.setUint32(run, ((1 << ENCODING_SHIFT) | pages) >>> 0, true);
      sealFrame(into, AT, {
        type: FRAME.pages,
        sequence: 0,
        controlBytes: frame.controlEnd - frame.controlAt,
        payloadOffset: frame.payloadAt - AT,
        length: frame.length,
      });
      const install = (): unknown =>
        openDecoder(memoryOf([target]), 'full').install(openFrame(into, AT, frame.length, 0));
      if (isRefused) expect(install).toThrow(/more pages than a batch/);
      else expect(install).not.toThrow();
    }
  });

  it('may hold one page, however large pages are', () => {
    expect([4096, 65_536, 131_072, 262_144, 2 ** 21].map(batchPages)).toEqual([32, 2, 1, 1, 1]);
  });

  it('counts the dropped pages of this frame alone', () => {
    const { frame } = encode(slotOf({ pages: 64 }), 0, 8);
    const decoder = openDecoder(memoryOf([openSlot(smallSlot({ pages: 64 }))]), 'full');
    const none = () => undefined;
    const gate = { claim: (_: Memslot, page: number) => page >= 3, publish: none, abandon: none };
    expect(decoder.install(frame, gate).droppedPages).toBe(3);
    expect(decoder.install(frame, gate).droppedPages).toBe(3);
    expect(decoder.install(frame).droppedPages).toBe(0);
  });
});

describe('a page frame with versions', () => {
  it('brings versions and zeros to their pages, and takes the bytes of whole pages on the link', () => {
    const shape = { pages: 64, backing: 'versions' as const };
    const source = slotOf(shape, [5, 6, 7]);
    const target = openSlot(smallSlot(shape));
    target.ram.fill(0xee);
    const { frame, encoded } = encode(source, 3, 8);
    expect([pagesOf(encoded.tally, 'zero'), pagesOf(encoded.tally, 'raw')]).toEqual([3, 5]);
    expect(bytesOf(encoded.tally)).toBe(5 * PAGE);
    expect(encoded.length - encoded.storedLength).toBe(5 * (PAGE - 4));
    openDecoder(memoryOf([target]), 'full').install(frame);
    const versions = new Uint32Array(target.buffer, target.layout.ramOffset, 64);
    const expected = Array.from({ length: 64 }, (_, page) => {
      if (page < 3 || page >= 11) return 0xeeeeeeee;
      return page >= 5 && page <= 7 ? 0 : (page + 1) * 0x01010101;
    });
    expect([...versions]).toEqual(expected);
  });

  it('is refused when a version is another than its sum says', () => {
    const shape = { pages: 64, backing: 'versions' as const };
    const { frame, into } = encode(slotOf(shape), 0, 4);
    into.view.setUint32(frame.payloadAt + 8, 77, true);
    const decoder = openDecoder(memoryOf([openSlot(smallSlot(shape))]), 'full');
    expect(() => decoder.install(frame)).toThrow(/the sum of raw page 2 differs/);
  });
});

describe('a frame of ranges', () => {
  const list = Array.from({ length: 2 * (MAX_RANGES + 5) }, (_, i) => (i & 1 ? 1 : i));

  it.each([0, 5])('may be full, and holds those from the given one on: %i', (from) => {
    const into = memory();
    const length = encodeRanges(into, AT, 'discard', list, from, MAX_RANGES, 0);
    const found: number[] = [];
    decodeRanges(openFrame(into, AT, length, 0), 10_000, (gfn, pages) => found.push(gfn, pages));
    expect(found).toEqual(list.slice(2 * from, 2 * (from + MAX_RANGES)));
  });

  it('of one more than fits is refused, and so is one of none', () => {
    for (const ranges of [0, MAX_RANGES + 1]) {
      const into = memory();
      const length = encodeRanges(into, AT, 'discard', list, 0, ranges, 0);
      const frame = openFrame(into, AT, length, 0);
      expect(() => decodeRanges(frame, 10_000, () => undefined)).toThrow(/impossible lengths/);
    }
  });

  it("may end with the guest's last page, and is looked at as a whole before any of it counts", () => {
    const into = memory();
    const open = (ranges: readonly number[]) =>
      openFrame(into, AT, encodeRanges(into, AT, 'released', ranges, 0, ranges.length / 2, 0), 0);
    const found: number[] = [];
    decodeRanges(open([0, 5, 95, 5]), 100, (gfn) => found.push(gfn));
    expect(found).toEqual([0, 95]);
    expect(() => decodeRanges(open([0, 5, 95, 6]), 100, (gfn) => found.push(gfn))).toThrow(
      WireError,
    );
    expect(found).toEqual([0, 95]);
  });
});

describe('a frame of slots', () => {
  const list = Array.from({ length: 2 * (MAX_SLOTS + 5) }, (_, i) => (i & 1 ? 9 * i : i));
  const open = (pairs: readonly number[], from = 0, pages = pairs.length / 2) => {
    const into = memory();
    return openFrame(into, AT, encodeSlots(into, AT, pairs, from, pages, 0), 0);
  };

  it.each([0, 5])('may be full, and holds those from the given one on: %i', (from) => {
    const found: number[] = [];
    decodeSlots(open(list, from, MAX_SLOTS), 10_000, (gfn, slot) => found.push(gfn, slot));
    expect(found).toEqual(list.slice(2 * from, 2 * (from + MAX_SLOTS)));
  });

  it.each([0, MAX_SLOTS + 1])('of %i pages is refused', (pages) => {
    expect(() => decodeSlots(open(list, 0, pages), 10_000, () => undefined)).toThrow(
      /impossible lengths/,
    );
  });

  it("may name the guest's last page, and is looked at as a whole before any of it counts", () => {
    const found: number[] = [];
    const take = (gfn: number): void => void found.push(gfn);
    decodeSlots(open([0, 5, 99, 5]), 100, take);
    expect(found).toEqual([0, 99]);
    expect(() => decodeSlots(open([0, 5, 100, 6]), 100, take)).toThrow(/page 100 lies outside/);
    expect(() => decodeSlots(open([4, 5, 4, 6]), 100, take)).toThrow(/not in ascending order/);
    expect(() => decodeSlots(open([4, 5, 3, 6]), 100, take)).toThrow(/not in ascending order/);
    expect(found).toEqual([0, 99]);
  });
});

describe('a control message', () => {
  const vcpu = (checksumLow: number, checksumHigh: number, streams = 1) => ({
    guestNs: 1,
    aliveNs: 2,
    pausedNs: 3,
    throttled: 0,
    manager: [],
    streams: Array.from({ length: streams }, (_, stream) => ({
      stream,
      n: 10,
      writes: 4,
      checksumLow,
      checksumHigh,
      pace: [0.5, 0],
    })),
  });

  it('brings both words of a read checksum to their places, in eight bytes of fixed order', () => {
    const body = { vcpus: [vcpu(0x01020304, 0xa1a2a3a4)] };
    const packed = Buffer.from(packControl({ name: 'state', body }));
    expect(packed.includes(Buffer.from([4, 3, 2, 1, 0xa4, 0xa3, 0xa2, 0xa1]))).toBe(true);
    const into = memory();
    const length = encodeControl(into, AT, 'state', packed, 0);
    expect(decodeControl(openFrame(into, AT, length, 0))).toEqual({ name: 'state', body });
  });

  it('that is longer than a receiver takes is not packed', () => {
    // Each stream takes some 60 bytes.
    expect(() => packControl({ name: 'state', body: { vcpus: [vcpu(1, 2, 20_000)] } })).toThrow(
      /^a state message of \d+ bytes is too long$/,
    );
    const fits = packControl({ name: 'state', body: { vcpus: [vcpu(1, 2, 9000)] } });
    expect(fits.length).toBeLessThanOrEqual(MAX_CONTROL_BYTES);
  });

  it.each([
    ['failed', { message: 'no', ran: false, code: 5 }],
    ['welcome', { protocol: 2 }],
    ['request', { gfn: 1, priority: 3 }],
  ] as const)('%s with a key that is not known is refused', (name, body) => {
    const into = memory();
    const packed = packControl({ name, body } as never);
    const length = encodeControl(into, AT, name, packed, 0);
    expect(() => decodeControl(openFrame(into, AT, length, 0))).toThrow(/has a wrong body/);
  });
});
