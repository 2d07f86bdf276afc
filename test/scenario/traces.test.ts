import { describe, expect, it } from 'vitest';
import { TraceReader } from '../../src/scenario/traces.ts';
import { scenarioFolder, withTrace, withWorkload } from '../support/scenarios.ts';

const { folder, complaints } = scenarioFolder();

describe('traces that can not be used', () => {
  it.each([
    ['gone', 'FOLDER/traces/gone is not there'],
    ['.', 'FOLDER/traces is a folder: name a file in it (EISDIR)'],
    ['plain', 'traces/plain is not a gzip file of a page trace'],
    ['text', 'traces/text line 1: is not JSON'],
    ['header', 'traces/header line 1: expected a header with format "pageferry/trace@1"'],
    ['null', 'traces/null line 1: expected a header with format "pageferry/trace@1"'],
    ['interval', 'traces/interval line 1: expected intervalMs, a number of milliseconds above 0'],
    ['page-size', 'traces/page-size line 1: expected pageSize, a number of bytes'],
    ['empty', 'traces/empty has no interval'],
    ['odd', 'traces/odd line 3: expected [gfnStart, count, ...] pairs'],
    ['map', 'traces/map line 2: expected [gfnStart, count, ...] pairs'],
    ['fraction', 'traces/fraction line 2: expected [gfnStart, count, ...] pairs'],
    ['backwards', 'traces/backwards line 2: runs must be ascending, disjoint and not empty'],
    ['no-pages', 'traces/no-pages line 2: runs must be ascending, disjoint and not empty'],
    [
      'large-pages',
      "traces/large-pages was taken with pages of 16384 bytes, the guest's have 4096",
    ],
    ['far', 'traces/far names page 16384, the region has 16384 pages'],
    ['endless', 'traces/endless names page 1999999999, the region has 16384 pages'],
    [
      'long',
      'traces/long has 67125248 accesses in 4097 intervals: all traces together may have 67108864 of both',
    ],
    ['deep', 'traces/deep line 2: expected [gfnStart, count, ...] pairs'],
    ['signed', 'traces/signed line 2: expected [gfnStart, count, ...] pairs'],
    ['blank', 'traces/blank line 3: is not JSON'],
    ['unended', 'traces/unended line 2: is not JSON'],
    ['joined', 'traces/joined line 2: is not JSON'],
  ])('%s', (name, sentence) => {
    expect(complaints(withTrace(`{ file: traces/${name} }`))).toEqual([
      `4:40 guest.workloads[0].trace.file: ${sentence}`,
    ]);
  });

  it('that together have too many accesses', () => {
    const facts = { seed: 1, pages: 16_384, pageSize: 4096 };
    const keys = { file: 'traces/good', speed: 1, end: 'loop' as const };
    // The trace has 6 accesses in 3 intervals.
    const traces = new TraceReader(20);
    const read = () => traces.read(keys, facts, () => folder, ['trace']);
    expect(read().intervals.map((list) => list.length)).toEqual([5, 1, 0]);
    read();
    expect(read).toThrow(
      'traces/good has 6 accesses in 3 intervals, and the traces before it have 18: ' +
        'all traces together may have 20 of both',
    );
  });

  it('beyond a region that is smaller than memory', () => {
    const yaml = withWorkload(
      '{ pattern: trace, region: { size: 32KiB }, trace: { file: traces/good } }',
    );
    expect(complaints(yaml)).toEqual([
      '4:65 guest.workloads[0].trace.file: traces/good names page 8, the region has 8 pages',
    ]);
  });

  it.each([
    ['gone', 'FOLDER/traces/gone is not there'],
    ['far', 'traces/far names page 16384, the region has 16384 pages'],
    ['short', 'traces/short has other intervals than traces/good: both come from one run'],
  ])('touched pages: %s', (name, sentence) => {
    expect(complaints(withTrace(`{ file: traces/good, touched: traces/${name} }`))).toEqual([
      `4:62 guest.workloads[0].trace.touched: ${sentence}`,
    ]);
  });

  it.each(['rate: 3', 'writes: 1', 'tick: 1ms'])('with a pace of another kind: %s', (key) => {
    const yaml = withWorkload(`{ pattern: trace, trace: { file: traces/good }, ${key} }`);
    expect(complaints(yaml)).toEqual([
      `4:55 guest.workloads[0].${key.split(':')[0]}: a trace has its own pace and its own ` +
        'writes: leave it out',
    ]);
  });
});
