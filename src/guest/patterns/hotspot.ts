import { PATTERN_HOTSPOT } from '../../memory/kernels/abi.ts';
import { required, share } from '../../units/keys.ts';
import { PACED, patternKind } from './kind.ts';

export const hotspot = patternKind({
  name: 'hotspot',
  about: 'A share of the accesses goes to the first pages of the region, the rest to the others.',
  kernel: PATTERN_HOTSPOT,
  keys: {
    hotPages: required(share(), { about: 'share of the pages that are hot' }),
    hotAccesses: required(share(), { about: 'share of the accesses that go to them' }),
  },
  pace: PACED,
  pattern(written, { pages }) {
    const hotPages = Math.min(pages, Math.max(1, Math.round(written.hotPages * pages)));
    // When every page is hot there is no cold page to draw.
    return hotPages === pages
      ? { kind: 'uniform' }
      : { kind: 'hotspot', hotPages, hotAccesses: written.hotAccesses };
  },
});
