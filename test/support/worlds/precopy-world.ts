import type { DirtyLogKind } from '../../../src/memory/dirty-logs/dirty-log.ts';
import type { Algorithm, SourceGuest } from '../../../src/migration/ports.ts';
import { modelWords } from '../interleave/model-views.ts';
import { choose, milestone, type World } from '../interleave/world.ts';
import { createSide, type GuestProgram, openSide, planOf, standing } from './guest-world.ts';

/**
 * A world in which an engine pre-copies one page that vCPUs write: rules 1 to 4 of docs/memory-ordering.md. The engine
 * is the program's, with its guest, its dirty log and its driver, but for the order of harvests and copies here, which
 * is that of the source's algorithm. The vCPUs' handshake, accesses and marks are the program's too.
 */
export interface PrecopyOptions {
  readonly log: DirtyLogKind;
  readonly vcpus: number;
  /** How many writes each vCPU makes. */
  readonly writes: number;
  /** How many harvests there are before the last one. */
  readonly harvests: number;
  /** Whether a harvest that has not settled comes before the pause. */
  readonly endsEarly?: boolean;
  /** Whether the page may be left for later whenever it could be copied, as another page's turn may come first. */
  readonly mayLeave?: boolean;
  /** Whether vCPUs only poll, and never sleep. */
  readonly onlyPolls?: boolean;
  /** Whether write faults are counted, so that marks are made after the accesses of a batch. */
  readonly counts?: boolean;
  /** A planted bug: the vCPU polls between an access and its mark. */
  readonly pollsEarly?: boolean;
  /** A planted bug: the page is read before the marks of the harvest are taken. */
  readonly readsFirst?: boolean;
}

export function precopyWorld(program: GuestProgram, options: PrecopyOptions): World {
  const { log, vcpus } = options;
  const shared = createSide(program, { log, vcpus, pages: 1 });
  const engine = (): readonly number[] => {
    const side = openSide(program, shared);
    const guest = new program.guests.SharedSourceGuest(side, planOf(vcpus), standing);
    const { ramOffset } = side.memory.slots[0]!.layout;
    const { words } = side.memory.slots[0]!;
    const read = (): number[] =>
      Array.from({ length: vcpus }, (_, vcpu) => words[(ramOffset + 8 * vcpu) >>> 2]!);
    const progress: Progress = { page: [], waits: 0 };
    // The engine looks again and again, so it may look at any time; how it sleeps in between is another world.
    const algorithm = precopy(guest, options, read, progress);
    while (!algorithm.next('guest').done) milestone(progress, side.engine.epoch, guest);
    return progress.page;
  };
  const vcpu = (number: number) => (): never => {
    const side = openSide(program, shared);
    const writer = number + 1;
    const handshake = new program.handshake.WriterHandshake(side.words, writer, side.doorbell);
    const marks = program.open.marksOf(log, writer, side.rings);
    const slot = side.memory.slots[0]!;
    const { layout } = slot;
    const stream = {
      slot,
      record: program.layout.streamAt(layout, number),
      list: program.layout.accessListAt(layout, writer),
    } as Parameters<typeof program.access.access>[0];
    if (options.pollsEarly) {
      const { touch } = slot.kernels;
      Object.assign(slot.kernels, {
        touch(...given: Parameters<typeof touch>) {
          touch(...given);
          handshake.poll();
        },
      });
    }
    let isRunning = handshake.poll();
    for (let made = 0; ;) {
      milestone(made, isRunning, handshake);
      const mayWrite = made < options.writes;
      const ways = [
        'polls',
        ...(mayWrite ? ['writes'] : []),
        ...(options.onlyPolls ? [] : ['sleeps']),
      ];
      if (!isRunning) isRunning = handshake.waitParked(0);
      else {
        const way = ways[choose(ways.length, ways.join(' or '))];
        if (way === 'polls') isRunning = handshake.poll();
        // A sleep may last any time, as the other threads' steps may come in between.
        else if (way === 'sleeps') isRunning = handshake.sleep(0);
        else {
          program.access.access(stream, 1, marks, handshake.local, options.counts === true);
          made++;
        }
      }
    }
  };
  const names = Array.from({ length: vcpus }, (_, v) => `vCPU ${v}`);
  return {
    threads: { engine, ...Object.fromEntries(names.map((name, v) => [name, vcpu(v)])) },
    endless: names,
    ignores: (place) => /^(?:doorbell|engine sleeps|wake )/.test(place),
    judge([copy]) {
      const { memory, geometry } = shared.slots[0]!;
      const words = modelWords(memory.buffer);
      const { ramOffset } = program.layout.slotLayout(geometry);
      const made = names.map((_, v) => words[(ramOffset + 8 * v) >>> 2]!);
      const lost = made.findIndex((writes, v) => (copy as number[])[v] !== writes);
      if (lost < 0) return undefined;
      return `${names[lost]} has made ${made[lost]} writes, the copy has ${(copy as number[])[lost]}`;
    },
  };
}

/** How far the engine has come. */
interface Progress {
  /** What it has read when it copied the page last. */
  page: readonly number[];
  /** How often it has begun to wait for something new. */
  waits: number;
}

/** Pre-copies one page, which it reads with `read`. */
function* precopy(
  guest: SourceGuest,
  { harvests, mayLeave = false, endsEarly = false, readsFirst = false }: PrecopyOptions,
  read: () => number[],
  progress: Progress,
): Algorithm<void> {
  const log = guest.openLog();
  const settle = function* (): Algorithm<void> {
    progress.waits++;
    while (!guest.isSettled()) yield { guest: true, untilNs: Infinity };
  };
  const copy = (isLast: boolean): void => {
    if (!log.pages.has(0)) return;
    if (mayLeave && !isLast && choose(2, 'the page is left for later') === 1) return;
    log.pages.drop(0);
    progress.page = read();
  };
  log.start();
  yield* settle();
  log.pages.addAll();
  copy(false);
  for (let i = 0; i < harvests; i++) {
    const early = readsFirst ? read() : undefined;
    log.harvest();
    yield* settle();
    log.collect();
    if (early) {
      if (log.pages.has(0)) progress.page = early;
      log.pages.drop(0);
    } else copy(false);
  }
  // The pause may come while a harvest has been requested but has not settled.
  if (endsEarly) log.harvest();
  guest.pause();
  yield* settle();
  log.collectLast();
  copy(true);
}
