import { describe, expect, it } from 'vitest';
import { parseWorkingSet, workingSetOf } from '../../src/snapshot/working-set.ts';

describe('a working set', () => {
  it('keeps its pages in the order in which they were needed, each once', () => {
    const text = JSON.stringify(workingSetOf('id', 500, [7, 8, 9, 3, 8, 20]));
    expect(text).toContain('"runs":[[7,3],[3,1],[8,1],[20,1]]');
    expect(parseWorkingSet(text, 'id', 21)).toEqual([7, 8, 9, 3, 20]);
  });

  it.each([
    ['{', 'it is no working set'],
    ['null', 'it is no working set'],
    ['{"schema":"x"}', 'it is no working set'],
    ['{"schema":"pageferry/working-set@1","identity":"id","runs":[1]}', 'it is no working set'],
    [
      '{"schema":"pageferry/working-set@1","identity":"no","runs":[]}',
      'it is the working set of another snapshot: record it again',
    ],
    [
      '{"schema":"pageferry/working-set@1","identity":"id","runs":[[20,2]]}',
      'it names pages that the guest lacks',
    ],
    [
      '{"schema":"pageferry/working-set@1","identity":"id","runs":[[-1,2]]}',
      'it names pages that the guest lacks',
    ],
  ])('%s is not used', (text, sentence) => {
    expect(parseWorkingSet(text, 'id', 21)).toBe(sentence);
  });
});
