import {
  LOAD_EPOCH,
  LOAD_PAUSE,
  PARK,
  RUN_WINDOW,
  UNPARK,
  WAIT,
  writerLocal,
  writerStep,
} from '../../src/memory/handshake/steps.ts';
import { type EngineOperation, engineProgram, engineSuccessors } from './handshake-engine.ts';
import {
  cloneWorld,
  initialWorld,
  type ModelOptions,
  type World,
  type Writer,
} from './handshake-world.ts';

/** The result of exploring all states of the model. */
export interface Exploration {
  readonly states: number;
  readonly ends: number;
  /** The first violation that was found; absent when there is none. */
  readonly violation?: string;
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

/** Returns the indices of the stores that may reach memory next: for each place the oldest one. */
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
  // Every other step is an atomic access, which waits until the buffer is empty.
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

/** Makes one step of the program's own handshake on the world's words; returns the next step. */
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

/** Makes the first half of a write: the data store, or the mark if that bug is planted. */
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

/** Makes the second half of a write: the mark, or the data store if that bug is planted. */
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
  // The mark is an atomic OR, which waits until the buffer is empty.
  if (own.buffer.length > 0) return [];
  copy.shared = 1;
  return [copy];
}
