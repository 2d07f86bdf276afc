import type { Edit } from '../interleave/program.ts';
import type { PrecopyOptions } from './precopy-world.ts';

type Planted = readonly [name: string, options: Partial<PrecopyOptions>, edits?: readonly Edit[]];

const STEPS = 'memory/handshake/steps.ts';
const FLIP = 'memory/dirty-logs/flip.ts';
const TOUCH = 'memory/kernels/twin/access.ts';
const ATOMIC_MARK = 'else if (mark === abi.MARK_ATOMIC) Atomics.or(words, word, 1 << (gfn & 31));';

/** Bugs of the handshake, of the logs and of the writers: each turns one order round that rules 1 to 4 ask for. */
export const PLANTED: readonly Planted[] = [
  [
    'test before mark',
    { log: 'atomic', writes: 2 },
    [
      {
        file: TOUCH,
        from: ATOMIC_MARK,
        to: `else if (mark === abi.MARK_ATOMIC) {
          if (((words[word]! >>> (gfn & 31)) & 1) === 0) Atomics.or(words, word, 1 << (gfn & 31));
        }`,
      },
    ],
  ],
  [
    'mark before write',
    { log: 'atomic' },
    [
      {
        file: TOUCH,
        from: 'if (wordCount === 0) words[at] = (words[at]! + 1) | 0;',
        to: `if (mark === abi.MARK_ATOMIC) Atomics.or(words, (map >>> 2) + (gfn >>> 5), 1 << (gfn & 31));
        if (wordCount === 0) words[at] = (words[at]! + 1) | 0;`,
      },
      { file: TOUCH, from: ATOMIC_MARK, to: '' },
    ],
  ],
  ['read before harvest, log atomic', { log: 'atomic', readsFirst: true }],
  [
    'marks taken without an exchange',
    { log: 'atomic', writes: 2 },
    [
      {
        file: 'memory/kernels/twin/bits.ts',
        from: 'const marks = Atomics.exchange(words, (map >>> 2) + i, 0);',
        to: 'const marks = words[(map >>> 2) + i]!; words[(map >>> 2) + i] = 0;',
      },
    ],
  ],
  [
    'harvest before acknowledgement',
    {},
    [
      {
        file: FLIP,
        from: 'isSettled: () => handshake.haveAllAcknowledged()',
        to: 'isSettled: () => true',
      },
    ],
  ],
  ['acknowledgement before the window ends', { counts: true, pollsEarly: true }],
  [
    'unpark without re-reading the epoch',
    {},
    [
      {
        file: STEPS,
        from: 'RUNNING);\n      return LOAD_EPOCH;',
        to: 'RUNNING);\n      return LOAD_PAUSE;',
      },
    ],
  ],
  [
    'unpark without re-reading the pause',
    {},
    [
      {
        file: STEPS,
        from: 'return LOAD_PAUSE;\n      local',
        to: 'return RUN_WINDOW;\n      local',
      },
    ],
  ],
  [
    'last set from one map',
    { endsEarly: true, harvests: 0 },
    [
      {
        file: FLIP,
        from: 'merge(0, target) + merge(1, target)',
        to: 'merge(handshake.epoch & 1, target)',
      },
    ],
  ],
  ['read before harvest', { readsFirst: true }],
  [
    'engine stores the epoch before the mode',
    {},
    [
      {
        file: 'memory/handshake/engine.ts',
        from: 'engineSteps.storeMode(this.#words, mode);\n',
        to: '\n',
      },
      {
        file: 'memory/handshake/engine.ts',
        from: 'engineSteps.storeEpoch(this.#words, this.#epoch);',
        to: 'engineSteps.storeEpoch(this.#words, this.#epoch); engineSteps.storeMode(this.#words, mode);',
      },
    ],
  ],
  [
    'writer acknowledges before it switches maps',
    {},
    [
      {
        file: STEPS,
        from: 'if (epoch === local.epoch) return LOAD_PAUSE;',
        to: `if (epoch === local.epoch) return LOAD_PAUSE;
      if (Atomics.exchange(words, acknowledgedOf(local.writer), epoch) !== epoch) return LOAD_PAUSE;`,
      },
    ],
  ],
  [
    'a writer that only asks for the state counts as parked',
    {},
    [
      {
        file: STEPS,
        from: 'Atomics.load(words, stateOf(writer)) === PARKED',
        to: 'stateOf(writer) > 0',
      },
    ],
  ],
];
