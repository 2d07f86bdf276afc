import { atomicLog, atomicMarks } from './atomic.ts';
import type { DirtyLog, DirtyLogKind, DirtyLogParts, WriterMarks } from './dirty-log.ts';
import { bitmapMarks, bytemapMarks, flipLog } from './flip.ts';
import { noLog, noMarks } from './none.ts';
import { ringLog, ringMarks } from './ring.ts';
import type { SharedRings } from './rings.ts';

/** The engine's side of a dirty log. */
export function openDirtyLog(kind: DirtyLogKind, parts: DirtyLogParts): DirtyLog {
  if (kind === 'bitmap' || kind === 'bytemap') return flipLog(kind, parts);
  if (kind === 'atomic') return atomicLog(parts);
  return kind === 'ring' ? ringLog(parts) : noLog;
}

/** A writer's side of the same log; writer 0 is the host side, vCPUs are counted from 1. */
export function marksOf(kind: DirtyLogKind, writer: number, rings?: SharedRings): WriterMarks {
  if (kind === 'bitmap') return bitmapMarks;
  if (kind === 'bytemap') return bytemapMarks;
  if (kind === 'atomic') return atomicMarks;
  if (kind === 'ring' && rings) return ringMarks(rings, writer - 1);
  return noMarks;
}

/** What a page takes in a writer's map. */
export function mapUnitOf(kind: DirtyLogKind): 'bit' | 'byte' {
  return kind === 'bytemap' ? 'byte' : 'bit';
}
