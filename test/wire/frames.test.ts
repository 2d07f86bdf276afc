import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRing, RingConsumer, RingProducer } from '../../src/link/ring.ts';
import { fillPages } from '../../src/memory/contents/contents.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { PageSet } from '../../src/memory/page-set.ts';
import { crc32c } from '../../src/wire/crc32c.ts';
import {
  type ControlMessage,
  decodeControl,
  encodeControl,
  packControl,
} from '../../src/wire/control.ts';
import {
  type Frame,
  FRAME,
  type FrameMemory,
  HEADER_BYTES,
  openFrame,
  OPTIONAL_TYPE,
  isOptional,
  sealFrame,
  WireError,
} from '../../src/wire/frame.ts';
import { openDecoder } from '../../src/wire/decoder.ts';
import { openEncoder } from '../../src/wire/encoder.ts';
import { type Integrity, pageFrameRoom } from '../../src/wire/pages.ts';
import { addTally, bytesOf, openTally, pagesOf, sumTallies } from '../../src/wire/tally.ts';
import { tallyOf } from '../support/tally.ts';
import { sameBytes, smallSlot } from '../support/slots.ts';

import { decodeRanges, encodeRanges } from '../../src/wire/ranges.ts';
const AT = 4096 + 64;

function memory(): FrameMemory {
  return new RingProducer(createRing(1024 * 1024)).memory;
}

function pageFrame(
  integrity: Integrity,
  zeroShare = 0.5,
  gfns: readonly [number, number][] = [
    [3, 9],
    [20, 2],
  ],
) {
  const source = openSlot(smallSlot());
  const target = openSlot(smallSlot());
  const contents = [{ firstGfn: 0, pages: 256, kind: 'random' as const, zeroShare }];
  fillPages(source, contents, 1, 0, 256);
  const set = new PageSet(source);
  for (const [first, pages] of gfns) set.addRun(first, pages);
  const taken = set.take(0, 64);
  const bytes = memory();
  const encoded = openEncoder({ integrity, encodings: ['zero'] }).encode(taken, bytes, AT, 0);
  expect(encoded.length).toBeLessThanOrEqual(pageFrameRoom(taken.pages, 4096));
  return { source, target, bytes, encoded, taken };
}

describe('CRC-32C', () => {
  it('gives the published check value', () => {
    expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283);
  });
});

describe('a page frame', () => {
  it.each(['full', 'header'] as const)(
    'brings its pages and no others, integrity %s',
    (integrity) => {
      const { source, target, bytes, encoded } = pageFrame(integrity);
      const frame = openFrame(bytes, AT, encoded.length, 0);
      expect(frame.type).toBe(FRAME.pages);
      target.ram.fill(0xee);
      const counts = openDecoder(memoryOf([target]), integrity).install(frame);
      expect(counts).toEqual({ tally: encoded.tally, droppedPages: 0 });
      expect(pagesOf(counts.tally)).toBe(11);
      expect(pagesOf(counts.tally, 'zero')).toBeGreaterThan(0);
      expect(bytesOf(counts.tally)).toBe(frame.payloadEnd - frame.payloadAt);
      for (let gfn = 0; gfn < 256; gfn++) {
        const isSent = (gfn >= 3 && gfn < 12) || gfn === 20 || gfn === 21;
        const page = target.ram.subarray(gfn * 4096, (gfn + 1) * 4096);
        if (isSent)
          expect(Buffer.compare(page, source.ram.subarray(gfn * 4096, (gfn + 1) * 4096))).toBe(0);
        else expect(page.every((byte) => byte === 0xee)).toBe(true);
      }
    },
  );

  it.each([
    ['pages outside memory', 16, 256],
    ['an empty run', 20, 0],
    ['an unknown encoding', 20, (7 << 28) | 2],
    ['a run too long', 20, 0x0fffffff],
    ['more pages than a batch', 20, (1 << 28) | 17],
    ['another memslot', 0, 1],
    ['another page size', 4, 8192],
    ['more runs than there are', 8, 1000],
    ['more sums than there are', 12, 77],
  ])('with a valid CRC but %s is refused', (_, offset, value) => {
    const { bytes, encoded, target } = pageFrame('full');
    const before = openSlot(smallSlot());
    const frame = openFrame(bytes, AT, encoded.length, 0);
    bytes.view.setUint32(frame.controlAt + offset, value, true);
    reseal(bytes, frame);
    expect(() =>
      openDecoder(memoryOf([target]), 'full').install(openFrame(bytes, AT, encoded.length, 0)),
    ).toThrow(WireError);
    expect(sameBytes(before, target)).toBe(true);
  });

  it('passes a gate page by page: what it does not let in is dropped and counted', () => {
    const { source, target, bytes, encoded } = pageFrame('full');
    target.ram.fill(0xee);
    const published: number[] = [];
    const gate = {
      claim: (_: unknown, page: number): boolean => page % 2 === 1,
      publish: (_: unknown, page: number): void => {
        const ram = target.ram.subarray(page * 4096, (page + 1) * 4096);
        const sent = source.ram.subarray(page * 4096, (page + 1) * 4096);
        expect(Buffer.compare(ram, sent)).toBe(0);
        published.push(page);
      },
      abandon: () => undefined,
    };
    const frame = openFrame(bytes, AT, encoded.length, 0);
    const counts = openDecoder(memoryOf([target]), 'full').install(frame, gate);
    expect(published).toEqual([3, 5, 7, 9, 11, 21]);
    expect(counts.droppedPages).toBe(5);
    expect(target.ram.subarray(20 * 4096, 21 * 4096).every((byte) => byte === 0xee)).toBe(true);
  });

  it('without the sums that were agreed on is refused', () => {
    const { bytes, encoded, target } = pageFrame('header');
    const frame = openFrame(bytes, AT, encoded.length, 0);
    expect(() => openDecoder(memoryOf([target]), 'full').install(frame)).toThrow(
      /sums are missing/,
    );
  });
});

describe('frames of one migration', () => {
  it('are each counted for themselves', () => {
    const { source, target, bytes } = pageFrame('full');
    const encoder = openEncoder({ integrity: 'full', encodings: ['zero'] });
    const decoder = openDecoder(memoryOf([target]), 'full');
    const sent = openTally();
    const came = openTally();
    let pages = 0;
    for (const [sequence, count] of [4, 9, 1].entries()) {
      const set = new PageSet(source);
      set.addRun(3 + pages, count);
      const encoded = encoder.encode(set.take(0, 64), bytes, AT, sequence);
      addTally(sent, encoded.tally);
      const frame = openFrame(bytes, AT, encoded.length, sequence);
      addTally(came, decoder.install(frame).tally);
      pages += count;
    }
    expect(came).toEqual(sent);
    expect(pagesOf(sent)).toBe(14);
    expect(bytesOf(sent)).toBe(pagesOf(sent, 'raw') * 4096);
  });

  it('have no zero pages when none are to be looked for', () => {
    const { taken, bytes } = pageFrame('full', 1);
    const { tally } = openEncoder({ integrity: 'full', encodings: [] }).encode(taken, bytes, AT, 0);
    expect(tally).toEqual(tallyOf({ raw: 11 }));
  });
});

describe('tallies', () => {
  it('are summed by encoding, and leave what they were summed of as it was', () => {
    const parts = [tallyOf({ raw: 3, zero: 2 }), tallyOf({ zero: 5 }), tallyOf({ raw: 1 })];
    const sum = sumTallies(parts);
    expect(sum).toEqual(tallyOf({ raw: 4, zero: 7 }));
    expect([pagesOf(sum), pagesOf(sum, 'raw'), pagesOf(sum, 'zero')]).toEqual([11, 4, 7]);
    expect([bytesOf(sum), bytesOf(sum, 'raw'), bytesOf(sum, 'zero')]).toEqual([16384, 16384, 0]);
    expect(parts[1]).toEqual(tallyOf({ zero: 5 }));
  });
});

function reseal(bytes: FrameMemory, frame: Frame): void {
  const controlBytes = frame.controlEnd - frame.controlAt;
  const payloadOffset = frame.payloadAt - AT;
  const { type, sequence, length } = frame;
  sealFrame(bytes, AT, { type, sequence, controlBytes, payloadOffset, length });
}

describe('a frame header', () => {
  it('of random bytes is always refused with one error', () => {
    const bytes = memory();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 300 }), (random) => {
        bytes.bytes.fill(0, AT, AT + 512);
        bytes.bytes.set(random, AT);
        expect(() => openFrame(bytes, AT, random.length, 0)).toThrow(WireError);
      }),
      { numRuns: 500 },
    );
  });

  it('says what is wrong: magic, version, sequence', () => {
    const bytes = memory();
    const length = encodeControl(bytes, AT, 'run', packControl({ name: 'run', body: {} }), 5);
    expect(() => openFrame(bytes, AT, length, 6)).toThrow('frame 6: it came as number 5');
    expect(() => openFrame(bytes, AT, length - 1, 5)).toThrow('impossible lengths');
    bytes.view.setUint16(AT + 4, 9, true);
    expect(() => openFrame(bytes, AT, length, 5)).toThrow('wire version 9, this side speaks 1');
    bytes.view.setUint32(AT, 1, true);
    expect(() => openFrame(bytes, AT, length, 5)).toThrow('its magic number is wrong');
  });

  it('tells frames that may be skipped', () => {
    const bytes = memory();
    const header = { sequence: 0, controlBytes: 0, payloadOffset: 32, length: 32 };
    sealFrame(bytes, AT, { ...header, type: OPTIONAL_TYPE | 77 });
    expect(isOptional(openFrame(bytes, AT, 32, 0))).toBe(true);
  });
});

describe('a frame of ranges', () => {
  const encode = (list: readonly number[]) => {
    const bytes = memory();
    const length = encodeRanges(bytes, AT, 'discard', list, 0, list.length / 2, 0);
    return openFrame(bytes, AT, length, 0);
  };

  it('is of the type it was made for', () => {
    const bytes = memory();
    const length = encodeRanges(bytes, AT, 'received', [5, 2], 0, 1, 0);
    const frame = openFrame(bytes, AT, length, 0);
    expect([encode([5, 2]).type, frame.type]).toEqual([FRAME.discard, FRAME.received]);
    const ranges: number[] = [];
    decodeRanges(frame, 100, (gfn, pages) => ranges.push(gfn, pages));
    expect(ranges).toEqual([5, 2]);
  });

  it('cut off within a range, or with more than a frame may have, is refused', () => {
    const bytes = memory();
    for (const controlBytes of [12, 8 * 4097]) {
      const length = HEADER_BYTES + controlBytes;
      const header = { sequence: 0, controlBytes, payloadOffset: length, length };
      sealFrame(bytes, AT, { ...header, type: FRAME.received });
      const frame = openFrame(bytes, AT, length, 0);
      expect(() => decodeRanges(frame, 100, () => undefined)).toThrow(/impossible lengths/);
    }
  });

  it('brings its ranges', () => {
    const ranges: number[] = [];
    decodeRanges(encode([0, 3, 10, 1, 99, 1]), 100, (gfn, pages) => ranges.push(gfn, pages));
    expect(ranges).toEqual([0, 3, 10, 1, 99, 1]);
  });

  it.each([
    ['a range outside memory', [0, 3, 99, 2]],
    ['an empty range', [0, 0]],
    ['no range', []],
    ['a range that wraps', [4294967295, 4294967295]],
  ])('with %s is refused before any is used', (_, list) => {
    let used = 0;
    expect(() => decodeRanges(encode(list), 100, () => used++)).toThrow(WireError);
    expect(used).toBe(0);
  });
});

describe('a control message', () => {
  const message = {
    name: 'hello',
    body: { slots: [10, 4], pageSize: 4096, vcpus: 2, integrity: 'full' },
  } as const;

  it('comes back as it was', () => {
    const bytes = memory();
    const length = encodeControl(bytes, AT, message.name, packControl(message), 0);
    expect(decodeControl(openFrame(bytes, AT, length, 0))).toEqual(message);
  });

  it.each([
    ['a count that is no whole number', { presentPages: 0.5 }],
    ['a count below 0', { presentPages: -1 }],
    ['no count', {}],
    ['more than a count', { presentPages: 1, gfn: 3 }],
  ])('RESUMED with %s is refused', (_, body) => {
    const bytes = memory();
    const packed = packControl({ name: 'resumed', body } as ControlMessage);
    const length = encodeControl(bytes, AT, 'resumed', packed, 0);
    expect(() => decodeControl(openFrame(bytes, AT, length, 0))).toThrow(
      'resumed has a wrong body',
    );
  });

  it.each([
    ['running', { pagesNs: 1.5, stateNs: 2, runningNs: -1 }],
    ['running', { pagesNs: 1.5, stateNs: NaN, runningNs: 3 }],
    ['complete', { presentNs: -0.5 }],
    ['complete', { presentNs: Infinity }],
  ] as const)('%s with %j, which is no duration, is refused', (name, body) => {
    const bytes = memory();
    const packed = packControl({ name, body } as ControlMessage);
    const length = encodeControl(bytes, AT, name, packed, 0);
    expect(() => decodeControl(openFrame(bytes, AT, length, 0))).toThrow(
      `${name} has a wrong body`,
    );
  });

  it('of a wrong body, of no msgpack, of an unknown type is refused', () => {
    const bytes = memory();
    const asRunning = encodeControl(bytes, AT, 'running', packControl(message), 0);
    expect(() => decodeControl(openFrame(bytes, AT, asRunning, 0))).toThrow(
      'running has a wrong body',
    );
    const broken = encodeControl(bytes, AT, 'hello', Uint8Array.of(0xc1), 0);
    expect(() => decodeControl(openFrame(bytes, AT, broken, 0))).toThrow(WireError);
    sealFrame(bytes, AT, { type: 99, sequence: 0, controlBytes: 0, payloadOffset: 32, length: 32 });
    expect(() => decodeControl(openFrame(bytes, AT, 32, 0))).toThrow('type 99 is unknown here');
  });
});

describe('a ring', () => {
  it('brings frames of all sizes in order, unsplit, through many laps', () => {
    const ring = createRing(64 * 1024);
    const producer = new RingProducer(ring);
    const consumer = new RingConsumer(ring);
    let sent = 0;
    let received = 0;
    const size = (n: number): number => 1 + ((n * 7919) % 20_000);
    while (received < 3000) {
      const at = sent < 3000 ? producer.reserve(size(sent)) : -1;
      if (at >= 0) {
        producer.memory.bytes.fill(sent & 0xff, at, at + size(sent));
        producer.commit(size(sent), sent);
        sent++;
        if (sent % 3 !== 0) continue;
      }
      const record = consumer.peek()!;
      expect(record).toMatchObject({ bytes: size(received), arrivalNs: received });
      const bytes = consumer.memory.bytes.subarray(record.at, record.at + record.bytes);
      expect(bytes.every((byte) => byte === (received & 0xff))).toBe(true);
      consumer.release(record.room);
      received++;
    }
    expect(consumer.peek()).toBeUndefined();
  });

  it('tells a consumer when the producer waits for room', () => {
    const ring = createRing(64 * 1024);
    const producer = new RingProducer(ring);
    const consumer = new RingConsumer(ring);
    for (let at = producer.reserve(30_000); at >= 0; at = producer.reserve(30_000))
      producer.commit(30_000, 0);
    expect(consumer.release(consumer.peek()!.room)).toBe(true);
    expect(consumer.release(consumer.peek()!.room)).toBe(false);
    expect(producer.reserve(30_000)).toBeGreaterThan(0);
  });
});
