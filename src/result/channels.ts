import type { SourceReport } from '../migration/source.ts';
import type { RunResult } from './schema.ts';

/** Returns the bytes that the channels carried; nothing without any. */
export function multifdOf({ channels }: SourceReport): Partial<RunResult['ram']> {
  if (!channels) return {};
  return { multifdBytes: channels.each.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Returns what each channel carried; nothing without any. */
export function channelsOf({ channels }: SourceReport): Pick<RunResult, 'channels'> {
  if (!channels) return {};
  const { flushes, each } = channels;
  return {
    channels: {
      flushes,
      each: each.map(({ busyNs, ...counts }) => ({ ...counts, busyMs: busyNs / 1e6 })),
    },
  };
}
