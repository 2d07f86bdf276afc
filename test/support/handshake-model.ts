import {
  engineSteps,
  LOAD_EPOCH,
  LOAD_PAUSE,
  PARK,
  RUN_WINDOW,
  UNPARK,
  WAIT,
  writerLocal,
  writerStep,
} from '../../src/memory/handshake/steps.ts';
import { handshakeWords, PARKED, PAUSE, stateOf } from '../../src/memory/handshake/words.ts';

/**
 * Enumerates every interleaving of an engine that pre-copies one page with writers that write it.
 * The handshake's steps are the program's own. Plain stores sit in a buffer of their writer and
 * reach memory one by one in any order (those to one place in theirs), at the latest before the
 * writer's next atomic access; that is weaker than x86 and as weak as the memory model allows.
 */
export interface ModelOptions {
  readonly log: 'bitmap' | 'atomic';
  readonly writers: number;
  /** Writes each writer makes. */
  readonly writes: number;
  readonly harvests: number;
  readonly bug?: Bug;
}

export type Bug =
  | 'test before mark'
  | 'mark before write'
  | 'harvest before acknowledgement'
  | 'acknowledgement before the window ends'
  | 'unpark without re-reading the epoch'
  | 'last set from one map'
  | 'read before harvest';

interface Store {
  readonly place: 'data' | 'mark0' | 'mark1';
  readonly value: number;
}

interface Writer {
  step: number;
  epoch: number;
  mode: number;
  done: number;
  buffer: Store[];
  /** Half of the map that a write under way will mark, -1 when none is. */
  half: number;
  /** Whether the half of that write has marked already (bug) or written. */
  isHalfDone: boolean;
}

interface World {
  words: number[];
  writers: Writer[];
  /** Per writer: its word of the page, here and at the destination, and its two marks. */
  data: number[];
  copy: number[];
  marks: number[][];
  /** The atomic log's shared mark. */
  shared: number;
  engine: { at: number; part: number; isUnsent: boolean; found: boolean; epoch: number };
}

export interface Exploration {
  readonly states: number;
  readonly ends: number;
  /** What went wrong first, if anything did. */
  readonly violation?: string;
}

type EngineOperation =
  | 'mode on'
  | 'epoch'
  | 'await acknowledgements'
  | 'collect'
  | 'copy'
  | 'pause'
  | 'await parked'
  | 'collect last'
  | 'check';

function engineProgram({ log, harvests, bug }: ModelOptions): EngineOperation[] {
  const program: EngineOperation[] = ['mode on', 'epoch', 'await acknowledgements', 'copy'];
  const flip: EngineOperation[] =
    log === 'atomic'
      ? []
      : bug === 'harvest before acknowledgement'
        ? ['mode on', 'epoch']
        : ['mode on', 'epoch', 'await acknowledgements'];
  for (let i = 0; i < harvests; i++) {
    if (bug === 'read before harvest') program.push('copy', ...flip, 'collect');
    else program.push(...flip, 'collect', 'copy');
  }
  // The pause may come while a harvest is asked for but not settled.
  const unsettled: EngineOperation[] = log === 'atomic' ? [] : ['mode on', 'epoch'];
  const end: EngineOperation[] = ['pause', 'await parked', 'collect last', 'copy', 'check'];
  return [...program, ...unsettled, ...end];
}

export function explore(options: ModelOptions): Exploration {
  const program = engineProgram(options);
  const seen = new Set<string>();
  const stack: World[] = [initialWorld(options)];
  let ends = 0;
  for (let world = stack.pop(); world; world = stack.pop()) {
    const key = JSON.stringify(world);
    if (seen.has(key)) continue;
    seen.add(key);
    if (program[world.engine.at] === 'check') {
      ends++;
      const lost = world.data.findIndex((value, w) => value !== world.copy[w]);
      if (lost >= 0) {
        const violation = `writer ${lost} wrote ${world.data[lost]}, the copy has ${world.copy[lost]}`;
        return { states: seen.size, ends, violation };
      }
    }
    for (const next of successors(world, program, options)) {
      if (typeof next === 'string') return { states: seen.size, ends, violation: next };
      stack.push(next);
    }
  }
  return { states: seen.size, ends };
}

/** By hand: structuredClone takes most of the time of a search otherwise. */
function cloneWorld(world: World): World {
  return {
    words: world.words.slice(),
    writers: world.writers.map((writer) => ({ ...writer, buffer: writer.buffer.slice() })),
    data: world.data.slice(),
    copy: world.copy.slice(),
    marks: world.marks.map((marks) => marks.slice()),
    shared: world.shared,
    engine: { ...world.engine },
  };
}

function initialWorld({ writers }: ModelOptions): World {
  const words = Array.from({ length: handshakeWords(writers) }, () => 0);
  for (let w = 0; w < writers; w++) words[stateOf(w)] = PARKED;
  const perWriter = <Value>(make: () => Value): Value[] => Array.from({ length: writers }, make);
  return {
    words,
    writers: perWriter(() => ({
      step: WAIT,
      epoch: 0,
      mode: 0,
      done: 0,
      buffer: [],
      half: -1,
      isHalfDone: false,
    })),
    data: perWriter(() => 0),
    copy: perWriter(() => 0),
    marks: perWriter(() => [0, 0]),
    shared: 0,
    engine: { at: 0, part: 0, isUnsent: true, found: false, epoch: 0 },
  };
}

function successors(
  world: World,
  program: readonly EngineOperation[],
  options: ModelOptions,
): (World | string)[] {
  const list: (World | string)[] = [];
  const branch = (act: (copy: World) => void): void => {
    const copy = cloneWorld(world);
    act(copy);
    list.push(copy);
  };
  world.writers.forEach((writer, w) => {
    for (const index of drainable(writer)) branch((copy) => drain(copy, w, index));
    list.push(...writerSuccessors(world, w, options, program));
  });
  list.push(...engineSuccessors(world, program, options));
  return list;
}

/** Stores that may reach memory next: of those to one place the oldest. */
function drainable({ buffer }: Writer): number[] {
  return buffer.flatMap((store, i) =>
    buffer.slice(0, i).some((earlier) => earlier.place === store.place) ? [] : [i],
  );
}

function drain(world: World, w: number, index: number): void {
  const [store] = world.writers[w]!.buffer.splice(index, 1);
  if (store!.place === 'data') world.data[w] = store!.value;
  else world.marks[w]![store!.place === 'mark0' ? 0 : 1] = store!.value;
}

function writerSuccessors(
  world: World,
  w: number,
  options: ModelOptions,
  program: readonly EngineOperation[],
): (World | string)[] {
  const writer = world.writers[w]!;
  const list: (World | string)[] = [];
  const branch = (act: (copy: World, own: Writer) => void): void => {
    const copy = cloneWorld(world);
    act(copy, copy.writers[w]!);
    list.push(copy);
  };
  // Every other step is an atomic access: the buffer has drained before.
  const isDrained = writer.buffer.length === 0;
  if (writer.step === RUN_WINDOW) {
    if (writer.half >= 0) {
      list.push(...secondHalf(world, w, options));
      const isEarly = options.bug === 'acknowledgement before the window ends';
      if (isEarly && isDrained) branch((_copy, own) => void (own.step = LOAD_EPOCH));
      return list;
    }
    if (writer.done < options.writes) {
      if (program.indexOf('collect last') <= world.engine.at) {
        return [`writer ${w} writes while the guest is paused`];
      }
      list.push(...firstHalf(world, w, options));
    }
    if (isDrained) {
      branch((_copy, own) => void (own.step = LOAD_EPOCH));
      branch((_copy, own) => void (own.step = PARK));
    }
    return list;
  }
  if (!isDrained) return list;
  branch((copy, own) => {
    if (own.step === WAIT) own.step = UNPARK;
    else own.step = realStep(copy, w, own, options);
  });
  return list;
}

/** One step of the program's own handshake on the world's words. */
function realStep(world: World, w: number, own: Writer, options: ModelOptions): number {
  const words = Int32Array.from(world.words);
  const local = writerLocal(w);
  local.epoch = own.epoch;
  local.mode = own.mode;
  let next = writerStep(words, local, own.step);
  if (own.step === UNPARK && options.bug === 'unpark without re-reading the epoch') {
    next = LOAD_PAUSE;
  }
  own.epoch = local.epoch;
  own.mode = local.mode;
  world.words = Array.from(words);
  return next;
}

/** A write's first half: the data store, or with the bug the mark. */
function firstHalf(world: World, w: number, options: ModelOptions): World[] {
  const writer = world.writers[w]!;
  const half = writer.epoch & 1;
  if (options.bug === 'mark before write') return mark(world, w, half, options, false);
  const copy = cloneWorld(world);
  const own = copy.writers[w]!;
  own.buffer.push({ place: 'data', value: own.done + 1 });
  own.half = half;
  return [copy];
}

function secondHalf(world: World, w: number, options: ModelOptions): World[] {
  const writer = world.writers[w]!;
  if (options.bug !== 'mark before write') return mark(world, w, writer.half, options, true);
  const copy = cloneWorld(world);
  const own = copy.writers[w]!;
  own.buffer.push({ place: 'data', value: own.done + 1 });
  finish(own);
  return [copy];
}

function finish(own: Writer): void {
  own.done++;
  own.half = -1;
}

function mark(
  world: World,
  w: number,
  half: number,
  options: ModelOptions,
  isLast: boolean,
): World[] {
  const copy = cloneWorld(world);
  const own = copy.writers[w]!;
  if (isLast) finish(own);
  else own.half = half;
  if (own.mode === 0) return [copy];
  if (options.log === 'bitmap') {
    own.buffer.push({ place: half === 0 ? 'mark0' : 'mark1', value: 1 });
    return [copy];
  }
  if (options.bug === 'test before mark' && copy.shared === 1) return [copy];
  // An atomic OR: nothing may be left in the buffer before it.
  if (own.buffer.length > 0) return [];
  copy.shared = 1;
  return [copy];
}

function engineSuccessors(
  world: World,
  program: readonly EngineOperation[],
  options: ModelOptions,
): World[] {
  const operation = program[world.engine.at]!;
  const copy = cloneWorld(world);
  const { engine } = copy;
  const words = Int32Array.from(copy.words);
  const advance = (): World[] => {
    copy.words = Array.from(words);
    engine.at++;
    engine.part = 0;
    return [copy];
  };
  switch (operation) {
    case 'mode on':
      engineSteps.storeMode(words, 1);
      return advance();
    case 'epoch':
      engine.epoch++;
      engineSteps.storeEpoch(words, engine.epoch);
      return advance();
    case 'pause':
      engineSteps.storePause(words, 1);
      return advance();
    case 'await acknowledgements':
    case 'await parked':
      return awaitWriters(copy, words, operation, options, advance);
    case 'collect':
    case 'collect last':
      return collect(copy, operation, options, advance);
    case 'copy':
      return copyPage(world, copy, options, advance);
    default:
      return [];
  }
}

/** One load a step; who has not answered is asked again. */
function awaitWriters(
  world: World,
  words: Int32Array,
  operation: EngineOperation,
  { writers }: ModelOptions,
  advance: () => World[],
): World[] {
  const { engine } = world;
  const w = engine.part >> 1;
  const isSecondLook = (engine.part & 1) === 1;
  const hasAnswered = isSecondLook
    ? engineSteps.hasAcknowledged(words, w, engine.epoch)
    : engineSteps.isParked(words, w);
  if (hasAnswered) engine.part = 2 * (w + 1);
  else if (operation === 'await parked' || isSecondLook) engine.part = 2 * w;
  else engine.part = 2 * w + 1;
  return engine.part === 2 * writers ? advance() : [world];
}

/** Takes and clears one writer's marks a step (or the shared one). */
function collect(
  world: World,
  operation: EngineOperation,
  { log, writers, bug }: ModelOptions,
  advance: () => World[],
): World[] {
  const { engine } = world;
  const take = (marks: number[], half: number): void => {
    if (marks[half] === 1) engine.found = true;
    marks[half] = 0;
  };
  if (log === 'atomic') {
    if (world.shared === 1) engine.found = true;
    world.shared = 0;
    engine.part = writers - 1;
  } else if (operation === 'collect') {
    take(world.marks[engine.part]!, (engine.epoch - 1) & 1);
  } else {
    take(world.marks[engine.part]!, engine.epoch & 1);
    if (bug !== 'last set from one map') take(world.marks[engine.part]!, (engine.epoch + 1) & 1);
  }
  if (++engine.part < writers) return [world];
  if (bug !== 'read before harvest' || operation === 'collect last') {
    engine.isUnsent ||= engine.found;
    engine.found = false;
  } else {
    // The page was read before its mark was taken; it counts as sent.
    engine.found = false;
  }
  return advance();
}

/** Copies the page if it is unsent, one writer's word a step; while the guest runs it may also be left for later. */
function copyPage(
  before: World,
  world: World,
  { writers, bug }: ModelOptions,
  advance: () => World[],
): World[] {
  const { engine } = world;
  const isForced = bug === 'read before harvest';
  const isPaused = before.words[PAUSE] === 1;
  if (!engine.isUnsent && (!isForced || isPaused)) return advance();
  const later: World[] = [];
  if (!isPaused && engine.part === 0 && engine.isUnsent) {
    const left = cloneWorld(world);
    left.engine.at++;
    later.push(left);
  }
  world.copy[engine.part] = world.data[engine.part]!;
  if (++engine.part < writers) return [world, ...later];
  engine.isUnsent = false;
  return [...advance(), ...later];
}
