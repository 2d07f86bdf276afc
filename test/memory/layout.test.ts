import { describe, expect, it } from 'vitest';
import { ACCESS_BATCH, STREAM_BYTES } from '../../src/memory/kernels/abi.ts';
import {
  accessListAt,
  COMPARE_BYTES,
  drainedMapAt,
  readerSetAt,
  READER_SETS,
  scratchAreas,
  slotLayout,
  type SlotGeometry,
  type SlotLayout,
  streamAt,
  writerMapAt,
} from '../../src/memory/layout.ts';

type Area = readonly [name: string, at: number, bytes: number];

/** Everything that lies in a slot's memory. */
function areasOf(layout: SlotLayout): Area[] {
  const { writers, streams, mapBytes, writerMapBytes, pages } = layout;
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const scratch = scratchAreas(layout);
  return [
    ['run list', scratch.runList, (3 + 2 * layout.maxRuns) * 4],
    ['map addresses', scratch.pointers, writers * 4],
    ['hash', scratch.hash, 64],
    ['compare', scratch.compare, COMPARE_BYTES],
    ...numbers(writers).map((i): Area => [`list ${i}`, accessListAt(layout, i), ACCESS_BATCH * 4]),
    ...numbers(streams).map((i): Area => [`stream ${i}`, streamAt(layout, i), STREAM_BYTES]),
    ['tables', layout.tables, layout.tableBytes],
    ...numbers(2 * writers).map((i): Area => {
      return [`map ${i >> 1} ${i & 1}`, writerMapAt(layout, i >> 1, i & 1), writerMapBytes];
    }),
    ['shared map', layout.sharedMap, mapBytes],
    ['kept map', layout.keptMap, mapBytes],
    ['drained map 0', drainedMapAt(layout, 0), mapBytes],
    ['drained map 1', drainedMapAt(layout, 1), mapBytes],
    ['aside map', layout.asideMap, mapBytes],
    ...numbers(READER_SETS + 1).map((i): Area => [`set ${i}`, readerSetAt(layout, i), mapBytes]),
    ['gates', layout.gates, pages],
    ['states', layout.states, layout.hasStates ? pages : 0],
    ['references', layout.references, layout.hasReferences ? 4 * pages : 0],
    ['RAM', layout.ramOffset, layout.ramBytes],
  ];
}

const PLAIN: SlotGeometry = {
  pages: 1000,
  pageSize: 4096,
  writers: 3,
  streams: 5,
  tableBytes: 700,
  skewPages: 1,
};

describe('the layout of a memslot', () => {
  it.each<[string, Partial<SlotGeometry>]>([
    ['plain', {}],
    ['with one page', { pages: 1, tableBytes: 0, streams: 0 }],
    ['with states and references', { hasStates: true, hasReferences: true, pages: 4097 }],
    ['with references alone', { hasReferences: true, pages: 129 }],
    ['with byte maps', { mapUnit: 'byte', pages: 513 }],
    ['with versions and many writers', { backing: 'versions', writers: 65, pages: 70_000 }],
    ['without skew', { skewPages: 0, pageSize: 65_536, pages: 40 }],
  ])('%s has a place of its own for everything', (_, geometry) => {
    const layout = slotLayout({ ...PLAIN, ...geometry });
    const areas = areasOf(layout)
      .filter(([, , bytes]) => bytes > 0)
      .toSorted(([, a], [, b]) => a - b);
    for (const [i, [name, at, bytes]] of areas.entries()) {
      const next = areas[i + 1];
      if (next) expect(at + bytes, `${name} before ${next[0]}`).toBeLessThanOrEqual(next[1]);
      else expect(at + bytes, name).toBeLessThanOrEqual(layout.totalBytes);
    }
    // Words and doubles are read through views of the whole memory.
    for (const [name, at] of areas) {
      const unit = name.startsWith('stream') ? 8 : name === 'states' ? 1 : 4;
      expect(at % unit, name).toBe(0);
    }
  });
});
