import type { Clock } from '../../clock/clock.ts';
import type { RunConfig } from '../config.ts';

const MIB = 1024 * 1024;
const PAGE_SIZE = 4096;
const GUEST_BYTES = 8 * MIB;
/** This is long enough for V8's optimising compilers to have seen the whole path many times. */
const REHEARSE_NS = 400e6;

let hasRehearsed = false;

/**
 * Plays a small migration of the same kind over and over, while other threads fill the guest's memory, so that
 * V8's compilers are done when the real migration begins. A process rehearses once. The results of the real run do
 * not depend on it.
 */
export async function rehearseVirtual(
  config: RunConfig,
  clock: Clock,
  play: (config: RunConfig) => Promise<unknown>,
): Promise<void> {
  if (hasRehearsed) return;
  hasRehearsed = true;
  const untilNs = clock.now() + REHEARSE_NS;
  const small = miniature(config);
  while (clock.now() < untilNs) await play(small);
}

function miniature(config: RunConfig): RunConfig {
  const pages = GUEST_BYTES / PAGE_SIZE;
  const workload = {
    pattern: { kind: 'uniform' as const },
    firstGfn: 0,
    pages,
    rate: 1000,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  // Devices may have gigabytes of state, and a manager takes its time; neither has code that is hot.
  const { clearChunkPages, devices: _devices, ...guest } = config.guest;
  const { around: _around, ...migration } = config.migration;
  return {
    ...config,
    verify: 'off',
    guest: {
      ...guest,
      memoryBytes: GUEST_BYTES,
      pageSize: PAGE_SIZE,
      vcpus: 1,
      memslots: 1,
      contents: [{ firstGfn: 0, pages, kind: 'random', zeroShare: 0.2 }],
      workloads: [workload],
      ...(clearChunkPages === undefined ? {} : { clearChunkPages: pages / 4 }),
    },
    // The start is so late that V8 does not keep times as small integers, nor does it in a long run.
    migration: { ...migration, startAfterNs: 5e9 + 0.5, runAfterNs: 5e6 },
  };
}
