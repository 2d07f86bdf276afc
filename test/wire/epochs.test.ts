import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { Generator } from '../../src/random/generator.ts';
import { PageCompressor } from '../../src/replication/compression.ts';
import { COMPRESSIONS } from '../../src/replication/config.ts';
import { decodeEpochBlocks, encodeEpochBlocks } from '../../src/wire/epoch-blocks.ts';
import { decodeEpochPages, encodeEpochPages } from '../../src/wire/epoch-pages.ts';
import {
  decodeEpochOutputs,
  encodeEpochOutputs,
  epochOutputsBytes,
} from '../../src/wire/epoch-outputs.ts';
import { decodeEpoch, encodeEpoch, EPOCH_FRAME, packEpoch } from '../../src/wire/epochs.ts';
import { decodeRanges, encodeRanges } from '../../src/wire/ranges.ts';
import { type Frame, type FrameMemory, openFrame, WireError } from '../../src/wire/frame.ts';

const AT = 4096;
const PAGE = 4096;
const sampleMemory = (): FrameMemory => new RingProducer(createRing(256 * 1024, false)).memory;

const random = new Generator(11);
const OLD = Array.from({ length: 4 }, () =>
  Uint8Array.from({ length: PAGE }, () => random.below(4)),
);
const NEW = OLD.map((page, i) => page.map((byte, at) => (at % 97 === i ? 255 - byte : byte)));

const target = { pageSize: PAGE, slotPages: [16], page: (_: number, page: number) => OLD[page]! };

function pagesFrame(kind: (typeof COMPRESSIONS)[number], memory = sampleMemory()): Frame {
  const encoder = new PageCompressor(kind, 8, { xorNs: 0, deflateNs: 0 }, () => undefined);
  const options = { epoch: 5, pageSize: PAGE, integrity: 'full' as const, encoder };
  const batch = (contents: readonly Uint8Array[]) => ({ slot: 0, pages: [0, 1, 2, 3], contents });
  // The first frame fills the cache with the old copies.
  encodeEpochPages(memory, AT, batch(OLD), options, 0);
  const length = encodeEpochPages(memory, AT, batch(NEW), options, 1);
  return openFrame(memory, AT, length, 1);
}

function decoded(frame: Frame): Uint8Array[] {
  const pages: Uint8Array[] = [];
  const epoch = decodeEpochPages(frame, target, 'full', (_, page, content) => {
    pages[page] = content;
  });
  expect(epoch).toBe(5);
  return pages;
}

describe('a frame with pages of an epoch', () => {
  it.each(COMPRESSIONS)('gives the pages back with compression %s', (kind) => {
    const pages = decoded(pagesFrame(kind));
    for (const [i, page] of NEW.entries()) expect(Buffer.compare(pages[i]!, page)).toBe(0);
  });

  it('is refused when a byte of it is another', () => {
    for (const kind of COMPRESSIONS) {
      const memory = sampleMemory();
      const { length, controlAt, controlEnd, payloadAt } = pagesFrame(kind, memory);
      for (let i = 0; i < 60; i++) {
        // The zeros between the control part and the payload mean nothing.
        const isControl = i % 3 === 0;
        const [from, to] = isControl ? [controlAt - 28, controlEnd] : [payloadAt, AT + length];
        const at = from + random.below(to - from);
        memory.bytes[at]! ^= 1 << random.below(8);
        expect(() => decoded(openFrame(memory, AT, length, 1)), `${kind} byte ${at}`).toThrow(
          WireError,
        );
        pagesFrame(kind, memory);
      }
    }
  });

  it('is refused when its encoded pages are damaged and only its header is checked', () => {
    const memory = sampleMemory();
    const frame = pagesFrame('gzip', memory);
    memory.bytes.fill(0xff, frame.payloadAt, frame.payloadEnd);
    expect(() => decodeEpochPages(frame, target, 'header', () => undefined)).toThrow(WireError);
  });
});

describe('a frame with blocks of a disk', () => {
  const writes = [3, 1, 3].map((block) => ({
    block,
    content: Uint8Array.from({ length: 512 }, () => random.below(256)),
  }));
  const options = { epoch: 9, blockBytes: 512, integrity: 'full' as const };

  it('gives the writes back in their order', () => {
    const memory = sampleMemory();
    const length = encodeEpochBlocks(memory, AT, writes, options, 2);
    const frame = openFrame(memory, AT, length, 2);
    expect(decodeEpochBlocks(frame, { blocks: 4, blockBytes: 512 }, 'full')).toEqual({
      epoch: 9,
      writes,
    });
  });

  it('is refused when a block lies outside the disk, or its bytes are damaged', () => {
    const memory = sampleMemory();
    const length = encodeEpochBlocks(memory, AT, writes, options, 2);
    const frame = openFrame(memory, AT, length, 2);
    const decode = (blocks: number) =>
      decodeEpochBlocks(frame, { blocks, blockBytes: 512 }, 'full');
    expect(() => decode(3)).toThrow('block 3 lies outside the disk');
    memory.bytes[frame.payloadAt + 700]! ^= 1;
    expect(() => decode(4)).toThrow('the CRC of its blocks differs');
  });
});

describe('a frame with sums of packets', () => {
  const outputs = { epoch: 3, stream: 1, from: 2 ** 32 + 5, sums: [1, 2, 0xffffffff, 4] };

  const frameOf = (change: Partial<typeof outputs> = {}) => {
    const memory = sampleMemory();
    const length = encodeEpochOutputs(memory, AT, { ...outputs, ...change }, 2);
    expect(length).toBe(epochOutputsBytes((change.sums ?? outputs.sums).length / 2));
    return openFrame(memory, AT, length, 2);
  };

  it('gives them back', () => {
    expect(decodeEpochOutputs(frameOf(), 2)).toEqual(outputs);
  });

  it('is refused when the guest has no such stream or packet, or it is empty', () => {
    expect(() => decodeEpochOutputs(frameOf(), 1)).toThrow('the guest has no such packet');
    const late = frameOf({ from: 2 ** 53 });
    expect(() => decodeEpochOutputs(late, 2)).toThrow('the guest has no such packet');
    const empty = frameOf({ sums: [] });
    expect(() => decodeEpochOutputs(empty, 2)).toThrow('has impossible lengths');
  });
});

describe('a frame with pages that a secondary has dirtied', () => {
  it('gives its ranges back, and is refused when one lies outside memory', () => {
    const memory = sampleMemory();
    const length = encodeRanges(memory, AT, 'dirty', [2, 3, 9, 1], 0, 2, 2);
    const frame = openFrame(memory, AT, length, 2);
    expect(frame.type).toBe(EPOCH_FRAME.dirty);
    const ranges: number[] = [];
    decodeRanges(frame, 10, (gfn, pages) => ranges.push(gfn, pages));
    expect(ranges).toEqual([2, 3, 9, 1]);
    expect(() => decodeRanges(frame, 9, () => undefined)).toThrow('lie outside memory');
  });
});

describe('a control message of replication', () => {
  const stream = { stream: 0, n: 7, writes: 5, checksumLow: 1, checksumHigh: 2, pace: [0.5] };
  const vcpu = {
    guestNs: 1,
    aliveNs: 2,
    pausedNs: 3,
    throttled: 0,
    manager: [],
    streams: [stream],
  };
  const messages = [
    { name: 'checkpoint', body: { epoch: 4, pages: 10, blocks: 2, vcpus: [vcpu] } },
    { name: 'checkpoint', body: { epoch: 4, pages: 1, blocks: 0, vcpus: [vcpu], variants: [7] } },
    { name: 'committed', body: { epoch: 4 } },
    { name: 'pause', body: { epoch: 4 } },
    { name: 'paused', body: { epoch: 4, pages: 9 } },
    { name: 'loaded', body: { epoch: 4 } },
    { name: 'heartbeat', body: {} },
  ] as const;

  it.each(messages)('$name is read as it was written', (message) => {
    const memory = sampleMemory();
    const length = encodeEpoch(memory, AT, message.name, packEpoch(message), 3);
    expect(decodeEpoch(openFrame(memory, AT, length, 3))).toEqual(message);
  });

  it('is refused with a body of another type', () => {
    const memory = sampleMemory();
    const packed = packEpoch({ name: 'heartbeat', body: {} });
    const length = encodeEpoch(memory, AT, 'committed', packed, 3);
    expect(() => decodeEpoch(openFrame(memory, AT, length, 3))).toThrow(
      'committed has a wrong body',
    );
  });
});
