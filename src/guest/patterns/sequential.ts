import { PATTERN_SEQUENTIAL } from '../../memory/kernels/abi.ts';
import { PACED, patternKind } from './kind.ts';

export const sequential = patternKind({
  name: 'sequential',
  about:
    'Pages are visited one after another and then from the first again; vCPUs start evenly spaced.',
  kernel: PATTERN_SEQUENTIAL,
  keys: {},
  pace: PACED,
  pattern: () => ({ kind: 'sequential' }),
});
