import { MARK_NONE } from '../kernels/abi.ts';
import type { DirtyLog, WriterMarks } from './dirty-log.ts';

/** A writer of a guest without a dirty log marks nothing. */
export const noMarks: WriterMarks = { mark: MARK_NONE, mapOf: () => 0 };

/** The log `none`, which marks nothing and finds nothing. It is enough for a guest that stands still. */
export const noLog: DirtyLog = {
  kind: 'none',
  start: () => undefined,
  harvest: () => undefined,
  stop: () => undefined,
  isSettled: () => true,
  collect: () => 0,
  collectLast: () => 0,
  liveMaps: () => [],
  makeRoom: () => undefined,
  ringCounts: () => [],
};
