import { atomicLog, atomicMarks } from './atomic.ts';
import type { DirtyLog, DirtyLogKind, DirtyLogParts, WriterMarks } from './dirty-log.ts';
import { bitmapMarks, bytemapMarks, flipLog } from './flip.ts';
import { noLog, noMarks } from './none.ts';
import { ringLog, ringMarks } from './ring.ts';
import type { SharedRings } from './rings.ts';

/** Opens the engine's side of a dirty log. Throws when a log `ring` is given no rings. */
export function openDirtyLog(kind: DirtyLogKind, parts: DirtyLogParts): DirtyLog {
  if (kind === 'bitmap' || kind === 'bytemap') return flipLog(kind, parts);
  if (kind === 'atomic') return atomicLog(parts);
  return kind === 'ring' ? ringLog(parts) : noLog;
}

/** Returns a writer's side of the same log; writer 0 is the host side, writer 1 + v is vCPU v. */
export function marksOf(kind: DirtyLogKind, writer: number, rings?: SharedRings): WriterMarks {
  if (kind === 'bitmap') return bitmapMarks;
  if (kind === 'bytemap') return bytemapMarks;
  if (kind === 'atomic') return atomicMarks;
  if (kind === 'ring' && rings) return ringMarks(rings, writer - 1);
  return noMarks;
}

/** Returns what a page takes in a writer's map. */
export function mapUnitOf(kind: DirtyLogKind): 'bit' | 'byte' {
  return kind === 'bytemap' ? 'byte' : 'bit';
}
