import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import type { Backing } from '../../src/memory/layout.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { PageSet } from '../../src/memory/page-set.ts';
import { openDecoder } from '../../src/wire/decoder.ts';
import { openEncoder } from '../../src/wire/encoder.ts';
import { ENCODING_COUNT } from '../../src/wire/encodings.ts';
import { type Frame, FRAME, type FrameMemory, openFrame, sealFrame } from '../../src/wire/frame.ts';
import { MAX_FRAME_BYTES, MAX_WHOLE_PAGE } from '../../src/wire/limits.ts';
import {
  countBlockPages,
  ENCODING_SHIFT,
  FIXED_BYTES,
  type Integrity,
  pageFrameRoom,
} from '../../src/wire/pages.ts';
import { encodeRanges } from '../../src/wire/ranges.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { pagesSample, SAMPLE_AT as AT } from '../support/frame-samples.ts';
import { smallSlot } from '../support/slots.ts';

const SEQUENCE = 5;
const memory = (): FrameMemory => new RingProducer(createRing(1024 * 1024, false)).memory;

/** Seals a frame again whose control part has been changed, with lengths of its own; opens it. */
function reseal(
  into: FrameMemory,
  frame: Frame,
  { controlBytes = frame.controlEnd - frame.controlAt, length = frame.length } = {},
): Frame {
  const payloadOffset = Math.min(frame.payloadAt - AT, length);
  sealFrame(into, AT, {
    type: FRAME.pages,
    sequence: SEQUENCE,
    controlBytes,
    payloadOffset,
    length,
  });
  return openFrame(into, AT, length, SEQUENCE);
}

/** Where the fields of a page frame stand, from its control part on; it has four runs and three sums. */
const FIELD = {
  slot: 0,
  pageSize: 4,
  runs: 8,
  sums: 12,
  first: FIXED_BYTES,
  word: FIXED_BYTES + 4,
};

/** Returns what the receiver says of a frame of three raw pages and a zero page, once a field has been changed. */
function complaint(
  change: Partial<Record<keyof typeof FIELD, number>>,
  lengths: { controlBytes?: number; length?: number } = {},
  integrity: Integrity = 'full',
): string {
  const sample = pagesSample('full', 'bytes');
  const { view } = sample.memory;
  const frame = openFrame(sample.memory, AT, sample.length, SEQUENCE);
  for (const [field, value] of Object.entries(change)) {
    view.setUint32(frame.controlAt + FIELD[field as keyof typeof FIELD], value, true);
  }
  const changed = reseal(sample.memory, frame, lengths);
  const target = openSlot(smallSlot({ pages: 16 }));
  target.ram.fill(0xee);
  try {
    openDecoder(memoryOf([target]), integrity).install(changed);
  } catch (error) {
    expect(target.ram.every((byte) => byte === 0xee)).toBe(true);
    return (error as Error).message;
  }
  return 'taken';
}

const raw = (pages: number): number => pages;
const of = (encoding: number, pages: number): number =>
  ((encoding << ENCODING_SHIFT) | pages) >>> 0;
/** The header, the control part of four runs and three sums, and the three raw pages behind them. */
const WHOLE = { control: FIXED_BYTES + 4 * 8 + 3 * 8, length: 128 + 3 * 4096 };

describe('a page frame is refused with the sentence about what is wrong', () => {
  it.each([
    ['the page frame is cut off', {}, { controlBytes: FIXED_BYTES - 4 }],
    ['the page frame has impossible lengths', {}, { controlBytes: FIXED_BYTES }],
    ['the page frame has impossible lengths', {}, { controlBytes: WHOLE.control - 8 }],
    ['the page frame has impossible lengths', {}, { controlBytes: WHOLE.control + 4 }],
    ['the page frame has impossible lengths', { runs: 3 }, {}],
    ['the page frame has impossible lengths', { sums: 4 }, {}],
    ['the pages are of a memslot that the guest does not have', { slot: 1 }, {}],
    ["the guest's pages are of 4096 bytes, those of the frame are not", { pageSize: 8192 }, {}],
    ['pages 3 + 0 lie outside memory', { word: raw(0) }, {}],
    ['pages 3 + 14 lie outside memory', { word: raw(14) }, {}],
    ['pages 16 + 1 lie outside memory', { first: 16 }, {}],
    ['page encoding 2 is unknown here', { word: of(2, 1) }, {}],
    ['page encoding 15 is unknown here', { word: of(15, 1) }, {}],
    ['the payload has a wrong length', { word: of(1, 1) }, {}],
    ['the payload has a wrong length', {}, { length: WHOLE.length - 64 }],
  ])('%s: %j %j', (sentence, change, lengths) => {
    expect(complaint(change, lengths)).toBe(`frame ${SEQUENCE}: ${sentence}`);
  });

  it('when it has sums that were not agreed on', () => {
    expect(complaint({}, {}, 'header')).toBe(
      `frame ${SEQUENCE}: page sums are missing, or there are some that were not agreed on`,
    );
  });

  it('and the sample itself is taken', () => {
    expect(complaint({})).toBe('taken');
    expect(complaint({ first: 15 })).toBe('taken');
  });

  it('but not for having no pages', () => {
    const sample = pagesSample('full', 'bytes');
    const frame = openFrame(sample.memory, AT, sample.length, SEQUENCE);
    for (const field of [FIELD.runs, FIELD.sums]) {
      sample.memory.view.setUint32(frame.controlAt + field, 0, true);
    }
    const none = reseal(sample.memory, frame, { controlBytes: FIXED_BYTES, length: 128 });
    const { tally, droppedPages } = openDecoder(memoryOf([sample.target]), 'full').install(none);
    expect([pagesOf(tally), droppedPages]).toEqual([0, 0]);
  });
});

it('pages go to the memslot that the frame names', () => {
  const slots = [0, 1].map((index) =>
    openSlot(smallSlot({ pages: 16, index, firstGfn: 16 * index })),
  );
  for (const slot of slots) slot.ram.fill(0xee);
  const source = openSlot(smallSlot({ pages: 16, index: 1, firstGfn: 16 }));
  source.ram.fill(7);
  const set = new PageSet(source);
  set.addRun(2, 1);
  const into = memory();
  const { length } = openEncoder({ integrity: 'full', encodings: ['zero'] }).encode(
    set.take(0, 16),
    into,
    AT,
    SEQUENCE,
  );
  openDecoder(memoryOf(slots), 'full').install(openFrame(into, AT, length, SEQUENCE));
  expect(slots.map(({ ram }) => ram[2 * 4096])).toEqual([0xee, 7]);
});

describe('an encoder', () => {
  /** Memory full of words of one value, which also read as a run: page 1, and one raw page. */
  function filled(): FrameMemory {
    const into = memory();
    for (let at = AT - 256; at < AT + 128 * 1024; at += 4) into.view.setUint32(at, 1, true);
    return into;
  }
  const isUntouched = ({ view }: FrameMemory, from: number, to: number): boolean => {
    for (let at = from; at < to; at += 4) if (view.getUint32(at, true) !== 1) return false;
    return true;
  };

  it.each<[Backing, Integrity, number, number]>([
    ['bytes', 'full', 0, 3],
    ['bytes', 'header', 4, 6],
    ['versions', 'full', 0, 5],
    ['versions', 'header', 0, 2],
  ])(
    'of %s with integrity %s writes its frame and nothing beside it, and zeros where that is reserved',
    (backing, integrity, first, pages) => {
      const slot = openSlot(smallSlot({ pages: 16, backing }));
      slot.ram.fill(3);
      const set = new PageSet(slot);
      set.addRun(first, pages);
      const into = filled();
      const encoder = openEncoder({ integrity, encodings: ['zero'] });
      const { storedLength } = encoder.encode(set.take(0, 16), into, AT, SEQUENCE);
      expect(isUntouched(into, AT - 256, AT)).toBe(true);
      expect(isUntouched(into, AT + storedLength, AT + 128 * 1024)).toBe(true);
      expect(into.view.getUint32(AT + 24, true)).toBe(0);
    },
  );

  it('of ranges writes these and nothing behind them', () => {
    const into = filled();
    const length = encodeRanges(into, AT, 'discard', [5, 2, 9, 4], 0, 1, SEQUENCE);
    expect(isUntouched(into, AT + length, AT + 1024)).toBe(true);
  });

  it('sends the runs of this take alone', () => {
    const slot = openSlot(smallSlot({ pages: 64 }));
    slot.ram.fill(3);
    const set = new PageSet(slot);
    const encoder = openEncoder({ integrity: 'full', encodings: ['zero'] });
    for (const page of [0, 2, 4]) set.addRun(page, 1);
    const sent = () => pagesOf(encoder.encode(set.take(0, 64), memory(), AT, SEQUENCE).tally);
    expect(sent()).toBe(3);
    set.clear();
    set.addRun(10, 1);
    expect(sent()).toBe(1);
  });

  it.each<[Backing, number]>([
    ['versions', 1],
    ['versions', 32],
    ['bytes', 1],
    ['bytes', 32],
  ])('with %s looks at %i pages for zeros, and not at the next one', (backing, pages) => {
    const [source, target] = [0, 1].map(() => openSlot(smallSlot({ pages: 64, backing })));
    const { storedBytes } = source!.layout;
    source!.ram.fill(3, 0, pages * storedBytes);
    target!.ram.fill(0xee);
    const set = new PageSet(source!);
    set.addRun(0, pages);
    const into = memory();
    const encoder = openEncoder({ integrity: 'full', encodings: ['zero'] });
    const { storedLength, tally } = encoder.encode(set.take(0, pages), into, AT, SEQUENCE);
    expect([pagesOf(tally, 'raw'), pagesOf(tally, 'zero')]).toEqual([pages, 0]);
    openDecoder(memoryOf([target!]), 'full').install(openFrame(into, AT, storedLength, SEQUENCE));
    const sent = target!.ram.subarray(0, pages * storedBytes);
    expect(sent.every((byte) => byte === 3)).toBe(true);
    expect(target!.ram[pages * storedBytes]).toBe(0xee);
  });
});

it('the longest frame has room for the largest page that travels whole', () => {
  expect(MAX_FRAME_BYTES).toBeGreaterThanOrEqual(pageFrameRoom(1, MAX_WHOLE_PAGE));
});

describe('how many pages of an unchecked frame come as blocks', () => {
  const count = (change: Partial<Record<keyof typeof FIELD, number>>, controlBytes?: number) => {
    const sample = pagesSample('full', 'bytes');
    const frame = openFrame(sample.memory, AT, sample.length, SEQUENCE);
    for (const [field, value] of Object.entries(change)) {
      const at = frame.controlAt + FIELD[field as keyof typeof FIELD];
      sample.memory.view.setUint32(at, value, true);
    }
    const pages = Array.from({ length: ENCODING_COUNT }, () => 0);
    const changed = reseal(
      sample.memory,
      frame,
      controlBytes === undefined ? {} : { controlBytes },
    );
    countBlockPages(changed, 4096, pages);
    return pages.reduce((sum, one) => sum + one, 0);
  };

  it('is what its runs say', () => {
    expect(count({})).toBe(0);
    expect(count({ word: of(3, 2) })).toBe(2);
    expect(count({ word: of(4, 1) })).toBe(1);
    expect(count({ word: of(5, 3) })).toBe(3);
    expect(count({ word: of(15, 3) })).toBe(0);
  });

  it('is at most what a frame may carry, whatever its fields say', () => {
    expect(count({ word: of(3, 0x0fffffff) })).toBe(32);
    expect(count({ runs: 0xffffffff, word: of(3, 2) })).toBeLessThanOrEqual(32);
    expect(count({ word: of(3, 2) }, FIXED_BYTES - 4)).toBe(0);
  });
});
