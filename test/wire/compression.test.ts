import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { fillPages } from '../../src/memory/contents/contents.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { type Memslot, openSlot } from '../../src/memory/memslot.ts';
import { PageSet } from '../../src/memory/page-set.ts';
import { Generator } from '../../src/random/generator.ts';
import { COMPRESSORS, openCompressor } from '../../src/wire/compressors/registry.ts';
import { openDecoder } from '../../src/wire/decoder.ts';
import { type Encoder, type EncoderOptions, openEncoder } from '../../src/wire/encoder.ts';
import { ENCODING } from '../../src/wire/encodings.ts';
import { FIXED_BYTES, pageFrameRoom } from '../../src/wire/pages.ts';
import { type Frame, FRAME, openFrame, sealFrame } from '../../src/wire/frame.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { smallSlot } from '../support/slots.ts';

const PAGE = 4096;
const AT = 4096 + 64;
const PAGES = 32;

/** Pages of text, of which 3 and 4 are zero, and 8 to 11 random, and so incompressible. */
function someContents(pageSize = PAGE, pages = PAGES): Memslot {
  const slot = openSlot(smallSlot({ pages, pageSize }));
  fillPages(slot, [{ firstGfn: 0, pages, kind: 'text' as const, zeroShare: 0 }], 1, 0, pages);
  slot.ram.fill(0, 3 * pageSize, 5 * pageSize);
  const random = new Generator(3);
  for (let i = 8 * pageSize; i < 12 * pageSize; i++) slot.ram[i] = random.below(256);
  return slot;
}

function encodePages(slot: Memslot, encoder: Encoder, first = 0, pages = PAGES) {
  const set = new PageSet(slot);
  set.clear();
  set.addRun(first, pages);
  const { memory } = new RingProducer(createRing(8 * 1024 * 1024, false));
  const encoded = encoder.encode(set.take(0, pages), memory, AT, 0);
  return { encoded, open: () => openFrame(memory, AT, encoded.length, 0) };
}

/** Opens the two ends of a migration that compresses blocks of so many pages. */
function endsOf(
  source: Memslot,
  method: (typeof COMPRESSORS)[number],
  {
    blockPages = PAGES,
    integrity = 'full',
    ...more
  }: Partial<EncoderOptions> & { blockPages?: number } = {},
) {
  const { pageSize, pages } = source.layout;
  const target = openSlot(smallSlot({ pages, pageSize }));
  target.ram.fill(0xee);
  const compressionBlockBytes = blockPages * pageSize;
  const options = {
    integrity,
    encodings: ['zero', method] as const,
    compressionBlockBytes,
    ...more,
  };
  const encoder = openEncoder(options, { pageSize, pages });
  const { compression } = encoder.packer!;
  const decoder = openDecoder(memoryOf([target]), integrity, { compression });
  return { target, encoder, decoder };
}

const ways = COMPRESSORS.flatMap((method) =>
  [1, 3, PAGES].flatMap((blockPages) =>
    (['full', 'header'] as const).map((integrity) => ({ method, blockPages, integrity })),
  ),
);

describe.each(ways)(
  'pages compressed by $method, $blockPages a block, integrity $integrity',
  (way) => {
    const { method, blockPages, integrity } = way;

    it('come as they were, and take fewer bytes', () => {
      const source = someContents();
      const { target, encoder, decoder } = endsOf(source, method, { blockPages, integrity });
      const { encoded, open } = encodePages(source, encoder);
      const { tally } = decoder.install(open());
      expect(Buffer.compare(target.ram, source.ram)).toBe(0);
      expect(tally).toEqual(encoded.tally);
      expect(pagesOf(tally, 'zero')).toBe(2);
      const compressed = pagesOf(tally, method);
      expect(compressed + pagesOf(tally, 'raw')).toBe(30);
      expect(compressed).toBe(encoder.packer!.counts.pages);
      expect(tally.bytes[ENCODING[method]]).toBe(encoder.packer!.counts.compressedBytes);
      expect(tally.bytes[ENCODING[method]]).toBeLessThan(compressed * PAGE);
      expect(encoded.length).toBeLessThanOrEqual(pageFrameRoom(PAGES, PAGE, true));
      // A single block is worth it although four of its pages are not.
      if (blockPages === PAGES) expect(compressed).toBe(30);
      else expect(encoder.packer!.counts.incompressiblePages).toBeGreaterThan(0);
    });

    it('are refused before a page is written if their block is damaged, or lies about its length', () => {
      const source = someContents();
      const { target, encoder, decoder } = endsOf(source, method, { blockPages, integrity });
      const { open } = encodePages(source, encoder);
      const untouched = (): boolean => target.ram.every((byte) => byte === 0xee);
      const refusal = (change: (frame: Frame) => void): string => {
        const frame = open();
        const kept = frame.memory.bytes.slice(AT, AT + frame.length);
        try {
          change(frame);
          decoder.install(frame);
          return 'taken';
        } catch (error) {
          return (error as Error).message;
        } finally {
          frame.memory.bytes.set(kept, AT);
        }
      };
      const cut = refusal(({ memory, payloadAt, payloadEnd }) =>
        memory.bytes.fill(0xa5, payloadAt, payloadEnd),
      );
      expect(cut).toMatch(
        /^frame 0: (the sum of raw page|compressed (block|page) \d+ (is damaged|does not))/,
      );
      expect(
        refusal(({ memory, controlEnd }) => {
          memory.view.setUint32(controlEnd - 4, 0xffffffff, true);
        }),
      ).toBe('frame 0: the payload has a wrong length');
      expect(untouched()).toBe(true);
      expect(refusal(() => {})).toBe('taken');
    });
  },
);

describe.each(COMPRESSORS)('a block of %s', (method) => {
  it('is taken only if it holds exactly as many bytes as its pages', () => {
    const { compress, decompress } = openCompressor(method);
    const bytes = Buffer.alloc(2 * PAGE, 'pages of a guest ');
    const block = Buffer.from(compress(bytes));
    const into = new Uint8Array(2 * PAGE);
    expect(decompress(block, into)).toBe(true);
    expect(Buffer.compare(into, bytes)).toBe(0);
    for (const wrong of [PAGE, 2 * PAGE - 1, 2 * PAGE + 1, 4 * PAGE]) {
      expect(decompress(block, new Uint8Array(wrong)), String(wrong)).toBe(false);
    }
    expect(decompress(Buffer.alloc(0), into)).toBe(false);
    expect(decompress(block.subarray(0, block.length - 3), into)).toBe(false);
    expect(decompress(block, into)).toBe(true);
  });

  it('that would become huge takes no memory', () => {
    const { compress, decompress } = openCompressor(method);
    const bomb = Buffer.from(compress(Buffer.alloc(64 * 1024 * 1024)));
    const before = process.memoryUsage();
    expect(decompress(bomb, new Uint8Array(PAGE))).toBe(false);
    const after = process.memoryUsage();
    expect(after.rss - before.rss).toBeLessThan(48 * 1024 * 1024);
  });

  it('with damage anywhere is refused, or becomes other bytes of the same length', () => {
    const { compress, decompress } = openCompressor(method);
    const random = new Generator(7);
    const bytes = Buffer.from(
      Array.from({ length: PAGE }, (_, i) => (i % 64 < 40 ? i & 7 : random.below(256))),
    );
    const block = Buffer.from(compress(bytes));
    let refused = 0;
    for (let round = 0; round < 400; round++) {
      const damaged = Buffer.from(block);
      for (let left = 1 + random.below(3); left > 0; left--) {
        damaged[random.below(damaged.length)]! ^= 1 << random.below(8);
      }
      const into = new Uint8Array(PAGE + 64).fill(0xcd);
      if (!decompress(damaged, into.subarray(0, PAGE))) refused++;
      expect(into.subarray(PAGE).every((byte) => byte === 0xcd)).toBe(true);
    }
    expect(refused).toBeGreaterThan(20);
    expect(decompress(block, new Uint8Array(PAGE))).toBe(true);
  });
});

it('compressed pages are refused by one that has not agreed on them, or on another method', () => {
  const source = someContents();
  const { target, encoder } = endsOf(source, 'zlib');
  const { open } = encodePages(source, encoder);
  const guest = memoryOf([target]);
  expect(() => openDecoder(guest, 'full').install(open())).toThrow(
    'page encoding 5 is unknown here',
  );
  const other = { method: 'lz4', blockPages: PAGES } as const;
  expect(() => openDecoder(guest, 'full', { compression: other }).install(open())).toThrow(
    'page encoding 5 is unknown here',
  );
  const versions = memoryOf([openSlot(smallSlot({ pages: PAGES, backing: 'versions' }))]);
  const compression = { method: 'zlib', blockPages: PAGES } as const;
  expect(() => openDecoder(versions, 'full', { compression }).install(open())).toThrow(
    'page encoding 5 is unknown here',
  );
});

it('a block that becomes other bytes is refused by the sum of its page', () => {
  const source = someContents();
  const { target, encoder, decoder } = endsOf(source, 'zlib', { blockPages: 1 });
  const frame = encodePages(source, encoder, 0, 1).open();
  const { memory } = frame;
  const other = deflateRawSync(Buffer.alloc(PAGE, 1));
  memory.bytes.set(other, frame.payloadAt);
  memory.view.setUint32(frame.controlEnd - 4, other.length, true);
  const length = frame.payloadAt - AT + other.length;
  const header = { sequence: 0, controlBytes: frame.controlEnd - frame.controlAt, length };
  sealFrame(memory, AT, { type: FRAME.pages, payloadOffset: frame.payloadAt - AT, ...header });
  expect(frame.controlEnd - frame.controlAt).toBe(FIXED_BYTES + 8 + 8 + 4);
  expect(() => decoder.install(openFrame(memory, AT, length, 0))).toThrow(
    'compressed page 0 does not come to its sum: it was damaged on the way',
  );
  expect(target.ram.every((byte) => byte === 0xee)).toBe(true);
});

it('huge pages are compressed as well, one a frame', () => {
  const pageSize = 2 ** 21;
  const source = openSlot(smallSlot({ pages: 2, pageSize }));
  source.ram.fill(7, pageSize + 100, pageSize + 5000);
  const { target, encoder, decoder } = endsOf(source, 'lz4', { blockPages: 1 });
  const { encoded, open } = encodePages(source, encoder, 1, 1);
  expect(encoded.length).toBeLessThan(16_384);
  decoder.install(open());
  expect(Buffer.compare(target.ram.subarray(pageSize), source.ram.subarray(pageSize))).toBe(0);
});

describe.each(['full', 'header'] as const)('MECOM, integrity %s', (integrity) => {
  /** Pages of a pointer table, sparse ones, text, random and zero pages. */
  function mixture(): Memslot {
    const slot = someContents();
    const words = new Uint32Array(slot.ram.buffer, slot.ram.byteOffset);
    const perPage = PAGE / 4;
    for (let i = 0; i < 4 * perPage; i++) {
      words[16 * perPage + i] = i % 2 === 0 ? 0xffff8880 : 0x01234400 + ((7 * i) & 0x3ff);
    }
    slot.ram.fill(0, 20 * PAGE, 24 * PAGE);
    for (let page = 20; page < 24; page++) slot.ram[page * PAGE + 100 * (page - 19)] = page;
    return slot;
  }

  it('chooses for each page by what it consists of', () => {
    const source = mixture();
    const options = { integrity, encodings: ['zero', 'mecom'] } as const;
    const { target, encoder, decoder } = endsOf(source, 'lz4', { ...options, blockPages: 4 });
    const { encoded, open } = encodePages(source, encoder);
    const { tally } = decoder.install(open());
    expect(Buffer.compare(target.ram, source.ram)).toBe(0);
    expect(tally).toEqual(encoded.tally);
    const pages = (['zero', 'words', 'sparse'] as const).map((name) => pagesOf(tally, name));
    expect(pages).toEqual([2, 4, 4]);
    expect(tally.bytes[ENCODING.sparse]).toBeLessThan(4 * 8);
    expect(tally.bytes[ENCODING.words]).toBeLessThan(4 * (PAGE / 2));
    expect(pagesOf(tally, 'lz4') + pagesOf(tally, 'raw')).toBe(22);
  });

  it('is refused without agreement, and when the words of a page are damaged', () => {
    const source = mixture();
    const options = { integrity, encodings: ['zero', 'mecom'] } as const;
    const { target, encoder, decoder } = endsOf(source, 'lz4', { ...options, blockPages: 4 });
    const { open } = encodePages(source, encoder, 16, 8);
    const compression = { method: 'lz4', blockPages: 4 } as const;
    const other = openDecoder(memoryOf([target]), integrity, { compression });
    expect(() => other.install(open())).toThrow('page encoding 9 is unknown here');
    const frame = open();
    const { bytes } = frame.memory;
    bytes[frame.payloadAt] = ~bytes[frame.payloadAt]!;
    expect(() => decoder.install(frame)).toThrow('the words of page 16 are damaged');
    expect(target.ram.every((byte) => byte === 0xee)).toBe(true);
  });
});

it('after pages that do not compress ever more are sent untried, until some do', () => {
  const source = openSlot(smallSlot({ pages: 512 }));
  const random = new Generator(9);
  for (let i = 0; i < 400 * PAGE; i++) source.ram[i] = random.below(256);
  source.ram.fill(5, 400 * PAGE);
  const { encoder } = endsOf(source, 'lz4', { blockPages: 4 });
  const { counts } = encoder.packer!;
  const tries: number[] = [];
  for (let first = 0; first < 512; first += 4) {
    const before = counts.incompressiblePages + counts.pages;
    encodePages(source, encoder, first, 4);
    if (counts.incompressiblePages + counts.pages > before) tries.push(first);
  }
  expect(tries.slice(0, 8)).toEqual([0, 8, 20, 40, 76, 144, 276, 536].filter((page) => page < 512));
  expect(counts.pages + counts.incompressiblePages + counts.skippedPages).toBe(512);
  expect(counts.skippedPages).toBeGreaterThan(300);
});
