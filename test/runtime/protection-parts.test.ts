import { describe, expect, it } from 'vitest';
import { planMemory } from '../../src/guest/memory-plan.ts';
import type { Link } from '../../src/link/link.ts';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { ringLink } from '../../src/link/ring-link.ts';
import { gateBytes } from '../../src/memory/gate/page-gate.ts';
import { GuestPageSet } from '../../src/memory/guest-memory.ts';
import { ASK_WRITE, requestBy } from '../../src/memory/handshake/host-requests.ts';
import { requestGfnOf, requestOf } from '../../src/memory/handshake/words.ts';
import { PAGE_PROTECTED } from '../../src/memory/kernels/abi.ts';
import { CopyOnWrite } from '../../src/replication/copy-on-write.ts';
import { openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { createPlace } from '../../src/runtime/common/stage.ts';
import { RunAborted } from '../../src/runtime/threads/driver.ts';
import { CutLink } from '../../src/runtime/threads/replication/cut-link.ts';
import { JournalReader, JournalWriter } from '../../src/runtime/threads/replication/journal.ts';
import { savePages } from '../../src/runtime/threads/replication/page-saving.ts';
import { TappedSourceGuest } from '../../src/runtime/threads/replication/tapped-guest.ts';
import { encodeEpoch, packEpoch } from '../../src/wire/epochs.ts';
import { HEADER_BYTES } from '../../src/wire/frame.ts';
import { smallRun } from '../support/run-config.ts';

const RING_BYTES = 64 * 1024;
const packets = (from: number) =>
  ({
    kind: 'packets',
    run: { stream: 0, from, to: from, bytesEach: 1500, firstNs: 0, lastNs: 1 },
    atNs: 2,
  }) as const;

function openSide() {
  const config = smallRun({ guest: { memoryBytes: 64 * 4096, vcpus: 2, workloads: [] } });
  const { plan, geometries } = planMemory(config.guest, config.seed);
  return { plan, side: openGuestSide(createPlace(config.guest, plan, geometries(0))) };
}

describe('the journal of a host', () => {
  it('has what was written before its writer died, and nothing of what it was about to write', () => {
    const ring = createRing(RING_BYTES);
    const writer = new JournalWriter(ring, () => false);
    for (let i = 1; i <= 3; i++) writer.write(packets(i));
    // The writer dies with a record of which it has written a part.
    const dying = new RingProducer(ring);
    dying.memory.bytes.fill(0xff, dying.reserve(1000), 500);
    const reader = new JournalReader(ring);
    expect(reader.read()).toEqual([packets(1), packets(2), packets(3)]);
    expect(reader.read()).toEqual([]);
  });

  it('keeps its writer from going on while it is full, and loses nothing when it has been read', () => {
    const ring = createRing(RING_BYTES);
    let isAborted = false;
    const writer = new JournalWriter(ring, () => isAborted);
    const reader = new JournalReader(ring);
    let written = 0;
    const fill = (): void => {
      isAborted = true;
      for (;;) {
        writer.write(packets(written + 1));
        written++;
      }
    };
    expect(fill).toThrow(RunAborted);
    expect(reader.read()).toHaveLength(written);
    expect(fill).toThrow(RunAborted);
    expect(reader.read().at(-1)).toEqual(packets(written));
  });
});

describe('the link of a pair of hosts', () => {
  function open() {
    const [forward, backward] = [createRing(RING_BYTES), createRing(RING_BYTES)];
    const clock = { atNs: 0, now: () => clock.atNs };
    const { doorbell: peerDoorbell } = openSide().side;
    const ends = { clock, peerDoorbell, bytesPerSecond: 1e9, latencyNs: 1000 };
    const near = ringLink({ ...ends, outgoing: forward, incoming: backward });
    const word = { isCut: false };
    const far = new CutLink(
      ringLink({ ...ends, outgoing: backward, incoming: forward }),
      () => word.isCut,
    );
    return { near, far, clock, word };
  }

  function build(link: Link): number {
    const packed = packEpoch({ name: 'heartbeat', body: {} });
    const room = link.room(packed.length + HEADER_BYTES, 'control')!;
    return encodeEpoch(room.memory, room.at, 'heartbeat', packed, room.sequence);
  }

  it('brings no part of a frame whose sender died before it was posted', () => {
    const { near, far, clock } = open();
    near.post(build(near));
    build(near);
    clock.atNs = 1e9;
    expect(far.poll()).toMatchObject({ sequence: 0 });
    far.release();
    expect(far.poll()).toBeUndefined();
    expect(far.arrivalAtNs()).toBe(Infinity);
  });

  it('brings nothing more once it is cut, and nobody is told', () => {
    const { near, far, clock, word } = open();
    for (let i = 0; i < 2; i++) near.post(build(near));
    clock.atNs = 1e9;
    expect(far.poll()).toMatchObject({ sequence: 0 });
    word.isCut = true;
    expect(far.poll()).toBeUndefined();
    expect(far.arrivalAtNs()).toBe(Infinity);
    near.post(build(near));
  });
});

describe('pages that are saved before their first write', () => {
  function open(mostPages: number) {
    const { side } = openSide();
    const { memory, words } = side;
    const pages = new GuestPageSet(memory);
    for (const page of [3, 5]) pages.parts[0]!.addRun(page, 1);
    const parts = { memory, words, clock: { now: () => 0 }, mostPages, copyNs: 0 };
    const capture = new CopyOnWrite(parts);
    const { ram } = memory.slots[0]!;
    ram.fill(7, 3 * 4096, 6 * 4096);
    capture.take(pages);
    const ask = (writer: number, gfn: number): void => {
      Atomics.store(words, requestGfnOf(writer), gfn);
      Atomics.store(words, requestOf(writer), ASK_WRITE);
    };
    const isWaiting = (writer: number): boolean => requestBy(words, writer) !== undefined;
    const isProtected = (page: number): boolean =>
      (gateBytes(memory.slots[0]!)[page]! & PAGE_PROTECTED) !== 0;
    const save = (): void => savePages(memory, words, 2, capture);
    return { capture, ram, ask, isWaiting, isProtected, save };
  }

  it('have the bytes of the checkpoint, whichever vCPU writes them first', () => {
    const { capture, ram, ask, isWaiting, isProtected, save } = open(8);
    ask(1, 3);
    ask(2, 3);
    save();
    expect([isWaiting(1), isWaiting(2), isProtected(3), isProtected(5)]).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(capture.savedPages).toBe(1);
    ram.fill(9, 3 * 4096, 4 * 4096);
    const { pages, contents } = capture.next(2);
    expect(pages).toEqual([3, 5]);
    for (const content of contents) expect(content.every((byte) => byte === 7)).toBe(true);
  });

  it('keep a vCPU waiting while the buffer is full, until a saved page has been sent', () => {
    const { capture, ask, isWaiting, isProtected, save } = open(1);
    ask(1, 3);
    save();
    ask(2, 5);
    save();
    expect([isWaiting(1), isWaiting(2), isProtected(5)]).toEqual([false, true, true]);
    capture.next(1);
    save();
    expect([isWaiting(2), isProtected(5)]).toEqual([false, false]);
  });
});

describe('a guest whose output is collected', () => {
  it('tells of each pause when all of its vCPUs are parked, before anything else happens', () => {
    const { plan, side } = openSide();
    let pauses = 0;
    const guest = new TappedSourceGuest(side, plan, { now: () => 0 }, () => pauses++);
    side.engine.resume();
    expect([guest.isSettled(), pauses]).toEqual([true, 0]);
    guest.pause();
    expect([guest.isSettled(), pauses]).toEqual([true, 1]);
  });
});
