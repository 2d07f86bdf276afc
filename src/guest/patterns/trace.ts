import { PATTERN_TRACE } from '../../memory/kernels/abi.ts';
import {
  choice,
  defaulted,
  map,
  name,
  nameOrOwn,
  number,
  optional,
  required,
} from '../../units/keys.ts';
import { catchUp, patternKind } from './kind.ts';

const TRACE_KEYS = {
  file: required(nameOrOwn('the name of a trace file'), {
    about: 'pages written, by intervals; or { module, export, options } that makes a trace',
  }),
  touched: optional(name('the name of a trace file'), {
    about: 'pages read or written; when it is absent, no page is only read',
  }),
  speed: defaulted(number('a factor above 0', { above: 0 }), 1, {
    about: 'divides the length of an interval',
    source: 'the trace plays as fast as it was recorded',
  }),
  end: defaulted(choice(['loop', 'hold']), 'loop', {
    about: 'what comes after the last interval: the first again, or nothing',
    source: 'a guest goes on working, however long the migration takes',
  }),
};

/** The pattern of recorded accesses. Its files are read and its intervals shuffled when a scenario is resolved. */
export const trace = patternKind({
  name: 'trace',
  about: 'Pages are visited as recorded; pace and writes are those of the trace.',
  kernel: PATTERN_TRACE,
  keys: { trace: required(map(TRACE_KEYS), { about: 'what was recorded, and how it is played' }) },
  pace: {
    catchUp: catchUp(
      'unlimited',
      'recorded work is done later when it is held up, and not left out',
    ),
  },
});
