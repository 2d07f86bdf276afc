import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/wire/crc32c.ts';
import { FRAME, HEADER_BYTES, openFrame, WireError } from '../../src/wire/frame.ts';
import { FIXED_BYTES } from '../../src/wire/pages.ts';
import {
  controlSample,
  type FrameSample,
  MESSAGES,
  type PagesSample,
  pagesSample,
  partSample,
  RANGES_NAMES,
  rangesSample,
  RAW_GFNS,
  REFERENCES,
  referenceSample,
  SAMPLE_AT,
  SAMPLED_TYPES,
  SLOTS,
  slotsSample,
} from '../support/frame-samples.ts';

const SEQUENCE = 5;

const takeNow = ({ memory, length, take }: FrameSample): unknown =>
  take(openFrame(memory, SAMPLE_AT, length, SEQUENCE));

/** Returns why the frame is refused while a bit of it is flipped; undefined when it is taken. */
function complaintOf(sample: FrameSample, byte: number, bit: number): string | undefined {
  const { bytes } = sample.memory;
  bytes[SAMPLE_AT + byte]! ^= 1 << bit;
  try {
    takeNow(sample);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return (error as WireError).message;
  } finally {
    bytes[SAMPLE_AT + byte]! ^= 1 << bit;
  }
}

/** What a receiver says of a damaged byte of the header or the control part: the checks come in this order. */
function complaintsAt(byte: number): RegExp {
  if (byte < 4) return /^frame 5: its magic number is wrong$/;
  if (byte < 6) return /^frame 5: it is of wire version \d+, this side speaks 1$/;
  if ((byte >= 8 && byte < 12) || (byte >= 16 && byte < 24)) {
    return /^frame 5: (?:it has impossible lengths|its CRC differs)$/;
  }
  return /^frame 5: its CRC differs$/;
}

/** Flips every bit of bytes [0, end) of the frame; each must be found before anything is done. */
function expectAllFound(sample: FrameSample, end: number): void {
  const wrong: string[] = [];
  for (let byte = 0; byte < end; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      const complaint = complaintOf(sample, byte, bit);
      if (complaint !== undefined && complaintsAt(byte).test(complaint)) continue;
      wrong.push(`bit ${bit} of byte ${byte}: ${complaint ?? 'taken'}`);
    }
  }
  expect(wrong).toEqual([]);
}

const controlEnd = ({ memory, length }: FrameSample): number =>
  openFrame(memory, SAMPLE_AT, length, SEQUENCE).controlEnd - SAMPLE_AT;

describe('samples', () => {
  it('are there of every frame type', () => {
    expect(new Set(SAMPLED_TYPES)).toEqual(new Set(Object.values(FRAME)));
  });
});

describe('a control message with any bit flipped is refused', () => {
  it.each(MESSAGES.map((message) => ({ message, name: message.name })))('$name', ({ message }) => {
    const sample = controlSample(message);
    expect(takeNow(sample)).toEqual(message);
    expect(controlEnd(sample)).toBe(sample.length);
    expectAllFound(sample, sample.length);
    expect(takeNow(sample)).toEqual(message);
  });
});

describe('a list of ranges with any bit flipped is refused', () => {
  it.each(RANGES_NAMES)('%s', (name) => {
    const sample = rangesSample(name);
    expect(takeNow(sample)).toEqual([0, 3, 10, 1, 255, 1]);
    expectAllFound(sample, sample.length);
  });
});

describe('a list of slots with any bit flipped is refused', () => {
  it('SLOTS', () => {
    const sample = slotsSample();
    expect(takeNow(sample)).toEqual(SLOTS);
    expectAllFound(sample, sample.length);
  });
});

it('a frame of references with any bit flipped is refused', () => {
  const sample = referenceSample();
  expect(takeNow(sample)).toEqual(REFERENCES);
  expectAllFound(sample, sample.length);
});

const untouched = ({ target }: PagesSample): boolean => target.ram.every((byte) => byte === 0xee);

const BACKINGS = ['bytes', 'versions'] as const;
const pageKinds = BACKINGS.flatMap((backing) =>
  (['full', 'header'] as const).map((integrity) => ({ backing, integrity })),
);

describe.each(pageKinds)('a page frame of $backing, integrity $integrity', (kind) => {
  const { backing, integrity } = kind;

  it('with any bit of header and control part flipped is refused, and no page is written', () => {
    const sample = pagesSample(integrity, backing);
    expectAllFound(sample, controlEnd(sample));
    expect(untouched(sample)).toBe(true);
  });

  it('may differ between control part and payload, where nothing stands', () => {
    const sample = pagesSample(integrity, backing);
    const { payloadAt, controlEnd: padding } = openFrame(
      sample.memory,
      SAMPLE_AT,
      sample.length,
      SEQUENCE,
    );
    sample.memory.bytes.fill(0x5a, padding, payloadAt);
    takeNow(sample);
    const { storedBytes } = sample.target.layout;
    const expected = Buffer.alloc(sample.target.ram.length, 0xee);
    for (const gfn of [3, 4, 5, 9]) {
      const [from, to] = [gfn * storedBytes, (gfn + 1) * storedBytes];
      expected.set(sample.source.ram.subarray(from, to), from);
    }
    expect(expected.equals(sample.target.ram)).toBe(true);
  });
});

describe.each(pageKinds)('a part frame of $backing, integrity $integrity', (kind) => {
  const { backing, integrity } = kind;

  it('with any bit of header and control part flipped is refused, and nothing is written', () => {
    const sample = partSample(integrity, backing);
    expectAllFound(sample, controlEnd(sample));
    expect(untouched(sample)).toBe(true);
    expect(takeNow(sample)).toMatchObject({ droppedPages: 0 });
    expect(untouched(sample)).toBe(false);
  });

  it.runIf(integrity === 'full')('with a byte of its payload or sum flipped is refused', () => {
    const sample = partSample(integrity, backing);
    const { payloadAt } = openFrame(sample.memory, SAMPLE_AT, sample.length, SEQUENCE);
    const sentence = "frame 5: the part's sum differs: it was damaged on the way";
    for (
      let byte = payloadAt - SAMPLE_AT;
      byte < sample.length;
      byte += backing === 'bytes' ? 97 : 1
    ) {
      expect(complaintOf(sample, byte, byte % 8)).toBe(sentence);
    }
    expect(untouched(sample)).toBe(true);
  });
});

/** One bit of each byte of a payload, and every bit of each page's first and last byte. */
const flipsOf = (storedBytes: number): [byte: number, bit: number][] => {
  const flips: [number, number][] = [];
  for (let byte = 0; byte < RAW_GFNS.length * storedBytes; byte++) {
    const at = byte % storedBytes;
    const isAtEnd = at === 0 || at === storedBytes - 1;
    for (let bit = 0; bit < 8; bit++) {
      if (isAtEnd || storedBytes < 64 || bit === byte % 8) flips.push([byte, bit]);
    }
  }
  return flips;
};

describe.each(BACKINGS)('the payload of a page frame of %s, integrity full', (backing) => {
  it('with any byte of its payload flipped is refused by the page’s sum, and no page is written', () => {
    const sample = pagesSample('full', backing);
    const { storedBytes } = sample.target.layout;
    const payload = sample.length - RAW_GFNS.length * storedBytes;
    const wrong = flipsOf(storedBytes).filter(([byte, bit]) => {
      const page = Math.floor(byte / storedBytes);
      const complaint = `frame 5: the sum of raw page ${page} differs: the page was damaged on the way`;
      return complaintOf(sample, payload + byte, bit) !== complaint;
    });
    expect(wrong).toEqual([]);
    expect(untouched(sample)).toBe(true);
  });

  it('with any bit of a sum flipped is refused, even if the CRC is right', () => {
    const sample = pagesSample('full', backing);
    const { view, bytes } = sample.memory;
    const end = controlEnd(sample);
    const sums = end - 8 * RAW_GFNS.length;
    expect(sums).toBeGreaterThan(HEADER_BYTES + FIXED_BYTES);
    const reseal = (): void => {
      const header = crc32c(bytes, SAMPLE_AT, SAMPLE_AT + 28);
      const crc = crc32c(bytes, SAMPLE_AT + HEADER_BYTES, SAMPLE_AT + end, header);
      view.setUint32(SAMPLE_AT + 28, crc, true);
    };
    for (let byte = sums; byte < end; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        const page = Math.floor((byte - sums) / 8);
        bytes[SAMPLE_AT + byte]! ^= 1 << bit;
        reseal();
        expect(() => takeNow(sample)).toThrow(`the sum of raw page ${page} differs`);
        bytes[SAMPLE_AT + byte]! ^= 1 << bit;
      }
    }
    expect(untouched(sample)).toBe(true);
  });
});

describe.each(BACKINGS)('the payload of a page frame of %s, integrity header', (backing) => {
  // As documented: with `header` nothing protects the payload.
  it('brings its payload as it comes, so that a flipped byte arrives', () => {
    const sample = pagesSample('header', backing);
    const { storedBytes } = sample.target.layout;
    const payload = sample.length - RAW_GFNS.length * storedBytes;
    for (const [page, gfn] of RAW_GFNS.entries()) {
      for (const at of [0, storedBytes - 1]) {
        expect(complaintOf(sample, payload + page * storedBytes + at, 3)).toBeUndefined();
        const found = sample.target.ram[gfn * storedBytes + at]!;
        expect(found ^ sample.source.ram[gfn * storedBytes + at]!).toBe(8);
      }
    }
  });
});
