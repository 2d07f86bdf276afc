import type { Problem } from '../../scenario/problem.ts';
import { formatSize } from '../../units/size.ts';
import { checkNames, checkTwice, KnownNames } from '../group-names.ts';
import type { EvacuatedGuest } from './config.ts';
import { limitsOf } from './limits.ts';
import { type EvacuationFile, MOST_GUESTS } from './schema.ts';

/** Real threads share the machine's cores, so more guests than this would wait for each other. */
const MOST_THREADS_GUESTS = 4;

/** Returns what is impossible about an evacuation's file; its guests' scenarios are checked on their own. */
export function checkFile(file: EvacuationFile): Problem[] {
  const all = countOf(file);
  if (all > MOST_GUESTS) {
    const sentence = `${all} guests are too many, there may be ${MOST_GUESTS}: leave some out`;
    return [{ path: ['guests'], sentence }];
  }
  return [
    ...checkHosts(file),
    ...checkNames(file.guests),
    ...checkTargets(file),
    ...checkParallel(file),
    ...checkOrder(file),
    ...checkCounts(file),
  ];
}

/** Returns the name of the host that is emptied, which is the first one unless the file names it. */
export const sourceOf = ({ evacuate, hosts }: EvacuationFile): string => evacuate ?? hosts[0]!.name;

/** Returns how many guests a file has. */
function countOf({ guests }: EvacuationFile): number {
  return guests.reduce((sum, { count = 1 }) => sum + count, 0);
}

function checkHosts(file: EvacuationFile): Problem[] {
  const { hosts, evacuate } = file;
  const names = hosts.map(({ name }) => name);
  const twice = checkTwice(
    names.map((name) => [name]),
    'hosts',
    'host',
  );
  return [...twice, ...new KnownNames('host', names).check(evacuate, ['evacuate'])];
}

function checkTargets(file: EvacuationFile): Problem[] {
  const source = sourceOf(file);
  const names = file.hosts.map(({ name }) => name).filter((name) => name !== source);
  const targets = new KnownNames('host', names);
  return file.guests.flatMap(({ target }, index) => {
    const path = ['guests', index, 'target'];
    if (target !== source) return targets.check(target, path);
    const sentence = `${source} is the host that is emptied: name another`;
    return [{ path, sentence }];
  });
}

function checkParallel(file: EvacuationFile): Problem[] {
  const { outgoing, incoming, cluster, inBatches } = limitsOf(file.parallel);
  if (!inBatches || Math.min(outgoing, incoming, cluster) < Infinity) return [];
  const sentence = 'a batch needs a size: give outgoing, incoming or cluster';
  return [{ path: ['parallel', 'inBatches'], sentence }];
}

function checkOrder({ order, guests }: EvacuationFile): Problem[] {
  if (order !== 'deadline' || guests.some(({ deadline }) => deadline !== undefined)) return [];
  const sentence = 'no guest has a deadline: give one, or choose another order';
  return [{ path: ['order'], sentence }];
}

function checkCounts(file: EvacuationFile): Problem[] {
  const { runtime, sample } = file;
  const all = countOf(file);
  const problems: Problem[] = [];
  if (runtime === 'threads' && all > MOST_THREADS_GUESTS) {
    const sentence = `${all} guests are too many for the runtime threads, which has room for ${MOST_THREADS_GUESTS}: leave some out, or set runtime: virtual`;
    problems.push({ path: ['guests'], sentence });
  }
  if (sample > all) {
    const sentence = `there ${all === 1 ? 'is 1 guest' : `are ${all} guests`}: a sample is no larger`;
    problems.push({ path: ['sample'], sentence });
  }
  return problems;
}

/** The runtime itself needs this many bytes besides the guests. */
const RUNTIME_BYTES = 512 * 1024 * 1024;

/** Checks that this machine has the memory of all guests with real bytes, on both sides. */
export function checkMemory(guests: readonly EvacuatedGuest[], availableBytes: number): Problem[] {
  const bytes = guests.reduce(
    (sum, { hasBytes, config }) => sum + (hasBytes ? 2 * config.guest.memoryBytes : 0),
    RUNTIME_BYTES,
  );
  if (bytes <= availableBytes) return [];
  const sentence =
    `the guests with real bytes and the runtime need ${formatSize(bytes)}, this machine has ` +
    `${formatSize(availableBytes)} free: choose smaller guests or a smaller sample`;
  return [{ path: ['guests'], sentence }];
}
