import { PATTERN_STRIDE } from '../../memory/kernels/abi.ts';
import { positiveSize, required } from '../../units/keys.ts';
import { parseSize } from '../../units/size.ts';
import { PACED, patternKind } from './kind.ts';

export const stride = patternKind({
  name: 'stride',
  about: 'A page every so many bytes, wrapping.',
  kernel: PATTERN_STRIDE,
  keys: { stride: required(positiveSize, { about: 'from one access to the next, whole pages' }) },
  pace: PACED,
  pattern: (written, { pageSize }) => ({
    kind: 'stride',
    stridePages: parseSize(written.stride) / pageSize,
  }),
  misfit: (written, pageSize) =>
    parseSize(written.stride) % pageSize === 0 ? undefined : 'stride',
});
