import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { type Memslot, openSlot } from '../../src/memory/memslot.ts';
import { crc32c } from '../../src/wire/crc32c.ts';
import { openDecoder } from '../../src/wire/decoder.ts';
import {
  type FrameMemory,
  FRAME,
  HEADER_BYTES,
  openFrame,
  sealFrame,
} from '../../src/wire/frame.ts';
import type { InstallGate } from '../../src/wire/install.ts';
import { MAX_REFERENCES } from '../../src/wire/limits.ts';
import type { PeerPages } from '../../src/wire/reference-reader.ts';
import {
  encodeReferences,
  type Reference,
  referenceFrameBytes,
  referencesAt,
} from '../../src/wire/references.ts';
import { bytesOf, pagesOf } from '../../src/wire/tally.ts';
import { fillRandomly, smallSlot } from '../support/slots.ts';

const AT = 4096;
const PAGE = 4096;
const OTHER = 5;

const slotOf = (shape: Parameters<typeof smallSlot>[0]): Memslot => openSlot(smallSlot(shape));
const pageOf = ({ ram }: Memslot, page: number): Buffer =>
  Buffer.from(ram.slice(page * PAGE, (page + 1) * PAGE));

/** Two guests at a host: `own`, of two slots of four pages, takes references; `other` has random pages. */
function guests() {
  const own = [0, 1].map((index) => slotOf({ pages: 4, index, firstGfn: 4 * index }));
  const other = slotOf({ pages: 8 });
  for (const { ram } of own) ram.fill(0xee);
  fillRandomly(other, 3);
  const guest = memoryOf(own);
  const peers: PeerPages = new Map([
    [0, guest],
    [OTHER, memoryOf([other])],
  ]);
  return { own, other, guest, peers };
}

const frameMemory = (): FrameMemory => new RingProducer(createRing(256 * 1024, false)).memory;

/** Returns a reference of page `gfn` to a page of a slot as it is now. */
function referenceTo(gfn: number, guest: number, slot: Memslot, page: number): Reference {
  const { kernels, layout, ram, words } = slot;
  const { pageSize } = layout;
  kernels.pageHash(layout.ramOffset + page * pageSize, pageSize, layout.scratch);
  const [low, high] = [0, 1].map((i) => words[(layout.scratch >>> 2) + i]! >>> 0) as [
    number,
    number,
  ];
  const there = layout.firstGfn + page;
  return { gfn, guest, there, low, high, crc: crc32c(ram, page * pageSize, (page + 1) * pageSize) };
}

function install(
  { guest, peers }: ReturnType<typeof guests>,
  references: readonly Reference[],
  gate?: InstallGate,
) {
  const memory = frameMemory();
  const length = encodeReferences(memory, AT, references, 0);
  expect([length, referencesAt(memory, AT)]).toEqual([
    referenceFrameBytes(references.length),
    references.length,
  ]);
  return openDecoder(guest, 'full', { peers }).install(openFrame(memory, AT, length, 0), gate);
}

const changedIn = ({ own }: ReturnType<typeof guests>): number[] =>
  Array.from({ length: 8 }, (_, gfn) => gfn).filter((gfn) =>
    pageOf(own[gfn >> 2]!, gfn & 3).some((byte) => byte !== 0xee),
  );

describe('a frame of references', () => {
  it('brings pages of another guest and of the guest itself', () => {
    const all = guests();
    const { own, other } = all;
    const installed = install(all, [
      referenceTo(5, OTHER, other, 7),
      referenceTo(2, OTHER, other, 0),
    ]);
    expect(installed).toMatchObject({ droppedPages: 0, missed: [] });
    expect([pagesOf(installed.tally, 'reference'), pagesOf(installed.tally)]).toEqual([2, 2]);
    expect(bytesOf(installed.tally)).toBe(2 * 24);
    expect(pageOf(own[1]!, 1).equals(pageOf(other, 7))).toBe(true);
    expect(pageOf(own[0]!, 2).equals(pageOf(other, 0))).toBe(true);
    expect(install(all, [referenceTo(0, 0, own[1]!, 1)])).toMatchObject({ missed: [] });
    expect(pageOf(own[0]!, 0).equals(pageOf(other, 7))).toBe(true);
    // A page that is sent again as it was.
    expect(install(all, [referenceTo(0, 0, own[0]!, 0)])).toMatchObject({ missed: [] });
    expect(changedIn(all)).toEqual([0, 2, 5]);
  });

  it.each<[string, (right: Reference, all: ReturnType<typeof guests>) => Reference]>([
    [
      'names a page that was written since',
      (right, { other }) => {
        other.ram[7 * PAGE + 4095]! ^= 1;
        return right;
      },
    ],
    ['has another low word of the hash', (right) => ({ ...right, low: (right.low ^ 1) >>> 0 })],
    ['has another high word of the hash', (right) => ({ ...right, high: (right.high ^ 1) >>> 0 })],
    ['has another CRC', (right) => ({ ...right, crc: (right.crc ^ 0x80000000) >>> 0 })],
    ['names a guest that is not here', (right) => ({ ...right, guest: 4 })],
    ['names a page beyond the other guest', (right) => ({ ...right, there: 8 })],
    ['names a page far beyond it', (right) => ({ ...right, there: 0xffffffff })],
    ['names another page', (right) => ({ ...right, there: 6 })],
  ])('is missed where it %s', (_, change) => {
    const all = guests();
    const right = referenceTo(5, OTHER, all.other, 7);
    const references = [referenceTo(1, OTHER, all.other, 2), change(right, all)];
    expect(install(all, references)).toMatchObject({ missed: [5], droppedPages: 0 });
    expect(changedIn(all)).toEqual([1]);
  });

  it('is missed where the other guest has pages of another size', () => {
    const all = guests();
    const large = slotOf({ pages: 2, pageSize: 16_384 });
    const peers = new Map([[OTHER, memoryOf([large])]]);
    const right = referenceTo(5, OTHER, large, 0);
    expect(install({ ...all, peers }, [right])).toMatchObject({ missed: [5] });
    expect(changedIn(all)).toEqual([]);
  });

  it('lets the gate refuse pages, and gives back those that it can not bring', () => {
    const all = guests();
    const absent = new Set([1, 2]);
    const notes: string[] = [];
    const gate: InstallGate = {
      claim: (_, page) => absent.delete(page),
      publish: (_, page) => void notes.push(`publish ${page}`),
      abandon: (_, page) => void notes.push(`abandon ${page}`),
    };
    const to = (gfn: number) => referenceTo(gfn, OTHER, all.other, gfn);
    const references = [to(0), to(1), { ...to(2), crc: 0 }, to(3)];
    const installed = install(all, references, gate);
    expect(installed).toMatchObject({ droppedPages: 2, missed: [2] });
    expect(notes).toEqual(['publish 1', 'abandon 2']);
    expect(changedIn(all)).toEqual([1]);
  });
});

describe('a frame of references is refused', () => {
  /** Installs a frame with a control part of this many bytes, and this payload. */
  const raw = (controlBytes: number, payloadBytes = 0) => {
    const { guest, peers } = guests();
    const memory = frameMemory();
    const payloadOffset = HEADER_BYTES + controlBytes;
    const length = payloadOffset + payloadBytes;
    sealFrame(memory, AT, {
      type: FRAME.reference,
      sequence: 0,
      controlBytes,
      payloadOffset,
      length,
    });
    return () => openDecoder(guest, 'full', { peers }).install(openFrame(memory, AT, length, 0));
  };

  it.each([
    ['without any', 0, 0],
    ['with a cut-off one', 25, 0],
    ['with too many', 24 * (MAX_REFERENCES + 1), 0],
    ['with a payload', 24, 64],
  ])('%s', (_, controlBytes, payloadBytes) => {
    expect(raw(controlBytes, payloadBytes)).toThrow(
      'frame 0: its references have impossible lengths',
    );
  });

  it('with a page outside memory, before another one is written', () => {
    const all = guests();
    const references = [1, 8].map((gfn) => referenceTo(gfn, OTHER, all.other, 0));
    expect(() => install(all, references)).toThrow('frame 0: page 8 lies outside memory');
    expect(changedIn(all)).toEqual([]);
  });

  it('where none were agreed on', () => {
    const { guest, other } = guests();
    const memory = frameMemory();
    const length = encodeReferences(memory, AT, [referenceTo(1, OTHER, other, 0)], 0);
    const decoder = openDecoder(guest, 'full');
    expect(() => decoder.install(openFrame(memory, AT, length, 0))).toThrow('were not agreed on');
  });
});
