import { PATTERN_ZIPF } from '../../memory/kernels/abi.ts';
import { defaulted, number } from '../../units/keys.ts';
import { PACED, patternKind } from './kind.ts';

export const zipf = patternKind({
  name: 'zipf',
  about: 'The k-th most wanted page with weight k^-theta; the seed shuffles which page that is.',
  kernel: PATTERN_ZIPF,
  keys: {
    theta: defaulted(
      number('a number from 0 to 10', { low: 0, high: 10, example: 'a number such as 0.99' }),
      0.99,
      {
        about: 'how much more the first pages are wanted than the others',
        source: 'YCSB, ZipfianGenerator: ZIPFIAN_CONSTANT',
      },
    ),
  },
  pace: PACED,
  pattern: ({ theta }) => ({ kind: 'zipf', theta }),
});
