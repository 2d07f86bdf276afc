import { PATTERN_STRIDE } from '../../memory/kernels/abi.ts';
import { positiveSize, required } from '../../units/keys.ts';
import { parseSize } from '../../units/size.ts';
import { PACED, patternKind } from './kind.ts';

export const stride = patternKind({
  name: 'stride',
  about:
    'Each access goes so many bytes further than the last, and past the end from the start again.',
  kernel: PATTERN_STRIDE,
  keys: {
    stride: required(positiveSize, { about: 'bytes from one access to the next, whole pages' }),
  },
  pace: PACED,
  pattern: (written, { pageSize }) => ({
    kind: 'stride',
    stridePages: parseSize(written.stride) / pageSize,
  }),
  misfit: (written, pageSize) =>
    parseSize(written.stride) % pageSize === 0 ? undefined : 'stride',
});
