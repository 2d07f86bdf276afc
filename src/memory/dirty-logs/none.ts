import { MARK_NONE } from '../kernels/abi.ts';
import type { DirtyLog, WriterMarks } from './dirty-log.ts';

export const noMarks: WriterMarks = { mark: MARK_NONE, mapOf: () => 0 };

/** No dirty log: nothing is marked, nothing is found. Enough for a guest that stands still. */
export const noLog: DirtyLog = {
  kind: 'none',
  start: () => undefined,
  harvest: () => undefined,
  stop: () => undefined,
  isSettled: () => true,
  collect: () => 0,
  collectLast: () => 0,
  liveMaps: () => [],
  tend: () => undefined,
  ringCounts: () => [],
};
