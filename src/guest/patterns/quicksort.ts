import { PATTERN_TRACE } from '../../memory/kernels/abi.ts';
import { PACED_WRITES, patternKind } from './kind.ts';

export const quicksort = patternKind({
  name: 'quicksort',
  about: 'Pages that an in-place quicksort of random numbers visits, over and over; all writes.',
  // A list of pages, as a trace's.
  kernel: PATTERN_TRACE,
  keys: {},
  pace: PACED_WRITES,
  pattern: () => ({ kind: 'quicksort' }),
});
