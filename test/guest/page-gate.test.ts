import { describe, expect, it } from 'vitest';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { readAccesses, writePlan } from '../../src/guest/stream-record.ts';
import { GUEST_NS } from '../../src/guest/vcpu-state.ts';
import { runVcpu } from '../../src/guest/vcpu.ts';
import { VirtualVcpu } from '../../src/guest/virtual-vcpu.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import type { GateLayer } from '../../src/memory/gate/gate-layer.ts';
import { PageGate } from '../../src/memory/gate/page-gate.ts';
import type { GuestMemory } from '../../src/memory/guest-memory.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { GATE_PROTECTION } from '../../src/memory/handshake/words.ts';
import { PAGE_PROTECTED, PAGE_SWAPPED } from '../../src/memory/kernels/abi.ts';
import type { Memslot } from '../../src/memory/memslot.ts';
import {
  createGuestSide,
  type GuestSide,
  openGuestSide,
} from '../../src/runtime/common/guest-side.ts';

const PAGES = 256;
const PAGE_SIZE = 4096;
const COPY_NS = 50_000;

const HALF_WRITES: Workload = {
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: PAGES,
  rate: 100_000,
  writes: 0.5,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
};

/** Copies a page before it is written first, into an image of the guest as it was. */
class CopyOnWrite implements GateLayer {
  readonly bits = PAGE_PROTECTED;
  readonly copies = new Map<number, Uint8Array>();
  asked = 0;
  readonly #gate: PageGate;

  constructor(gate: PageGate) {
    this.#gate = gate;
  }

  resolve(slot: Memslot, page: number, isWrite: boolean): number {
    if (!isWrite) throw new Error(`a read of page ${page} was stopped`);
    this.asked++;
    this.take(slot, page);
    this.#gate.unmark(slot, page, PAGE_PROTECTED);
    return COPY_NS;
  }

  protected take({ ram, layout }: Memslot, page: number): void {
    const bytes = ram.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    this.copies.set(layout.firstGfn + page, bytes);
  }

  /** The guest as it was when its pages were protected. */
  image(memory: GuestMemory): Buffer {
    const image = ramOf(memory);
    for (const [gfn, bytes] of this.copies) image.set(bytes, gfn * PAGE_SIZE);
    return image;
  }
}

/** A planted bug: the copy of a page is made when the next one is asked for, after the write. */
class LateCopy extends CopyOnWrite {
  #late: [Memslot, number] | undefined;

  protected override take(slot: Memslot, page: number): void {
    if (this.#late) super.take(...this.#late);
    this.#late = [slot, page];
  }
}

const ramOf = ({ slots }: GuestMemory): Buffer => Buffer.concat(slots.map(({ ram }) => ram));

function open(memslots: number) {
  const shape = { memoryBytes: PAGES * PAGE_SIZE, pageSize: PAGE_SIZE, vcpus: 1, memslots };
  const { plan, geometries } = planMemory(
    { ...shape, dirtyLog: 'bitmap', workloads: [HALF_WRITES] },
    1,
  );
  const log = { kind: 'bitmap' as const, ringSize: 1024 };
  const guestSide = openGuestSide(createGuestSide(geometries(0), plan, log));
  for (const slot of guestSide.memory.slots) writePlan(slot, plan);
  const { memory, words, area, doorbell } = guestSide;
  const handshake = new WriterHandshake(words, 1, doorbell);
  const marks = marksOf('bitmap', 1);
  const accesses = (): number =>
    memory.slots.reduce((sum, slot, stream) => sum + readAccesses(slot, stream), 0);
  const gate = new PageGate(memory, words);
  const parts = { vcpu: 0, plan, memory, words, area, handshake, marks };
  return { guestSide, gate, accesses, parts };
}

type Opened = ReturnType<typeof open>;

/** Lets a vCPU run until it has made so many accesses in all. */
type Run = (accesses: number) => void;

/** A vCPU on a virtual clock. */
function virtual({ guestSide, accesses, parts }: Opened, layers: readonly GateLayer[]): Run {
  const costs = {
    accessNs: 100,
    firstWriteNs: 0,
    wakeNs: 0,
    minorFaultNs: 0,
    ringFullNs: 0,
    balloonPageNs: 0,
    pressureNs: 0,
  };
  const vcpu = new VirtualVcpu({ ...parts, costs, drainRings: () => undefined, layers });
  let nowNs = 0;
  guestSide.engine.resume();
  vcpu.poll(nowNs);
  return (most) => {
    while (accesses() < most) vcpu.advance((nowNs += 100_000));
  };
}

/** A thread's vCPU on a clock that goes on whenever somebody looks at it; it leaves when it has made them. */
function threaded({ guestSide, accesses, parts }: Opened, layers: readonly GateLayer[]): Run {
  let nowNs = 0;
  let most = 0;
  const clock = {
    now(): number {
      if (accesses() >= most) guestSide.engine.pause();
      if (accesses() >= most) guestSide.engine.stop();
      return (nowNs += 20_000);
    },
  };
  return (accessCount) => {
    most = accessCount;
    guestSide.engine.resume();
    runVcpu({ ...parts, clock, layers });
  };
}

function protectAll({ guestSide, gate }: Pick<Opened, 'guestSide' | 'gate'>): Buffer {
  gate.mark(0, PAGES, PAGE_PROTECTED);
  gate.turnOn(GATE_PROTECTION);
  return ramOf(guestSide.memory);
}

function writtenPages({ memory }: GuestSide, before: Buffer): number[] {
  const after = ramOf(memory);
  return Array.from({ length: PAGES }, (_, gfn) => gfn).filter((gfn) => {
    const at = gfn * PAGE_SIZE;
    return Buffer.compare(before.subarray(at, at + PAGE_SIZE), after.subarray(at, at + PAGE_SIZE));
  });
}

const drivers = { virtual, threaded };

describe.each(Object.entries(drivers))('copy-on-write as a layer of a %s vCPU', (_, driver) => {
  it.each([1, 2])(
    'keeps the guest as it was, a copy for each written page, %i memslots',
    (slots) => {
      const opened = open(slots);
      const layer = new CopyOnWrite(opened.gate);
      const run = driver(opened, [layer]);
      const before = protectAll(opened);
      run(300);
      const written = writtenPages(opened.guestSide, before);
      // Half of the accesses read, and a page is written several times.
      expect(written.length).toBeGreaterThan(50);
      expect(written.length).toBeLessThan(PAGES);
      // A last access may have been stopped by the end.
      expect(layer.asked - written.length).toBeLessThanOrEqual(1);
      for (const gfn of written) expect(layer.copies.has(gfn)).toBe(true);
      expect(Buffer.compare(layer.image(opened.guestSide.memory), before)).toBe(0);
    },
  );

  it('finds a planted bug: the copy is made after the write', () => {
    const opened = open(1);
    const layer = new LateCopy(opened.gate);
    const run = driver(opened, [layer]);
    const before = protectAll(opened);
    run(300);
    expect(Buffer.compare(layer.image(opened.guestSide.memory), before)).not.toBe(0);
  });

  it('asks nobody while no layer is on, whatever the pages say', () => {
    const opened = open(1);
    const layer = new CopyOnWrite(opened.gate);
    const run = driver(opened, [layer]);
    opened.gate.mark(0, PAGES, PAGE_PROTECTED);
    run(300);
    expect(layer.asked).toBe(0);
  });

  it('does not pass a page whose state no layer knows', () => {
    const opened = open(1);
    const run = driver(opened, [new CopyOnWrite(opened.gate)]);
    opened.gate.mark(0, PAGES, PAGE_SWAPPED);
    opened.gate.turnOn(GATE_PROTECTION);
    expect(() => run(300)).toThrow(/no layer of the vCPU's gate resolves the state 16 of page \d+/);
  });
});

describe('a layer on a virtual clock', () => {
  it('takes its time: the vCPU is busy with each copy', () => {
    const [off, on] = [false, true].map((isOn) => {
      const opened = open(1);
      const layer = new CopyOnWrite(opened.gate);
      const run = virtual(opened, [layer]);
      if (isOn) protectAll(opened);
      run(300);
      return { guestNs: opened.guestSide.area[GUEST_NS]!, copies: layer.asked };
    });
    expect(off!.copies).toBe(0);
    expect(off!.guestNs).toBeLessThan(3.5e6);
    expect(on!.copies).toBeGreaterThan(50);
    expect(on!.guestNs).toBeGreaterThan((on!.copies - 1) * COPY_NS);
  });
});
