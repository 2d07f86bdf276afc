import type { Path } from '../../scenario/document.ts';
import type { Problem } from '../../scenario/problem.ts';
import { parseDuration } from '../../units/duration.ts';
import { checkTwice, type GuestGroupName, KnownNames, namesOf } from '../group-names.ts';
import { membersCalled, membersOf } from './names.ts';
import { type FleetFile, MOST_GUESTS, MOST_HOSTS } from './schema.ts';

/** Returns what is impossible about a fleet's file; its guests' scenarios are checked on their own. */
export function checkFleet(file: FleetFile): Problem[] {
  const counted = [
    ...checkCount(file.hosts, 'hosts', MOST_HOSTS),
    ...checkCount(file.guests, 'guests', MOST_GUESTS),
  ];
  if (counted.length > 0) return counted;
  return [
    ...checkTwice(file.hosts.map(allNames), 'hosts', 'host'),
    ...checkTwice(file.guests.map(allNames), 'guests', 'guest'),
    ...checkTwice(file.applications.map(allNames), 'applications', 'application'),
    ...checkHosts(file),
    ...checkTimes(file),
    ...checkTiers(file),
    ...checkLoads(file),
    ...checkHotspot(file),
  ];
}

/** Returns the names of a group's members, and that of the group itself: a tier may name either. */
const allNames = (group: GuestGroupName): string[] => [...new Set([group.name, ...namesOf(group)])];

function checkCount(groups: readonly GuestGroupName[], key: string, most: number): Problem[] {
  const all = groups.reduce((sum, { count = 1 }) => sum + count, 0);
  if (all <= most) return [];
  return [{ path: [key], sentence: `${all} are too many, there may be ${most}: leave some out` }];
}

function checkHosts({ guests, hosts }: FleetFile): Problem[] {
  const names = membersOf(hosts).map(({ name }) => name);
  const known = new KnownNames('host', names);
  return guests.flatMap(({ host }, index) => known.check(host, ['guests', index, 'host']));
}

function checkTimes({ step, monitor, duration, guests }: FleetFile): Problem[] {
  const stepNs = parseDuration(step);
  const intervalNs = parseDuration(monitor.interval);
  const problems: Problem[] = [];
  if (intervalNs % stepNs !== 0) {
    const sentence = `expected a multiple of the step, which is ${step}, got ${monitor.interval}`;
    problems.push({ path: ['monitor', 'interval'], sentence });
  }
  if (monitor.workingSet && parseDuration(monitor.workingSet.period) % intervalNs !== 0) {
    const sentence = `expected a multiple of the monitor's interval, which is ${monitor.interval}, got ${monitor.workingSet.period}`;
    problems.push({ path: ['monitor', 'workingSet', 'period'], sentence });
  }
  if (parseDuration(duration) / stepNs > MOST_STEPS) {
    const sentence = `expected at least a ${MOST_STEPS}th of the duration of ${duration}, got ${step}`;
    problems.push({ path: ['step'], sentence });
  }
  for (const [index, { memoryUse = [] }] of guests.entries()) {
    problems.push(...checkOrder(memoryUse, ['guests', index, 'memoryUse']));
  }
  return problems;
}

const MOST_STEPS = 10_000_000;

/** Points of a series come in the order of time. */
function checkOrder(points: readonly { readonly at: string | number }[], path: Path): Problem[] {
  const wrong = points.findIndex(
    ({ at }, index) => index > 0 && parseDuration(at) <= parseDuration(points[index - 1]!.at),
  );
  if (wrong < 0) return [];
  const sentence = `expected a time after that of the point before, got ${points[wrong]!.at}`;
  return [{ path: [...path, wrong, 'at'], sentence }];
}

function checkTiers({ applications, guests }: FleetFile): Problem[] {
  const servers = new Map<string, string>();
  const groups = new KnownNames(
    'guest',
    guests.map(({ name }) => name),
  );
  return applications.flatMap(({ name, count = 1, tiers }, index) =>
    tiers.flatMap((tier, place): Problem[] => {
      const path = ['applications', index, 'tiers', place, 'guests'];
      const members = membersCalled(guests, tier.guests);
      if (!members) return groups.check(tier.guests, path);
      if (members.length % count !== 0) {
        const sentence = `${members.length} guests can't be shared out evenly among ${count} applications`;
        return [{ path, sentence }];
      }
      const other = members.map((one) => servers.get(one)).find((one) => one !== undefined);
      for (const one of members) servers.set(one, `${name}, tier ${place + 1}`);
      if (other === undefined) return [];
      const sentence = `a guest serves one tier, and ${tier.guests} serves ${other} already`;
      return [{ path, sentence }];
    }),
  );
}

function checkLoads({ applications }: FleetFile): Problem[] {
  return applications.flatMap(({ load }, index): Problem[] => {
    const path = ['applications', index, 'load'];
    if (load.kind === 'trace') return checkOrder(load.points, [...path, 'points']);
    if (load.kind !== 'bursts' || parseDuration(load.length) <= parseDuration(load.period)) {
      return [];
    }
    const sentence = `expected at most the period, which is ${load.period}, got ${load.length}`;
    return [{ path: [...path, 'length'], sentence }];
  });
}

function checkHotspot({ hotspot: { k, n }, monitor: { window } }: FleetFile): Problem[] {
  if (k > n) {
    return [{ path: ['hotspot', 'k'], sentence: `expected at most n, which is ${n}, got ${k}` }];
  }
  if (n <= window) return [];
  const sentence = `a monitor keeps ${window} readings: expected at most so many, got ${n}`;
  return [{ path: ['hotspot', 'n'], sentence }];
}
