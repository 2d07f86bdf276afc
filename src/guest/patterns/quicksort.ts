import { PATTERN_TRACE } from '../../memory/kernels/abi.ts';
import { PACED_WRITES, patternKind } from './kind.ts';

export const quicksort = patternKind({
  name: 'quicksort',
  about:
    'An in-place quicksort of random numbers visits its pages, over and over; all accesses write.',
  // Its pages are a list, as those of a trace are.
  kernel: PATTERN_TRACE,
  keys: {},
  pace: PACED_WRITES,
  pattern: () => ({ kind: 'quicksort' }),
});
