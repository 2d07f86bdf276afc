import { PATTERN_SEQUENTIAL } from '../../memory/kernels/abi.ts';
import { PACED, patternKind } from './kind.ts';

export const sequential = patternKind({
  name: 'sequential',
  about: 'One page after another, wrapping; several vCPUs start evenly spaced.',
  kernel: PATTERN_SEQUENTIAL,
  keys: {},
  pace: PACED,
  pattern: () => ({ kind: 'sequential' }),
});
