import { PATTERN_ZIPF } from '../../memory/kernels/abi.ts';
import { defaulted, number } from '../../units/keys.ts';
import { PACED, patternKind } from './kind.ts';

export const zipf = patternKind({
  name: 'zipf',
  about: 'The page of rank k has weight k^-theta; the seed decides which page has which rank.',
  kernel: PATTERN_ZIPF,
  keys: {
    theta: defaulted(
      number('a number from 0 to 10', { low: 0, high: 10, example: 'a number such as 0.99' }),
      0.99,
      {
        about: 'how strongly accesses concentrate on the pages of the first ranks',
        source: 'YCSB, ZipfianGenerator: ZIPFIAN_CONSTANT',
      },
    ),
  },
  pace: PACED,
  pattern: ({ theta }) => ({ kind: 'zipf', theta }),
});
