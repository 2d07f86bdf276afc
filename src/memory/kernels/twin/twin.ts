import type { Kernels } from '../kernels.ts';
import * as access from './access.ts';
import * as bits from './bits.ts';
import { runUntil } from './batches.ts';
import * as page from './page.ts';
import { viewsOf } from './views.ts';

/** Returns the kernels in plain TypeScript over any shared buffer. */
export function twinKernels(buffer: SharedArrayBuffer): Kernels {
  const v = viewsOf(buffer);
  return {
    nextGfns: (stream, count, out) => access.nextGfns(v, stream, count, out),
    touch: (stream, count, gfns, mark, map) => access.touch(v, stream, count, gfns, mark, map),
    runUntil: (stream, list, map, isLogged, most, endNs) =>
      runUntil(v, stream, list, map, isLogged, most, endNs),
    markFresh: (gfns, count, map) => access.markFresh(v, gfns, count, map),
    countPlain: (gfns, count, gates) => access.countPlain(v, gfns, count, gates),
    noteReferences: (gfns, count, references, epoch) =>
      access.noteReferences(v, gfns, count, references, epoch),
    mergeAndClearBytes: (map, target, bytes) => bits.mergeAndClearBytes(v, map, target, bytes),
    merge: (map, target, bytes) => bits.merge(v, map, target, bytes),
    mergeAndClear: (map, target, bytes) => bits.mergeAndClear(v, map, target, bytes),
    mergeAndClearAtomic: (map, target, bytes) => bits.mergeAndClearAtomic(v, map, target, bytes),
    popcount: (map, bytes) => bits.popcount(v, map, bytes),
    takeRuns: (set, from, end, maxPages, maxRuns, maps, mapCount, unit, out) =>
      bits.takeRuns(v, set, from, end, maxPages, maxRuns, maps, mapCount, unit, out),
    listRuns: (set, from, end, maxRuns, out) => bits.listRuns(v, set, from, end, maxRuns, out),
    isZero: (at, bytes) => page.isZero(v, at, bytes),
    zeroMask: (at, bytes, count) => page.zeroMask(v, at, bytes, count),
    clearPages: (at, bytes, count) => page.clearPages(v, at, bytes, count),
    hashPages: (at, bytes, count, out) => page.hashPages(v, at, bytes, count, out),
    firstWrongHash: (at, bytes, count, sums, scratch) =>
      page.firstWrongHash(v, at, bytes, count, sums, scratch),
    firstDifference: (a, b, bytes) => page.firstDifference(v, a, b, bytes),
    pageHash: (at, bytes, out) => page.pageHash(v, at, bytes, out),
  };
}
