import { readFileSync } from 'node:fs';

/**
 * Returns for how long this thread has been on a CPU, in nanoseconds (the first field of Linux' schedstat, see
 * Documentation/scheduler/sched-stats.rst); undefined where the kernel does not say.
 */
export function threadCpuNs(): number | undefined {
  try {
    const ns = Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]);
    return ns > 0 ? ns : undefined;
  } catch {
    return undefined;
  }
}

/** Runs `act`, and returns what it returns with the CPU time that it took in this thread. */
export function withCpuTime<Result>(act: () => Result): { result: Result; cpuNs?: number } {
  const beforeNs = threadCpuNs();
  const result = act();
  const afterNs = threadCpuNs();
  if (beforeNs === undefined || afterNs === undefined) return { result };
  return { result, cpuNs: afterNs - beforeNs };
}
