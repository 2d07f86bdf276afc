import type { Facts, Finding, MeasuredRate } from '../facts.ts';
import { known, PasteError } from './parser.ts';

/** The figures of a migration that QEMU counts, under whatever names a tool prints them. Sizes are bytes. */
export interface MigrationFigures {
  readonly total?: number;
  readonly pageSize?: number;
  readonly remaining?: number;
  readonly normalPages?: number;
  readonly zeroPages?: number;
  readonly bytesPerSecond?: number;
  readonly dirtyPagesPerSecond?: number;
  readonly syncs?: number;
  readonly totalTimeMs?: number;
  readonly expectedDowntimeMs?: number;
  readonly downtimeMs?: number;
  /** In percent. */
  readonly throttle?: number;
  readonly isOver?: boolean;
}

/** QEMU measures at a sync that comes later than this after the one before (migration/ram.c, migration_bitmap_sync). */
const LEAST_PERIOD_MS = 1000;
const PAGE = 4096;

/** Returns what the figures of a migration say of its VM. Throws PasteError when they say nothing. */
export function findingOf(tool: string, figures: MigrationFigures): Finding {
  const { total, bytesPerSecond, throttle } = figures;
  if (total === undefined || total === 0) {
    throw new PasteError(
      `${tool} shows no migration with its memory: paste what it prints while a migration runs, or after one`,
    );
  }
  const rate = reportedRate(figures) ?? resentRate(figures);
  const facts = known<Facts>({
    memoryBytes: total,
    usedBytes: usedBytes(figures),
    seenBytesPerSecond:
      bytesPerSecond !== undefined && bytesPerSecond > 0 ? bytesPerSecond : undefined,
    rates: rate ? [rate] : undefined,
  });
  const notes = [
    ...(rate ? [] : ['It has no dirty rate yet: QEMU measures one at the end of the first pass.']),
    ...(throttle !== undefined && throttle > 0
      ? [
          `The vCPUs were throttled by ${throttle} % meanwhile, so the guest would dirty up to ${(1 / (1 - throttle / 100)).toFixed(1)} times as much unthrottled.`,
        ]
      : []),
    ...stateNotes(figures),
  ];
  return { tool, facts, notes };
}

function stateNotes({
  isOver,
  totalTimeMs,
  downtimeMs,
  expectedDowntimeMs,
  remaining,
}: MigrationFigures) {
  const seconds = ((totalTimeMs ?? 0) / 1000).toFixed(1);
  if (isOver && downtimeMs !== undefined) {
    return [`That migration took ${seconds} s with a downtime of ${downtimeMs} ms.`];
  }
  if (isOver || remaining === undefined || expectedDowntimeMs === undefined) return [];
  return [
    `That migration had ${Math.round(remaining / 2 ** 20)} MiB left after ${seconds} s, and expected a downtime of ${expectedDowntimeMs} ms.`,
  ];
}

/** Returns the share of memory that is not zero, once the first pass is over, when every page has been looked at. */
function usedBytes(figures: MigrationFigures): number | undefined {
  const { total = 0, zeroPages, syncs = 0, pageSize = PAGE, isOver } = figures;
  if (zeroPages === undefined || !(isOver || syncs >= 2)) return undefined;
  return Math.max(0, total - zeroPages * pageSize);
}

/** Returns `dirty-pages-rate`, which counts the pages of the last pass that took more than a second. */
function reportedRate(figures: MigrationFigures): MeasuredRate | undefined {
  const { dirtyPagesPerSecond: pages, pageSize = PAGE, throttle } = figures;
  if (pages === undefined || pages === 0) return undefined;
  return known<MeasuredRate>({
    source: 'migration',
    bytesPerSecond: pages * pageSize,
    periodMs: periodMs(figures),
    isPeriodEstimated: true,
    throttle: throttle !== undefined && throttle > 0 ? throttle / 100 : undefined,
  });
}

/**
 * Returns how long the last pass took, about. The first pass takes as long as its pages that are not zero; the others
 * shared the rest of the time.
 */
function periodMs(figures: MigrationFigures): number {
  const { totalTimeMs, syncs = 0 } = figures;
  if (totalTimeMs === undefined) return LEAST_PERIOD_MS;
  const first = Math.min(totalTimeMs, firstPassMs(figures) ?? totalTimeMs);
  if (syncs <= 2) return Math.max(LEAST_PERIOD_MS, Math.round(first));
  const later = (totalTimeMs - first) / (syncs - 2);
  return Math.max(LEAST_PERIOD_MS, Math.round(later));
}

function firstPassMs(figures: MigrationFigures): number | undefined {
  const { total = 0, bytesPerSecond } = figures;
  if (bytesPerSecond === undefined || bytesPerSecond === 0) return undefined;
  return ((usedBytes(figures) ?? total) / bytesPerSecond) * 1000;
}

/**
 * Returns a rate for a migration that reports none: the pages that it sent more than once had been dirtied, most of
 * them in the first pass.
 */
function resentRate(figures: MigrationFigures): MeasuredRate | undefined {
  const { total = 0, normalPages, zeroPages, pageSize = PAGE, syncs = 0, isOver } = figures;
  const passMs = firstPassMs(figures);
  if (passMs === undefined || normalPages === undefined || !(isOver || syncs > 2)) return undefined;
  const resent = normalPages + (zeroPages ?? 0) - total / pageSize;
  if (resent <= 0) return undefined;
  return {
    source: 'resent',
    bytesPerSecond: (resent * pageSize * 1000) / passMs,
    periodMs: Math.max(1, Math.round(passMs)),
    isPeriodEstimated: true,
  };
}
