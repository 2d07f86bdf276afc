import { describe, expect, it } from 'vitest';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { HINT_DONE, HINT_STOP, MODE } from '../../src/memory/handshake/words.ts';
import { GuestPageSet, memoryOf } from '../../src/memory/guest-memory.ts';
import type { HintEntry } from '../../src/memory/hint-queues.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { FreePageHints } from '../../src/migration/free-page-hints.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { GuestHints } from '../../src/migration/ports.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import { FakeWorld } from '../support/fake-world.ts';
import { smallSlot } from '../support/slots.ts';

/** A guest of 256 pages, all to be sent, with two queues whose entries a test puts in by hand. */
function hinting() {
  const pages = new GuestPageSet(memoryOf([openSlot(smallSlot())]));
  pages.addAll();
  const commands: number[] = [];
  const forgotten: number[][] = [];
  const queues: HintEntry[][] = [[], []];
  let id = 1;
  const guest = {
    queues: 2,
    nextId: () => ++id,
    command: (command: number) => void commands.push(command),
    next: (queue: number) => queues[queue]!.shift(),
  };
  const log = {
    pages,
    manualClear: { forget: (gfn: number, count: number) => void forgotten.push([gfn, count]) },
  };
  const session = { log, *sendRanges() {} } as never;
  const begin = (): FreePageHints => new FreePageHints(session, guest, undefined as never);
  const hints = begin();
  const put = (queue: number, ...entries: HintEntry[]): void => {
    queues[queue]!.push(...entries);
    hints.take(false);
  };
  return { begin, hints, pages, commands, forgotten, queues, put };
}

const block = (gfn: number): HintEntry => ({ gfn, pages: 16 });

/** Moves a guest by pre-copy, and returns each command with whether the log was on, and whether the guest stood still. */
function commandsOfPrecopy(): { command: number; isLogged: boolean; isPaused: boolean }[] {
  const memoryManager: ManagerConfig = {
    kernelPages: 100,
    used: [],
    cache: [],
    deflatePages: 1,
    cacheReclaimShare: 0,
    release: 'none',
  };
  const options = { freePageHints: true };
  const world = new FakeWorld({ memoryManager, writesPerSecond: 20_000, options });
  const { words, engine } = world.source;
  const seen: { command: number; isLogged: boolean; isPaused: boolean }[] = [];
  const hints: GuestHints = {
    queues: 1,
    nextId: () => world.source.engine.nextHintId(),
    command: (command) => {
      const isLogged = Atomics.load(words, MODE) === 1 && engine.haveAllAcknowledged();
      seen.push({ command, isLogged, isPaused: engine.areAllParked() });
    },
    next: () => undefined,
  };
  Object.assign(world.sourceGuest, { hints });
  const { source } = world.play(precopySource(world.side, roundsPolicy(3)));
  expect(source.outcome).toBe('completed');
  return seen;
}

describe('free-page hints at the source', () => {
  it('are asked for only once every vCPU logs its writes, and not of a guest that stands still', () => {
    const [first, ...others] = commandsOfPrecopy();
    expect(first).toEqual({ command: 2, isLogged: true, isPaused: false });
    expect(others.map(({ command }) => command)).toEqual([0, 3, 0, 4, 0, 1]);
    expect(others.at(-1)).toMatchObject({ command: HINT_DONE, isPaused: true });
    const ids = others.filter(({ command }) => command > HINT_DONE);
    for (const id of ids) expect(id).toMatchObject({ isLogged: true, isPaused: false });
  });

  it('show a new id after each synchronization, STOP before the next, and DONE at the end', () => {
    const { hints, commands } = hinting();
    hints.request();
    hints.stop();
    hints.request();
    hints.stop();
    hints.done();
    expect(commands).toEqual([2, HINT_STOP, 3, HINT_STOP, HINT_DONE]);
  });

  it('remove a block from what is to be sent and from the marks that the log keeps, and count it', () => {
    const { hints, pages, forgotten, put } = hinting();
    hints.request();
    pages.dropRun(0, 4);
    put(0, { command: 2 }, block(0), block(32));
    expect(pages.count).toBe(256 - 32);
    expect([pages.has(5), pages.has(16), pages.has(32), pages.has(47)]).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(forgotten).toEqual([
      [0, 16],
      [32, 16],
    ]);
    // Four of the pages had been sent already.
    expect(hints.counts).toEqual({ hintedPages: 32, skippedPages: 28 });
  });

  it('ignore blocks that come before the guest has answered the id, and those of a former one', () => {
    const { hints, pages, put, queues } = hinting();
    hints.request();
    put(0, block(0));
    expect(pages.count).toBe(256);
    hints.stop();
    hints.request();
    // The guest answers the first id late: its answer and its blocks lie in the queue across a synchronization.
    put(0, { command: 2 }, block(16));
    expect(pages.count).toBe(256);
    put(0, { command: 3 }, block(32));
    expect(pages.count).toBe(240);
    // What has been put in before a synchronization is not taken after it.
    hints.stop();
    queues[0]!.push(block(48));
    hints.request();
    hints.take(true);
    expect(pages.count).toBe(240);
  });

  it('of a migration ignore what is left in a queue from one that was given up', () => {
    const { begin, hints, pages, queues } = hinting();
    hints.request();
    hints.done();
    queues[0]!.push({ command: 2 }, block(16));
    const next = begin();
    next.request();
    next.take(false);
    expect(pages.count).toBe(256);
  });

  it('take no block after the guest has said that it has no more, or after DONE', () => {
    const { hints, pages, put } = hinting();
    hints.request();
    put(0, { command: 2 }, { command: HINT_STOP }, block(0));
    put(1, { command: 2 }, block(64));
    expect(pages.count).toBe(240);
    hints.done();
    put(1, block(80));
    expect(pages.count).toBe(240);
  });

  it('take what has come before a synchronization stops them', () => {
    const { hints, pages, queues } = hinting();
    hints.request();
    queues[1]!.push({ command: 2 }, block(0));
    hints.stop();
    expect(pages.count).toBe(240);
  });
});
