import type { Pattern } from '../../dist/guest/workload.js';
import {
  ACCESS_BATCH,
  MARK_ATOMIC,
  MARK_BYTE,
  MARK_NONE,
  MARK_PRIVATE,
} from '../../dist/memory/kernels/abi.js';
import { accessListAt, streamAt, writerMapAt } from '../../dist/memory/layout.js';
import type { Memslot } from '../../dist/memory/memslot.js';
import { hold, type SuiteContext } from '../contest.ts';
import { isToy } from '../report.ts';
import type { Row } from '../rows.ts';
import { makeSlot, MIB, PAGE, patternTableBytes, startStream, touchAll } from './slots.ts';

/**
 * This suite measures guest writes: a word of a page is read, changed and stored, then the page is
 * marked. Our kernel and C continue the same stream on the same pages, a batch of accesses at a time.
 */

const SIZES = isToy ? [8 * MIB] : [64 * MIB, 1024 * MIB];
const BATCHES = isToy ? 2 : 64;

export const PATTERNS: readonly Pattern[] = [
  { kind: 'sequential' },
  { kind: 'uniform' },
  { kind: 'zipf', theta: 0.99 },
];

export const LOGS = [
  { name: 'no log', mark: MARK_NONE, goal: undefined },
  { name: 'bitmap', mark: MARK_PRIVATE, goal: 0.75 },
  { name: 'bytemap', mark: MARK_BYTE, goal: 0.75 },
  { name: 'atomic', mark: MARK_ATOMIC, goal: 0.5 },
] as const;

export function marks({ reference, command }: SuiteContext): Row[] {
  const rows: Row[] = [];
  for (const bytes of SIZES) {
    const pages = bytes / PAGE;
    const zipf = PATTERNS.find(({ kind }) => kind === 'zipf')!;
    const geometry = {
      pages,
      tableBytes: patternTableBytes(zipf, pages),
      mapUnit: 'byte',
    } as const;
    const { slot, memory } = makeSlot(geometry);
    touchAll(slot);
    for (const pattern of PATTERNS) {
      startStream(slot, pattern, pages);
      for (const { name, mark, goal } of LOGS) {
        const map = mark === MARK_ATOMIC ? slot.layout.sharedMap : writerMapAt(slot.layout, 1, 0);
        const c = reference.kernels;
        const place = [BATCHES, ACCESS_BATCH, accessListAt(slot.layout, 1), mark, map] as const;
        const record = streamAt(slot.layout, 0);
        const contest = {
          what: `write, ${pattern.kind}, ${bytes / MIB} MiB, ${name}`,
          unit: 'ns/write',
          amount: BATCHES * ACCESS_BATCH,
          ours: { run: ourWrites(slot, BATCHES, mark, map) },
          c: c && { run: () => c.access(memory, record, ...place) },
          goal,
        } as const;
        rows.push(...hold(contest, command));
      }
    }
  }
  return rows;
}

/** Returns a function that makes some batches of accesses of the slot's stream 0 as writer 1. */
export function ourWrites(slot: Memslot, batches: number, mark: number, map: number): () => void {
  const record = streamAt(slot.layout, 0);
  const list = accessListAt(slot.layout, 1);
  const { kernels } = slot;
  return () => {
    for (let batch = 0; batch < batches; batch++) {
      kernels.nextGfns(record, ACCESS_BATCH, list);
      kernels.touch(record, ACCESS_BATCH, list, mark, map);
    }
  };
}
