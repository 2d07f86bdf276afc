import { fillPages } from '../../src/memory/contents/contents.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import type { Backing } from '../../src/memory/layout.ts';
import { type Memslot, openSlot } from '../../src/memory/memslot.ts';
import { PageSet } from '../../src/memory/page-set.ts';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import {
  type ControlMessage,
  decodeControl,
  encodeControl,
  packControl,
} from '../../src/wire/control.ts';
import { openDecoder } from '../../src/wire/decoder.ts';
import { decodeDevice, encodeDevice } from '../../src/wire/devices.ts';
import { openEncoder } from '../../src/wire/encoder.ts';
import { type Frame, FRAME, type FrameMemory, openFrame } from '../../src/wire/frame.ts';
import type { Integrity } from '../../src/wire/pages.ts';
import { encodePart } from '../../src/wire/parts.ts';
import { decodeSlots, encodeSlots } from '../../src/wire/slots.ts';
import { decodeRanges, encodeRanges, type RangesName } from '../../src/wire/ranges.ts';
import { decodeReferences, encodeReferences, type Reference } from '../../src/wire/references.ts';
import { smallSlot } from './slots.ts';

/** Where a sample frame lies in its memory. */
export const SAMPLE_AT = 4096 + 64;

/** A sealed frame of one type, and what its receiver does with such a frame. */
export interface FrameSample {
  readonly memory: FrameMemory;
  /** The frame's length in memory, in bytes. */
  readonly length: number;
  /** Decodes the frame as its receiver does; returns what it says. */
  take(frame: Frame): unknown;
}

const VCPU = {
  guestNs: 123.5,
  aliveNs: 7e9,
  pausedNs: 8e9,
  throttled: 0.25,
  manager: [1, 2],
  streams: [
    { stream: 0, n: 1e6, writes: 5e5, checksumLow: 1, checksumHigh: 0xffffffff, pace: [0.5] },
    { stream: 1, n: 3, writes: 0, checksumLow: 77, checksumHigh: 0, pace: [] },
  ],
};

/** A message of each type. */
export const MESSAGES: readonly ControlMessage[] = [
  { name: 'hello', body: { slots: [256, 16], pageSize: 4096, vcpus: 2, integrity: 'full' } },
  { name: 'welcome', body: {} },
  {
    name: 'switchover',
    body: { stoppedPages: 300, postcopy: true, absentPages: 26_051, buffered: false },
  },
  { name: 'state', body: { vcpus: [VCPU, VCPU] } },
  { name: 'run', body: {} },
  { name: 'running', body: { pagesNs: 1.5e9, stateNs: 1.6e9, runningNs: 1.7e9 + 0.25 } },
  { name: 'cancel', body: {} },
  { name: 'failed', body: { message: 'frame 3: its CRC differs', ran: false } },
  { name: 'request', body: { gfn: 26_051 } },
  { name: 'end', body: {} },
  { name: 'complete', body: { presentNs: 2.5e9 } },
  { name: 'resume', body: {} },
  { name: 'resumed', body: { presentPages: 26_051 } },
  { name: 'ack', body: {} },
  { name: 'miss', body: { gfns: [3, 70_000] } },
  { name: 'flush', body: { number: 1 } },
  { name: 'sync', body: { number: 1 } },
];

export const RANGES_NAMES: readonly RangesName[] = [
  'discard',
  'released',
  'free',
  'hinted',
  'received',
];

export const sampleMemory = (): FrameMemory =>
  new RingProducer(createRing(128 * 1024, false)).memory;

export function controlSample(message: ControlMessage): FrameSample {
  const memory = sampleMemory();
  const length = encodeControl(memory, SAMPLE_AT, message.name, packControl(message), 5);
  return { memory, length, take: decodeControl };
}

export function rangesSample(name: RangesName): FrameSample {
  const memory = sampleMemory();
  const length = encodeRanges(memory, SAMPLE_AT, name, [0, 3, 10, 1, 255, 1], 0, 3, 5);
  const take = (frame: Frame): number[] => {
    const ranges: number[] = [];
    decodeRanges(frame, 256, (gfn, pages) => ranges.push(gfn, pages));
    return ranges;
  };
  return { memory, length, take };
}

/** The pages and slots of the sample of SLOTS, in pairs. */
export const SLOTS = [0, 7, 10, 3, 255, 4_000_000];

export function slotsSample(): FrameSample {
  const memory = sampleMemory();
  const length = encodeSlots(memory, SAMPLE_AT, SLOTS, 0, 3, 5);
  const take = (frame: Frame): number[] => {
    const pairs: number[] = [];
    decodeSlots(frame, 256, (gfn, slot) => pairs.push(gfn, slot));
    return pairs;
  };
  return { memory, length, take };
}

export const REFERENCES: readonly Reference[] = [
  { gfn: 3, guest: 0, there: 9, low: 0x89abcdef, high: 0x01234567, crc: 0xdeadbeef },
  { gfn: 255, guest: 7, there: 0xffffffff, low: 0, high: 0xffffffff, crc: 1 },
];

export function referenceSample(): FrameSample {
  const memory = sampleMemory();
  const length = encodeReferences(memory, SAMPLE_AT, REFERENCES, 5);
  return { memory, length, take: (frame) => decodeReferences(frame, 256) };
}

/** A frame with the first 100 bytes of a device's state; the payload is padded to 128 bytes. */
export const DEVICE_PIECE = {
  device: 3,
  part: 'state',
  offset: 0x1_0000_0000,
  bytes: 100,
} as const;

export function deviceSample(integrity: Integrity): FrameSample {
  const memory = sampleMemory();
  const length = encodeDevice(memory, SAMPLE_AT, DEVICE_PIECE, integrity, 5);
  return { memory, length, take: (frame) => decodeDevice(frame, integrity) };
}

/** The part of a page that the sample carries; the page's size is 16 KiB. */
export const PART = { page: 3, offset: 4096, bytes: 8192 } as const;

/** A frame with a part of a page whose parts before it have come, and the memslot into which it is installed. */
export function partSample(integrity: Integrity, backing: Backing): PagesSample {
  const memory = sampleMemory();
  const shape = { pages: 8, pageSize: 16_384, backing };
  const [source, target] = [0, 1].map(() => openSlot(smallSlot(shape)));
  fillPages(source!, [{ firstGfn: 0, pages: 8, kind: 'random' as const, zeroShare: 0 }], 1, 0, 8);
  const options = { integrity, encodings: ['zero'] as const };
  const build = (offset: number, bytes: number, at: number, sequence: number): number => {
    const part = { slot: source!, page: PART.page, offset, bytes };
    return encodePart(part, memory, at, options, sequence).storedLength;
  };
  const length = build(PART.offset, PART.bytes, SAMPLE_AT, 5);
  const firstAt = 64 * 1024;
  const firstLength = build(0, PART.offset, firstAt, 4);
  target!.ram.fill(0xee);
  // Each taking is of a new page, whose first part is taken before.
  const take = (frame: Frame): unknown => {
    const decoder = openDecoder(memoryOf([target!]), integrity);
    const kept = target!.ram.slice();
    decoder.install(openFrame(memory, firstAt, firstLength, 4));
    target!.ram.set(kept);
    return structuredClone(decoder.install(frame));
  };
  return { memory, length, take, source: source!, target: target! };
}

/** A page frame and the memslot into which it is installed; its pages are 3 (raw), 4 (zero), 5 and 9 (raw). */
export interface PagesSample extends FrameSample {
  readonly source: Memslot;
  readonly target: Memslot;
}

export const RAW_GFNS = [3, 5, 9] as const;

export function pagesSample(integrity: Integrity, backing: Backing): PagesSample {
  const memory = sampleMemory();
  const [source, target] = [0, 1].map(() => openSlot(smallSlot({ pages: 16, backing })));
  const contents = [{ firstGfn: 0, pages: 16, kind: 'random' as const, zeroShare: 0 }];
  fillPages(source!, contents, 1, 0, 16);
  const { storedBytes } = source!.layout;
  source!.ram.fill(0, 4 * storedBytes, 5 * storedBytes);
  target!.ram.fill(0xee);
  const set = new PageSet(source!);
  set.addRun(3, 3);
  set.addRun(9, 1);
  const encoder = openEncoder({ integrity, encodings: ['zero'] });
  const { storedLength } = encoder.encode(set.take(0, 16), memory, SAMPLE_AT, 5);
  const decoder = openDecoder(memoryOf([target!]), integrity);
  const take = (frame: Frame): unknown => structuredClone(decoder.install(frame));
  return { memory, length: storedLength, take, source: source!, target: target! };
}

/** The number of each type of which there is a sample. */
export const SAMPLED_TYPES: readonly number[] = [
  FRAME.pages,
  FRAME.part,
  FRAME.device,
  FRAME.reference,
  ...MESSAGES.map(({ name }) => FRAME[name]),
  ...RANGES_NAMES.map((name) => FRAME[name]),
  FRAME.slots,
];
