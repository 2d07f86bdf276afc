import type { RunConfig } from '../../runtime/config.ts';
import type { Problem } from '../../scenario/problem.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseSize } from '../../units/size.ts';
import { checkColo } from './colo.ts';
import type { ProtectFile } from './schema.ts';

/** Epochs shorter than this would have hardly any time between two pauses. */
const LEAST_INTERVAL_NS = 1e6;
const MOST_INTERVAL_NS = { remus: 10e9, colo: 600e9 };
/** In threads, each spare host has threads and memory of its own from the start on. */
const MOST_THREAD_SPARES = 8;
/** The disk's bytes are kept in memory at each host. */
const MOST_DISK_BYTES = 1024 ** 3;

/** Returns what is impossible about a file besides its guest. */
export function checkProtect(file: ProtectFile): Problem[] {
  return [...checkTimes(file), ...checkDisk(file), ...checkColo(file), ...checkThreads(file)];
}

/** Returns what the runtime of threads does not have. */
function checkThreads({ runtime, replication }: ProtectFile): Problem[] {
  if (runtime !== 'threads') return [];
  const { mode, fence, killAt, spares, optimisations } = replication;
  const found: Problem[] = [];
  if (mode === 'colo') {
    const sentence =
      'COLO is not built yet for runtime threads: leave it out, or set runtime: virtual';
    found.push({ path: ['replication', 'mode'], sentence });
  }
  if (Object.values(optimisations).includes(false)) {
    const sentence =
      'in threads all work takes the time that it takes: leave them out, or set runtime: virtual';
    found.push({ path: ['replication', 'optimisations'], sentence });
  }
  if (fence !== false) {
    const sentence =
      'threads have no third party that could keep a lease: set it to false, or set runtime: virtual';
    found.push({ path: ['replication', 'fence'], sentence });
  }
  for (const [index, { what }] of (Array.isArray(killAt) ? killAt : []).entries()) {
    if (what !== 'primary-fence' && what !== 'backup-fence') continue;
    const sentence = `threads have no fence, so ${what} cannot fail: leave it out, or set runtime: virtual`;
    found.push({ path: ['replication', 'killAt', index, 'what'], sentence });
  }
  if (spares > MOST_THREAD_SPARES) {
    const sentence =
      `each host has threads of its own, so at most ${MOST_THREAD_SPARES} may be spare, got ${spares}: ` +
      'lower it, or set runtime: virtual';
    found.push({ path: ['replication', 'spares'], sentence });
  }
  return found;
}

function checkTimes({ replication, duration }: ProtectFile): Problem[] {
  const { mode, interval, heartbeat, killAt } = replication;
  const found: Problem[] = [];
  if (interval !== 'fastest') {
    const ns = parseDuration(interval);
    if (ns < LEAST_INTERVAL_NS || ns > MOST_INTERVAL_NS[mode]) {
      const most = mode === 'colo' ? '10min' : '10s, or fastest';
      const sentence = `expected a duration from 1ms to ${most}, got ${interval}`;
      found.push({ path: ['replication', 'interval'], sentence });
    }
  }
  if (parseDuration(heartbeat.timeout) <= parseDuration(heartbeat.interval)) {
    const sentence = `expected more than the interval of ${heartbeat.interval}, got ${heartbeat.timeout}`;
    found.push({ path: ['replication', 'heartbeat', 'timeout'], sentence });
  }
  const deaths = Array.isArray(killAt) ? killAt : [{ at: killAt }];
  for (const [index, { at }] of deaths.entries()) {
    if (parseDuration(at) < parseDuration(duration)) continue;
    const path = Array.isArray(killAt)
      ? ['replication', 'killAt', index, 'at']
      : ['replication', 'killAt'];
    found.push({ path, sentence: `the guest lives for ${duration}, so nothing can fail at ${at}` });
  }
  return found;
}

function checkDisk({ disk }: ProtectFile): Problem[] {
  if (!disk) return [];
  const [size, block] = [parseSize(disk.size), parseSize(disk.blockSize)];
  const found: Problem[] = [];
  if (block % 512 !== 0 || block > 128 * 1024) {
    const sentence = `expected a multiple of 512 bytes, at most 128KiB, got ${disk.blockSize}`;
    found.push({ path: ['disk', 'blockSize'], sentence });
  } else if (size % block !== 0 || size > MOST_DISK_BYTES) {
    const sentence = `expected whole blocks of ${disk.blockSize}, at most 1GiB, got ${disk.size}`;
    found.push({ path: ['disk', 'size'], sentence });
  }
  return found;
}

const later = (path: Problem['path'], what: string): Problem => ({
  path,
  sentence: `${what} is not built yet for a protected guest: leave it out`,
});

/** Returns what a guest has that protection can't deal with yet, or that it has no use for. */
export function checkGuest(file: ProtectFile, { guest, migration }: RunConfig): Problem[] {
  const found: Problem[] = [];
  if (guest.memoryManager) found.push(later(['guest', 'memoryManager'], 'a memory manager'));
  if (guest.devices) found.push(later(['guest', 'devices'], 'a device'));
  if (guest.backing === 'versions') found.push(later(['guest', 'backing'], 'backing versions'));
  if (guest.clearChunkPages !== undefined) {
    found.push(later(['guest', 'clearChunk'], 'a log that is cleared by hand'));
  }
  if (migration.channels !== undefined) {
    found.push(later(['migration', 'channels'], 'more than one channel'));
  }
  if (typeof migration.policy !== 'string') {
    found.push(later(['migration', 'policy'], 'a policy of your own'));
  }
  if (migration.algorithm !== 'precopy') {
    const sentence = `the first epoch is sent by precopy, got ${migration.algorithm}`;
    found.push({ path: ['migration', 'algorithm'], sentence });
  }
  return [...found, ...checkDeadline(file, guest), ...checkEmissions(file, guest)];
}

function checkDeadline(
  { replication: { deadline } }: ProtectFile,
  guest: RunConfig['guest'],
): Problem[] {
  if (!deadline) return [];
  const found: Problem[] = [];
  const pages = guest.memoryBytes / guest.pageSize;
  if (deadline.dirtyPages > pages) {
    const sentence = `expected at most the ${pages} pages of the guest, got ${deadline.dirtyPages}`;
    found.push({ path: ['replication', 'deadline', 'dirtyPages'], sentence });
  }
  if (deadline.action === 'pause' && deadline.throttle !== undefined) {
    const sentence = 'has an effect only with action: slow: leave it out, or set that';
    found.push({ path: ['replication', 'deadline', 'throttle'], sentence });
  }
  return found;
}

function checkEmissions(file: ProtectFile, guest: RunConfig['guest']): Problem[] {
  const { outputs, disk } = file;
  const lists = [
    { path: ['outputs'], list: outputs },
    { path: ['disk', 'writes'], list: disk?.writes ?? [] },
  ];
  const found = lists.flatMap(({ path, list }) =>
    list.flatMap(({ workload }, index): Problem[] => {
      if (workload < guest.workloads.length) return [];
      const sentence = `the guest has ${guest.workloads.length} workloads, counted from 0, so there is no ${workload}`;
      return [{ path: [...path, index, 'workload'], sentence }];
    }),
  );
  const twice = outputs.flatMap(({ workload }, index): Problem[] => {
    const first = outputs.findIndex((one) => one.workload === workload);
    if (first === index) return [];
    // A packet is known by its stream and its number there, so a stream has one numbering.
    const sentence = `outputs[${first}] is of workload ${workload} already: leave one of them out`;
    return [{ path: ['outputs', index, 'workload'], sentence }];
  });
  found.push(...twice);
  const parts = (disk?.writes.length ?? 0) * guest.vcpus * guest.memslots;
  if (disk && parts > parseSize(disk.size) / parseSize(disk.blockSize)) {
    const sentence = `each stream that writes has blocks of its own, so it needs at least ${parts} blocks`;
    found.push({ path: ['disk', 'size'], sentence });
  }
  return found;
}
