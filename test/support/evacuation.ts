import type { EvacuatedGuest, EvacuationConfig } from '../../src/fleet/evacuation/config.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { smallRun } from './run-config.ts';

/** Returns an evacuation of guests of 8 MiB from the host `old` over 100 MB/s to `new-1` and `new-2`. */
export function evacuation(
  guests: readonly Partial<EvacuatedGuest>[],
  changes: Partial<EvacuationConfig> = {},
): EvacuationConfig {
  const host = (name: string) => ({ name, cpus: Infinity, nicBytesPerSecond: 100e6 });
  return {
    seed: 1,
    runtime: 'virtual',
    hosts: ['old', 'new-1', 'new-2'].map(host),
    source: 'old',
    core: { bytesPerSecond: 100e6, latencyNs: 50_000 },
    limits: { outgoing: Infinity, incoming: Infinity, cluster: Infinity, inBatches: false },
    order: 'given',
    guests: guests.map((guest, index) => ({
      name: `guest-${index + 1}`,
      config: virtualRun(),
      onDiverged: 'leave',
      hasBytes: true,
      ...guest,
    })),
    ...changes,
  };
}

/** Returns a small virtual run; `changes` replace parts of `smallRun`. */
export function virtualRun(changes: Parameters<typeof smallRun>[0] = {}): RunConfig {
  return smallRun({ ...changes, runtime: 'virtual' });
}

/** Returns a workload that writes `rate` pages a second all over the guest. */
export const writer = (rate: number): RunConfig['guest']['workloads'][number] => ({
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: 2048,
  rate,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
});
