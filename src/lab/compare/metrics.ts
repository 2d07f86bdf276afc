import type { MetricFacts } from './result.ts';
import type { Direction } from './verdict.ts';

/** The share of runs that completed: 0 or 1 in each of them. */
export const COMPLETED = 'completed';
/** The speed of the guest while it migrated; the number of its accesses grows with the time that this takes. */
export const SPEED = 'guest_accessesPerSecondDuring';

/**
 * What is compared unless something else is asked for, as far as the runs have it. Each further metric raises what
 * Holm's correction demands of all.
 */
export const HEADLINE: readonly string[] = [
  COMPLETED,
  'downtimeMs',
  'blackoutMs',
  'totalTimeMs',
  'outageMs',
  'resumeTimeMs',
  'ram_transferred',
  SPEED,
  'faults_blockedMs',
];

/** The figures of which less is better; `*` stands for the rest of a name. Those without a direction are facts. */
const LESS = [
  'totalTimeMs',
  'wallTimeMs',
  'setupTimeMs',
  'downtimeMs',
  'blackoutMs',
  'resumeTimeMs',
  'outageMs',
  'downtimeParts_*',
  'ram_transferred',
  'link_bytes',
  'devices_transferred',
  'devices_downtimeBytes',
  'faults_count',
  'faults_majorCount',
  'faults_latencyUs_*',
  'faults_requestLatencyUs_*',
  'faults_blockedMs',
];
const MORE = [COMPLETED, SPEED];

const matches = (name: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );

function directionOf(name: string): Direction | undefined {
  if (matches(name, LESS)) return 'less';
  return matches(name, MORE) ? 'more' : undefined;
}

/** The figures in bytes whose names don't end in the unit. */
const BYTES = [
  'ram_transferred',
  'ram_total',
  'ram_remaining',
  'ram_pageSize',
  'link_bytes',
  'devices_transferred',
];

/** The unit of a figure by the end of its name; `count` when it has none. */
function unitOf(name: string): string {
  if (name === COMPLETED) return 'share';
  if (matches(name, BYTES)) return 'bytes';
  if (/Ms(?:_|$)/.test(name)) return 'ms';
  if (/Us(?:_|$)/.test(name)) return 'us';
  if (/BytesPerSecond/.test(name)) return 'bytes/s';
  if (/PerSecond|Rate$/.test(name)) return '/s';
  return name.endsWith('Bytes') ? 'bytes' : 'count';
}

/** Returns what is known of a figure of a run by its name. */
export function factsOf(name: string): MetricFacts {
  const better = directionOf(name);
  return { name, unit: unitOf(name), ...(better ? { better } : {}) };
}
