import { engineSteps } from '../../src/memory/handshake/steps.ts';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { cloneWorld, type ModelOptions, type World } from './handshake-world.ts';

export type EngineOperation =
  | 'mode on'
  | 'epoch'
  | 'await acknowledgements'
  | 'collect'
  | 'copy'
  | 'pause'
  | 'await parked'
  | 'collect last'
  | 'check';

/** Returns the operations of the engine in their order: a pre-copy of one page up to its end. */
export function engineProgram({ log, harvests, bug }: ModelOptions): EngineOperation[] {
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
  // The pause may come while a harvest has been requested but is not settled.
  const unsettled: EngineOperation[] = log === 'atomic' ? [] : ['mode on', 'epoch'];
  const end: EngineOperation[] = ['pause', 'await parked', 'collect last', 'copy', 'check'];
  return [...program, ...unsettled, ...end];
}

/** Returns the worlds to which one step of the engine may lead. */
export function engineSuccessors(
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

/** Makes one load of the wait for the writers; a writer that has not answered is loaded again. */
function awaitWriters(
  world: World,
  words: Int32Array,
  operation: EngineOperation,
  { writers }: ModelOptions,
  advance: () => World[],
): World[] {
  const { engine } = world;
  const w = engine.part >> 1;
  const isSecondLoad = (engine.part & 1) === 1;
  const hasAnswered = isSecondLoad
    ? engineSteps.hasAcknowledged(words, w, engine.epoch)
    : engineSteps.isParked(words, w);
  if (hasAnswered) engine.part = 2 * (w + 1);
  else if (operation === 'await parked' || isSecondLoad) engine.part = 2 * w;
  else engine.part = 2 * w + 1;
  return engine.part === 2 * writers ? advance() : [world];
}

/** Takes and clears the marks of one writer in each step, or the shared mark. */
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

/**
 * Copies the page if it is unsent, the word of one writer in each step. While the guest runs, the page
 * may also be left for later.
 */
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
