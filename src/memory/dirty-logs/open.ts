import type { SlotLayout } from '../layout.ts';
import { atomicLog, atomicMarks } from './atomic.ts';
import { bitmapLog, bitmapMarks } from './bitmap.ts';
import type { DirtyLog, DirtyLogKind, DirtyLogParts, MarkTarget } from './dirty-log.ts';
import { noLog, noMarks } from './none.ts';

/** The engine's side of a dirty log. */
export function openDirtyLog(kind: DirtyLogKind, parts: DirtyLogParts): DirtyLog {
  if (kind === 'bitmap') return bitmapLog(parts);
  if (kind === 'atomic') return atomicLog(parts);
  return noLog;
}

/** A writer's side of the same log. */
export function marksOf(kind: DirtyLogKind, layout: SlotLayout): MarkTarget {
  if (kind === 'bitmap') return bitmapMarks(layout);
  if (kind === 'atomic') return atomicMarks(layout);
  return noMarks;
}
