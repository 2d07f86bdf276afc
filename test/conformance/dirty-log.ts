import { describe, expect, it } from 'vitest';
import type { DirtyLogKind } from '../../src/memory/dirty-logs/dirty-log.ts';
import { marksOf, openDirtyLog } from '../../src/memory/dirty-logs/open.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { EngineHandshake } from '../../src/memory/handshake/engine.ts';
import { createHandshake, DOORBELL } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { MARK_NONE } from '../../src/memory/kernels/abi.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { PageSet } from '../../src/memory/page-set.ts';
import { Generator } from '../../src/random/generator.ts';
import { writerAccess } from '../support/accesses.ts';
import { smallSlot } from '../support/slots.ts';

const PAGES = 1000;
const WRITERS = 3;

function open(kind: DirtyLogKind) {
  const slot = openSlot(smallSlot({ pages: PAGES, writers: WRITERS }));
  const words = new Int32Array(createHandshake(WRITERS));
  const engine = new EngineHandshake(words, WRITERS);
  const doorbell = new Doorbell(words, DOORBELL);
  const log = openDirtyLog(kind, { slot, handshake: engine });
  const marks = marksOf(kind, slot.layout);
  const writers = [1, 2].map((number) => {
    const handshake = new WriterHandshake(words, number, doorbell);
    const { local } = handshake;
    return {
      handshake,
      /** Writes one page; the caller has polled. */
      write(gfn: number): void {
        const kindOfMark = local.mode === 0 ? MARK_NONE : marks.mark;
        writerAccess(slot, number, gfn, kindOfMark, marks.mapOf(number, local.epoch));
      },
    };
  });
  const pollAll = (): void => writers.forEach(({ handshake }) => handshake.sleep(0));
  const target = new PageSet(slot);
  const takeAll = (): number[] => {
    const pages: number[] = [];
    while (target.count > 0) {
      const { runs, list } = target.take(0, PAGES);
      for (let i = 0; i < runs; i++) {
        for (let k = 0; k < list[2 * i + 1]!; k++) pages.push(list[2 * i]! + k);
      }
    }
    return pages;
  };
  const start = (): void => {
    log.start();
    pollAll();
    expect(log.isSettled()).toBe(true);
  };
  return { slot, engine, log, writers, pollAll, target, takeAll, start };
}

/** What every dirty log does; `isExact` is false for one that finds nothing. */
export function dirtyLogConformance(kind: DirtyLogKind, isExact: boolean): void {
  const expected = (pages: number[]): number[] => (isExact ? pages : []);

  describe(`the ${kind} dirty log`, () => {
    it('marks nothing before it is started', () => {
      const { writers, log, target, pollAll } = open(kind);
      pollAll();
      writers[0]!.write(7);
      expect(log.collectLast(target)).toBe(0);
    });

    it('finds exactly the pages written since the last harvest', () => {
      const { writers, log, target, takeAll, start, pollAll } = open(kind);
      start();
      writers[0]!.write(3);
      writers[1]!.write(999);
      writers[1]!.write(3);
      log.harvest();
      pollAll();
      expect(log.isSettled()).toBe(true);
      expect(log.collect(target)).toBe(expected([3, 999]).length);
      expect(takeAll()).toEqual(expected([3, 999]));
      writers[0]!.write(64);
      log.harvest();
      pollAll();
      expect(log.collect(target)).toBe(expected([64]).length);
      expect(takeAll()).toEqual(expected([64]));
      log.harvest();
      pollAll();
      expect(log.collect(target)).toBe(0);
    });

    it('counts a page that is still unsent only once', () => {
      const { writers, log, target, start, pollAll } = open(kind);
      start();
      target.addRun(5, 2);
      writers[0]!.write(5);
      writers[0]!.write(8);
      log.harvest();
      pollAll();
      expect(log.collect(target)).toBe(expected([8]).length);
      expect(target.count).toBe(2 + expected([8]).length);
    });

    it('finds pages of every writer in the last set, from before and after a harvest', () => {
      const { engine, writers, log, target, takeAll, start } = open(kind);
      start();
      writers[0]!.write(1);
      log.harvest();
      // Only one of them has flipped when the pause comes.
      writers[1]!.handshake.poll();
      writers[1]!.write(2);
      engine.pause();
      for (const { handshake } of writers) expect(handshake.poll()).toBe(false);
      expect(engine.areAllParked()).toBe(true);
      log.collectLast(target);
      expect(takeAll()).toEqual(expected([1, 2]));
    });

    it('stops marking once it is stopped, and starts clean again', () => {
      const { writers, log, target, start, pollAll } = open(kind);
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
      const { writers, log, target, takeAll, start, pollAll } = open(kind);
      start();
      target.addRun(20, 4);
      writers[0]!.write(21);
      const { pages, skipped } = target.take(0, PAGES, log.liveMaps());
      expect(skipped).toBe(expected([21]).length);
      expect(pages).toBe(4 - expected([21]).length);
      log.harvest();
      pollAll();
      log.collect(target);
      expect(takeAll()).toEqual(expected([21]));
    });

    it('finds every page of a long random history, whatever the order of harvests', () => {
      const { writers, log, target, takeAll, start, pollAll } = open(kind);
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
        log.collect(target);
        const sorted = [...written].toSorted((a, b) => a - b);
        expect(takeAll(), `seed ${seed}, round ${round}`).toEqual(expected(sorted));
      }
    });
  });
}
