import { PATTERN_UNIFORM } from '../../memory/kernels/abi.ts';
import { PACED, patternKind } from './kind.ts';

export const uniform = patternKind({
  name: 'uniform',
  about: 'Any page, all equally likely.',
  kernel: PATTERN_UNIFORM,
  keys: {},
  pace: PACED,
  pattern: () => ({ kind: 'uniform' }),
});
