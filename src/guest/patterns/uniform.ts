import { PATTERN_UNIFORM } from '../../memory/kernels/abi.ts';
import { PACED, patternKind } from './kind.ts';

export const uniform = patternKind({
  name: 'uniform',
  about: 'Every page is equally likely to be visited.',
  kernel: PATTERN_UNIFORM,
  keys: {},
  pace: PACED,
  pattern: () => ({ kind: 'uniform' }),
});
