import { describe, expect, it } from 'vitest';
import type { DirtyLogKind } from '../../src/memory/dirty-logs/dirty-log.ts';
import { mapUnitOf, marksOf, openDirtyLog } from '../../src/memory/dirty-logs/open.ts';
import { createRings } from '../../src/memory/dirty-logs/rings.ts';
import { GuestPageSet, memoryOf } from '../../src/memory/guest-memory.ts';
import { manualClear } from '../../src/memory/dirty-logs/manual-clear.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { EngineHandshake } from '../../src/memory/handshake/engine.ts';
import { createHandshake, DOORBELL, wakeOf } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { Generator } from '../../src/random/generator.ts';
import { markedWrite } from '../support/accesses.ts';
import { smallSlot } from '../support/slots.ts';

const PAGES = 1000;
const WRITERS = 3;
const SLOTS = [
  { index: 0, firstGfn: 0, pages: 600 },
  { index: 1, firstGfn: 600, pages: 400 },
];

interface LogOptions {
  /** How many entries a ring has. */
  readonly ringSize?: number;
  /** True when the log is cleared by hand. */
  readonly isManual?: boolean;
}

function open(kind: DirtyLogKind, { ringSize = 2048, isManual = false }: LogOptions = {}) {
  const shape = { writers: WRITERS, mapUnit: mapUnitOf(kind) };
  const memory = memoryOf(SLOTS.map((slot) => openSlot(smallSlot({ ...shape, ...slot }))));
  const words = new Int32Array(createHandshake(WRITERS));
  const engine = new EngineHandshake(words, WRITERS);
  const doorbell = new Doorbell(words, DOORBELL);
  const rings = createRings(WRITERS - 1, ringSize);
  const parts = { memory, handshake: engine, rings };
  const plain = openDirtyLog(kind, parts);
  const manual = manualClear(plain, parts);
  const log = isManual ? manual : plain;
  const writers = [1, 2].map((number) => {
    const handshake = new WriterHandshake(words, number, doorbell);
    const marks = marksOf(kind, number, rings);
    return {
      handshake,
      marks,
      /** Writes one page. The caller must have polled. */
      write: (gfn: number): void => markedWrite(memory, handshake, marks, gfn),
    };
  });
  const pollAll = (): void => writers.forEach(({ handshake }) => handshake.sleep(0));
  const target = new GuestPageSet(memory);
  const takeAll = (): number[] => {
    const pages: number[] = [];
    while (target.count > 0) {
      const { runs, list, slot } = target.take(0, PAGES);
      for (let i = 0; i < runs; i++) {
        for (let k = 0; k < list[2 * i + 1]!; k++) {
          pages.push(slot.layout.firstGfn + list[2 * i]! + k);
        }
      }
    }
    return pages;
  };
  /** Collects the marks; under manual clear it then clears all ranges, as a get-and-clear would. */
  const collect = (): number => {
    const fresh = log.collect(target);
    if (isManual) clear(0, PAGES);
    return fresh;
  };
  const clear = (firstGfn: number, pages: number): void => {
    manual.clear(firstGfn, pages);
    pollAll();
    expect(manual.isSettled()).toBe(true);
    manual.cleared(target);
  };
  const harvest = (): void => {
    log.harvest();
    pollAll();
  };
  const start = (): void => {
    log.start();
    pollAll();
    expect(log.isSettled()).toBe(true);
  };
  const wakesOf = (writer: number): number => words[wakeOf(writer)]!;
  return {
    engine,
    log,
    manual,
    writers,
    pollAll,
    target,
    takeAll,
    start,
    collect,
    clear,
    harvest,
    wakesOf,
  };
}

/** Tests what every dirty log must do. `isExact` is false for the log that finds nothing. */
export function dirtyLogConformance(kind: DirtyLogKind, isExact: boolean, isManual = false): void {
  const expected = (pages: number[]): number[] => (isExact ? pages : []);

  describe(`the ${kind} dirty log${isManual ? ', cleared by hand' : ''}`, () => {
    it('marks nothing before it is started', () => {
      const { writers, log, target, pollAll } = open(kind, { isManual });
      pollAll();
      writers[0]!.write(7);
      expect(log.collectLast(target)).toBe(0);
    });

    it('finds exactly the pages written since the last harvest', () => {
      const { writers, log, takeAll, start, pollAll, collect } = open(kind, { isManual });
      start();
      writers[0]!.write(3);
      writers[1]!.write(999);
      writers[1]!.write(3);
      log.harvest();
      pollAll();
      expect(log.isSettled()).toBe(true);
      expect(collect()).toBe(expected([3, 999]).length);
      expect(takeAll()).toEqual(expected([3, 999]));
      writers[0]!.write(64);
      log.harvest();
      pollAll();
      expect(collect()).toBe(expected([64]).length);
      expect(takeAll()).toEqual(expected([64]));
      log.harvest();
      pollAll();
      expect(collect()).toBe(0);
    });

    it('counts a page that is still unsent only once', () => {
      const { writers, log, target, start, pollAll, collect } = open(kind, { isManual });
      start();
      target.parts[0]!.addRun(5, 2);
      writers[0]!.write(5);
      writers[0]!.write(8);
      log.harvest();
      pollAll();
      expect(collect()).toBe(expected([8]).length);
      expect(target.count).toBe(2 + expected([8]).length);
    });

    it('finds pages of every writer in the last set, from before and after a harvest', () => {
      const { engine, writers, log, target, takeAll, start } = open(kind, { isManual });
      start();
      writers[0]!.write(1);
      log.harvest();
      // Only one of the two writers has changed to the new epoch when the pause comes.
      writers[1]!.handshake.poll();
      writers[1]!.write(2);
      engine.pause();
      for (const { handshake } of writers) expect(handshake.poll()).toBe(false);
      expect(engine.areAllParked()).toBe(true);
      log.collectLast(target);
      expect(takeAll()).toEqual(expected([1, 2]));
    });

    it('stops marking once it is stopped, and starts clean again', () => {
      const { writers, log, target, start, pollAll } = open(kind, { isManual });
      start();
      writers[0]!.write(10);
      log.stop();
      pollAll();
      expect(log.isSettled()).toBe(true);
      writers[0]!.write(11);
      start();
      expect(log.collectLast(target)).toBe(0);
      expect(target.count).toBe(0);
    });

    it('keeps what a peek shows', () => {
      const { writers, log, target, takeAll, start, pollAll, collect } = open(kind, { isManual });
      start();
      target.parts[0]!.addRun(20, 4);
      writers[0]!.write(21);
      const { pages, skipped } = target.take(0, PAGES, { liveMaps: log.liveMaps });
      expect(skipped).toBe(expected([21]).length);
      expect(pages).toBe(4 - expected([21]).length);
      log.makeRoom();
      log.harvest();
      pollAll();
      collect();
      expect(takeAll()).toEqual(expected([21]));
    });

    it('finds every page of a long random history, whatever the order of harvests', () => {
      const { writers, log, takeAll, start, pollAll, collect } = open(kind, { isManual });
      const seed = 4711;
      const random = new Generator(seed);
      start();
      for (let round = 0; round < 50; round++) {
        const written = new Set<number>();
        for (let i = random.below(200); i >= 0; i--) {
          const gfn = random.below(PAGES);
          writers[random.below(2)]!.write(gfn);
          written.add(gfn);
        }
        log.harvest();
        pollAll();
        collect();
        const sorted = [...written].toSorted((a, b) => a - b);
        expect(takeAll(), `seed ${seed}, round ${round}`).toEqual(expected(sorted));
      }
    });
  });
}

/** Tests what a log under manual clear (as KVM's manual dirty log protect) must do beyond the common tests. */
export function manualClearConformance(kind: DirtyLogKind): void {
  describe(`the ${kind} dirty log, cleared range by range`, () => {
    it('gives a page again until its range is cleared', () => {
      const { writers, log, target, takeAll, start, clear, harvest } = open(kind, {
        isManual: true,
      });
      start();
      writers[0]!.write(5);
      writers[1]!.write(605);
      for (let i = 0; i < 2; i++) {
        harvest();
        log.collect(target);
        expect(takeAll()).toEqual([5, 605]);
      }
      harvest();
      log.collect(target);
      clear(0, 600);
      takeAll();
      harvest();
      log.collect(target);
      expect(takeAll()).toEqual([605]);
    });

    it('forgets the marks of a range that it has given out, but none that is newer', () => {
      const { writers, log, manual, target, takeAll, start, harvest } = open(kind, {
        isManual: true,
      });
      start();
      for (const gfn of [5, 6, 605]) writers[0]!.write(gfn);
      harvest();
      log.collect(target);
      takeAll();
      writers[1]!.write(6);
      manual.forget(6, 600);
      harvest();
      log.collect(target);
      expect(takeAll()).toEqual([5, 6]);
    });

    it('drops what was written before the clear of a page that is to be sent, and nothing else', () => {
      const { writers, log, target, takeAll, start, clear, harvest } = open(kind, {
        isManual: true,
      });
      start();
      for (const gfn of [10, 11, 700]) writers[0]!.write(gfn);
      harvest();
      log.collect(target);
      // These writes come before the clear. Page 12 has been sent earlier, so its mark must not be dropped.
      for (const gfn of [10, 11, 12, 700]) writers[1]!.write(gfn);
      clear(0, 100);
      takeAll();
      writers[0]!.write(11);
      harvest();
      log.collect(target);
      expect(takeAll()).toEqual([11, 12, 700]);
    });
  });
}

export function ringConformance(): void {
  describe('a full ring', () => {
    it('stalls its vCPU until the engine has made room, and loses nothing', () => {
      const { writers, log, takeAll, start, collect, harvest, wakesOf } = open('ring', {
        ringSize: 4,
      });
      start();
      const [first] = writers;
      const { ring } = first!.marks;
      for (const gfn of [1, 2, 3, 999]) first!.write(gfn);
      expect(ring!.room()).toBe(0);
      expect(ring!.announceStall()).toBe(true);
      // This is still the same stall.
      expect(ring!.announceStall()).toBe(true);
      const wakes = wakesOf(1);
      log.makeRoom();
      expect(ring!.room()).toBe(4);
      expect(wakesOf(1)).toBe(wakes + 1);
      expect(log.ringCounts()[0]).toEqual({ entries: 4, stalls: 1 });
      // The ring is drained but not harvested: the page is neither pushed again nor lost.
      first!.write(2);
      expect(ring!.room()).toBe(4);
      first!.write(4);
      harvest();
      expect(collect()).toBe(5);
      expect(takeAll()).toEqual([1, 2, 3, 4, 999]);
    });

    it('takes a page again once it has been harvested', () => {
      const { writers, takeAll, start, collect, harvest } = open('ring', { ringSize: 4 });
      start();
      for (let round = 0; round < 3; round++) {
        writers[0]!.write(7);
        harvest();
        writers[0]!.write(7);
        collect();
        expect(takeAll()).toEqual([7]);
      }
      harvest();
      collect();
      expect(takeAll()).toEqual([7]);
    });
  });
}
