import type { Problem } from '../../scenario/problem.ts';
import { parseDuration } from '../../units/duration.ts';
import { checkNames } from '../group-names.ts';
import { checkHosts, checkMigrations } from './check-migrations.ts';
import { groupsByName, lifeProblem } from './group-lives.ts';
import type { HostFile } from './schema.ts';

/** Returns what is impossible about a host's file; its guests' scenarios are checked on their own. */
export function checkHost(file: HostFile): Problem[] {
  return [
    ...checkThresholds(file),
    ...checkNames(file.guests),
    ...checkTimes(file),
    ...checkSample(file),
    ...checkChanges(file),
    ...checkHosts(file),
    ...checkMigrations(file),
  ];
}

function checkThresholds({ host: { thresholds } }: HostFile): Problem[] {
  const { high, soft, hard, low } = thresholds;
  if (high >= soft && soft >= hard && hard >= low) return [];
  const sentence = `expected high ≥ soft ≥ hard ≥ low, got ${high}, ${soft}, ${hard}, ${low}`;
  return [{ path: ['host', 'thresholds'], sentence }];
}

function checkTimes({ guests, duration }: HostFile): Problem[] {
  const endNs = parseDuration(duration);
  return guests.flatMap(({ start, stop, resetAt }, index): Problem[] => {
    const startNs = parseDuration(start);
    if (startNs >= endNs) {
      const sentence = `the host lives for ${duration}, so a guest can't start at ${start}`;
      return [{ path: ['guests', index, 'start'], sentence }];
    }
    if (stop !== undefined && parseDuration(stop) <= startNs) {
      const sentence = `expected a time after its start at ${start}, got ${stop}`;
      return [{ path: ['guests', index, 'stop'], sentence }];
    }
    if (resetAt === undefined) return [];
    const until = stop ?? duration;
    const resetNs = parseDuration(resetAt);
    if (resetNs > startNs && resetNs < parseDuration(until)) return [];
    const sentence = `the guest runs from ${start} to ${until}, so it can't reset at ${resetAt}`;
    return [{ path: ['guests', index, 'resetAt'], sentence }];
  });
}

/** Nobody needs more points than this in a series, and each is kept in memory. */
const MOST_SAMPLES = 1_000_000;

function checkSample({ duration, sample }: HostFile): Problem[] {
  const leastNs = parseDuration(duration) / MOST_SAMPLES;
  if (parseDuration(sample) >= leastNs) return [];
  const sentence = `expected at least a millionth of the host's ${duration}, got ${sample}`;
  return [{ path: ['sample'], sentence }];
}

function checkChanges({ changes, guests, duration }: HostFile): Problem[] {
  const groups = groupsByName(guests);
  const endNs = parseDuration(duration);
  return changes.flatMap(({ at, idleTax, guest, shares }, index): Problem[] => {
    const path = ['changes', index];
    const atNs = parseDuration(at);
    if (atNs > endNs) {
      const sentence = `the host lives for ${duration}, so nothing can change at ${at}`;
      return [{ path: [...path, 'at'], sentence }];
    }
    if (idleTax === undefined && shares === undefined) {
      return [{ path, sentence: 'changes nothing: give idleTax, or guest and shares' }];
    }
    if ((guest === undefined) !== (shares === undefined)) {
      return [{ path, sentence: 'guest and shares belong together: give both or neither' }];
    }
    if (guest === undefined) return [];
    const group = groups.get(guest);
    if (group) return lifeProblem({ at, guest, does: 'change' }, group, [...path, 'at']);
    const sentence = `there is no guest ${guest}: there are ${[...groups.keys()].join(', ')}`;
    return [{ path: [...path, 'guest'], sentence }];
  });
}
