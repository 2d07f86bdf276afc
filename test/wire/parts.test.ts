import { describe, expect, it } from 'vitest';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import type { Backing } from '../../src/memory/layout.ts';
import { type Memslot, openSlot } from '../../src/memory/memslot.ts';
import { type Decoder, openDecoder } from '../../src/wire/decoder.ts';
import type { InstallGate } from '../../src/wire/install.ts';
import { FRAME, type FrameMemory, openFrame, sealFrame } from '../../src/wire/frame.ts';
import { encodePart, partAt, partFrameRoom } from '../../src/wire/parts.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { fillRandomly, smallSlot } from '../support/slots.ts';

const AT = 4096;
const UNIT = 4096;
const PAGE = 4 * UNIT;
const memory = (): FrameMemory => new RingProducer(createRing(256 * 1024, false)).memory;

/** A guest whose pages have four units, at the source with random contents and at the destination. */
function guests(backing: Backing = 'bytes') {
  const shape = { pages: 8, pageSize: PAGE, backing };
  const [source, target] = [openSlot(smallSlot(shape)), openSlot(smallSlot(shape))];
  fillRandomly(source, 3);
  target.ram.fill(0xee);
  const decoder = openDecoder(memoryOf([target]), 'full');
  const into = memory();
  let sequence = 0;
  /** Sends units [from, end) of a page. */
  const send = (page: number, from: number, end: number, gate?: InstallGate) => {
    const part = { slot: source, page, offset: from * UNIT, bytes: (end - from) * UNIT };
    const options = { integrity: 'full', encodings: ['zero'] } as const;
    const encoded = encodePart(part, into, AT, options, sequence);
    expect(encoded.storedLength).toBeLessThanOrEqual(partFrameRoom(part.bytes));
    const frame = openFrame(into, AT, encoded.storedLength, sequence++);
    const { tally, droppedPages } = structuredClone(decoder.install(frame, gate));
    const [raw, zero] = [pagesOf(tally, 'raw'), pagesOf(tally, 'zero')];
    return { raw, zero, bytes: tally.bytes[0]!, droppedPages, encoded };
  };
  return { source, target, decoder, send };
}

const pageOf = ({ ram, layout }: Memslot, page: number): Buffer =>
  Buffer.from(ram.slice(page * layout.storedBytes, (page + 1) * layout.storedBytes));

/** A gate that lets in the pages of `open`, and notes what happens to them. */
function gateOf(open: readonly number[]) {
  const left = new Set(open);
  const notes: string[] = [];
  const gate: InstallGate = {
    claim: (_, page) => left.delete(page) && notes.push(`claim ${page}`) > 0,
    publish: (_, page) => void notes.push(`publish ${page}`),
    abandon: (_, page) => void (left.add(page) && notes.push(`abandon ${page}`)),
  };
  return { gate, notes };
}

describe('a page in parts', () => {
  it.each(['bytes', 'versions'] as const)('is whole once all have come, with %s', (backing) => {
    const { source, target, send, decoder } = guests(backing);
    expect(send(2, 0, 1)).toMatchObject({ raw: 0, zero: 0, bytes: UNIT });
    expect(decoder.openPages).toBe(1);
    expect(send(2, 1, 3)).toMatchObject({ raw: 0, bytes: 2 * UNIT });
    expect(send(2, 3, 4)).toMatchObject({ raw: 1, zero: 0, bytes: UNIT, droppedPages: 0 });
    expect(decoder.openPages).toBe(0);
    expect(pageOf(target, 2).equals(pageOf(source, 2))).toBe(true);
    expect([1, 3].every((page) => pageOf(target, page).every((byte) => byte === 0xee))).toBe(true);
  });

  it('takes its bytes on the link, and its version in memory', () => {
    const { encoded } = guests('versions').send(0, 0, 2);
    expect(encoded.length - encoded.storedLength).toBe(2 * UNIT - 4);
    expect(guests().send(0, 0, 2).encoded).toMatchObject({ length: 128 + 2 * UNIT, isRaw: true });
  });

  it('counts as zero if all of its parts are, and a zero part is cleared', () => {
    const { source, target, send } = guests();
    source.ram.fill(0, 0, PAGE + 2 * UNIT);
    expect([send(0, 0, 2), send(0, 2, 4)]).toMatchObject([
      { zero: 0, bytes: 0, encoded: { length: 64, isRaw: false } },
      { zero: 1, raw: 0, bytes: 0 },
    ]);
    send(1, 0, 2);
    expect(send(1, 2, 4)).toMatchObject({ zero: 0, raw: 1, bytes: 2 * UNIT });
    // A page that ends with zeros is no zero page.
    source.ram.fill(0, 2 * PAGE + 2 * UNIT, 3 * PAGE);
    expect(send(2, 0, 2)).toMatchObject({ encoded: { isRaw: true } });
    expect(send(2, 2, 4)).toMatchObject({ zero: 0, raw: 1, encoded: { isRaw: false } });
    for (const page of [0, 1, 2])
      expect(pageOf(target, page).equals(pageOf(source, page))).toBe(true);
  });

  it('is let in by the gate at its first part, and present with its last', () => {
    const { send } = guests();
    const { gate, notes } = gateOf([2]);
    send(2, 0, 3, gate);
    expect(notes).toEqual(['claim 2']);
    send(2, 3, 4, gate);
    expect(notes).toEqual(['claim 2', 'publish 2']);
  });

  it('is dropped as a whole, and counted once, if it was present', () => {
    const { send, target } = guests();
    const { gate, notes } = gateOf([]);
    expect(send(2, 0, 3, gate)).toMatchObject({ droppedPages: 0 });
    expect(send(2, 3, 4, gate)).toMatchObject({ droppedPages: 1 });
    expect(notes).toEqual([]);
    expect(target.ram.every((byte) => byte === 0xee)).toBe(true);
  });

  it('may come by turns with one other, and no third', () => {
    const { source, target, send } = guests();
    send(2, 0, 2);
    send(5, 0, 1);
    send(2, 2, 3);
    expect(() => send(6, 0, 1)).toThrow('parts of more than 2 pages come by turns');
    send(5, 1, 4);
    send(2, 3, 4);
    for (const page of [2, 5]) expect(pageOf(target, page).equals(pageOf(source, page))).toBe(true);
  });

  it.each([
    ['with a gap', 2, 3],
    ['from its start again', 0, 1],
  ])('may not come %s', (_, from, end) => {
    const { send } = guests();
    send(2, 0, 1);
    expect(() => send(2, from, end)).toThrow('a part of page 2 is missing');
    expect(() => send(3, 1, 2)).toThrow('a part of page 3 is missing');
  });

  it('is absent again when its connection is lost, and comes anew', () => {
    const { send, decoder } = guests();
    const { gate, notes } = gateOf([2]);
    send(2, 0, 3, gate);
    send(4, 0, 1, gate);
    decoder.restart(gate);
    expect(notes).toEqual(['claim 2', 'abandon 2']);
    send(2, 0, 4, gate);
    expect(notes.slice(2)).toEqual(['claim 2', 'publish 2']);
  });

  it('is read back as it was built', () => {
    const into = memory();
    const part = { slot: guests().source, page: 1, offset: UNIT, bytes: UNIT };
    encodePart(part, into, AT, { integrity: 'header', encodings: [] }, 0);
    expect(partAt(into, AT)).toEqual({ slot: 0, page: 1, isRaw: true, offset: UNIT, bytes: UNIT });
  });
});

/** What the receiver says of the first two units of page 2 once a field, by its number, has been changed. */
function complaint(changes: Readonly<Record<number, number>>, payloadBytes = 2 * UNIT): string {
  const { source, target } = guests();
  const into = memory();
  const part = { slot: source, page: 2, offset: 0, bytes: 2 * UNIT };
  encodePart(part, into, AT, { integrity: 'full', encodings: ['zero'] }, 0);
  for (const [field, value] of Object.entries(changes))
    into.view.setUint32(AT + 32 + 4 * Number(field), value, true);
  const header = { type: FRAME.part, sequence: 0, controlBytes: 36, payloadOffset: 128 };
  const length = 128 + payloadBytes;
  sealFrame(into, AT, { ...header, length });
  const decoder: Decoder = openDecoder(memoryOf([target]), 'full');
  try {
    decoder.install(openFrame(into, AT, length, 0));
  } catch (error) {
    expect([decoder.openPages, target.ram.every((byte) => byte === 0xee)]).toEqual([0, true]);
    return (error as Error).message.replace('frame 0: ', '');
  }
  return 'taken';
}

describe('a part frame with a valid CRC', () => {
  it.each([
    ['nothing changed', {}, undefined, 'taken'],
    [
      'another memslot',
      { 0: 1 },
      undefined,
      'the part is of a memslot that the guest does not have',
    ],
    [
      'another page size',
      { 1: 4096 },
      undefined,
      "the guest's pages are of 16384 bytes, that of the part is not",
    ],
    ['a page outside memory', { 2: 8 }, undefined, 'page 8 lies outside memory'],
    ['an unknown encoding', { 3: 2 }, undefined, 'page encoding 2 is unknown here'],
    [
      'an offset that is no unit',
      { 4: 64 },
      undefined,
      'there is no part of 8192 bytes at byte 64 of a page',
    ],
    [
      'an offset beyond the page',
      { 4: 3 * UNIT },
      undefined,
      'there is no part of 8192 bytes at byte 12288 of a page',
    ],
    [
      'an offset near 4 GiB',
      { 4: 0xfffff000 },
      undefined,
      'there is no part of 8192 bytes at byte 4294963200 of a page',
    ],
    ['no bytes', { 5: 0 }, 0, 'there is no part of 0 bytes at byte 0 of a page'],
    [
      'more bytes than the page has',
      { 5: 5 * UNIT },
      5 * UNIT,
      'there is no part of 20480 bytes at byte 0 of a page',
    ],
    ['more bytes than its payload', { 5: 3 * UNIT }, undefined, 'the payload has a wrong length'],
    ['zeros that have a payload', { 3: 1 }, undefined, 'the payload has a wrong length'],
    [
      'zeros with a sum',
      { 3: 1 },
      0,
      "the part's sum is missing, or there is one that was not agreed on",
    ],
    ['more sums than there are', { 6: 2 }, undefined, 'the part frame has impossible lengths'],
    ['fewer sums than there are', { 6: 0 }, undefined, 'the part frame has impossible lengths'],
  ] as const)('and %s', (_, changes, payloadBytes, expected) => {
    expect(complaint(changes, payloadBytes)).toBe(expected);
  });
});
