import { describe, expect, it } from 'vitest';
import type { DirtyLogKind } from '../../src/memory/dirty-logs/dirty-log.ts';
import type { LogReader } from '../../src/memory/dirty-logs/log-reader.ts';
import { LogReaders } from '../../src/memory/dirty-logs/log-readers.ts';
import { mapUnitOf, marksOf } from '../../src/memory/dirty-logs/open.ts';
import { createRings } from '../../src/memory/dirty-logs/rings.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { EngineHandshake } from '../../src/memory/handshake/engine.ts';
import { createHandshake, DOORBELL } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import type { TakenRuns } from '../../src/memory/page-set.ts';
import { permutedWalk } from '../../src/migration/page-orders/permuted.ts';
import { Generator } from '../../src/random/generator.ts';
import { markedWrite } from '../support/accesses.ts';
import { smallSlot } from '../support/slots.ts';

const PAGES = 1300;
const CHUNK = 64;
const SLOTS = [
  { index: 0, firstGfn: 0, pages: 700 },
  { index: 1, firstGfn: 700, pages: 600 },
];

/** Takes pages out of a reader's set and skips those that are dirty again. */
type Take = (log: LogReader, most: number) => TakenRuns;

const WALKS: Readonly<Record<string, () => Take>> = {
  gfn: () => {
    let at = 0;
    return ({ pages, liveMaps }, most) => {
      const taken = pages.take(at, most, { liveMaps });
      at = taken.cursor >= PAGES ? 0 : taken.cursor;
      return taken;
    };
  },
  'Clark et al. 2005': () => {
    const walk = permutedWalk(PAGES);
    return (log, most) => walk.take(log.pages, most, log);
  },
};

/** A guest whose pages are versions, a reader of its dirty log, and what has been sent of it. */
function play(kind: DirtyLogKind, isManual: boolean, take: Take, seed: number) {
  const shape = { writers: 2, mapUnit: mapUnitOf(kind) };
  const memory = memoryOf(SLOTS.map((slot) => openSlot(smallSlot({ ...shape, ...slot }))));
  const words = new Int32Array(createHandshake(2));
  const rings = createRings(1, 4096);
  const writer = new WriterHandshake(words, 1, new Doorbell(words, DOORBELL));
  const marks = marksOf(kind, 1, rings);
  const parts = { memory, handshake: new EngineHandshake(words, 2), rings };
  const log = new LogReaders(kind, parts, isManual ? CHUNK : undefined).open();
  const versions = new Uint32Array(PAGES);
  const sent = new Uint32Array(PAGES);
  const random = new Generator(seed, 5);
  const cleared = new Set<number>();
  let skipped = 0;
  const write = (): void => {
    const gfn = random.below(PAGES);
    markedWrite(memory, writer, marks, gfn);
    versions[gfn]!++;
  };
  const send = (): void => {
    const { slot, runs, list, skipped: passed } = take(log, 1 + random.below(40));
    skipped += passed;
    for (let i = 0; i < runs; i++) {
      const first = slot.layout.firstGfn + list[2 * i]!;
      for (let gfn = first; gfn < first + list[2 * i + 1]!; gfn++) sent[gfn] = versions[gfn]!;
    }
  };
  const clear = (): void => {
    const chunk = random.below(Math.ceil(PAGES / CHUNK));
    if (!log.manualClear || cleared.has(chunk)) return;
    cleared.add(chunk);
    log.manualClear.clear(chunk * CHUNK, Math.min(CHUNK, PAGES - chunk * CHUNK));
    writer.poll();
    log.manualClear.cleared();
  };
  const sync = (): void => {
    log.harvest();
    writer.poll();
    log.collect();
    cleared.clear();
  };
  writer.poll();
  log.start();
  writer.poll();
  log.pages.addAll();
  for (let step = 0; step < 500; step++) {
    const act = random.below(8);
    if (act < 4) for (let i = random.below(20); i > 0; i--) write();
    else if (act < 6) send();
    else if (act < 7) clear();
    else if (random.below(40) === 0 || log.pages.count === 0) sync();
    if (kind === 'ring') log.makeRoom();
  }
  writer.sleep(0);
  log.collectLast();
  const forgotten = Array.from(versions.keys()).filter(
    (gfn) => sent[gfn] !== versions[gfn] && !log.pages.has(gfn),
  );
  return { forgotten, skipped };
}

describe('a page that is skipped because it is dirty again', () => {
  const kinds = ['bitmap', 'bytemap', 'ring'] as const;
  const cases = Object.keys(WALKS).flatMap((walk) =>
    kinds.flatMap((kind) => [false, true].map((isManual) => [walk, kind, isManual] as const)),
  );

  it.each(cases)('comes again: walk of %s, log %s, cleared by hand: %s', (walk, kind, isManual) => {
    let all = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const { forgotten, skipped } = play(kind, isManual, WALKS[walk]!(), seed);
      expect(forgotten, `seed ${seed}`).toEqual([]);
      all += skipped;
    }
    expect(all).toBeGreaterThan(0);
  });
});
