import { VIRTUAL_CLOCK_NAME, VirtualClock } from '../../../clock/virtual.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { accessesOf } from '../../../guest/stream-record.ts';
import type { SnapshotChain } from '../../../snapshot/reader.ts';
import { giveBackGuestSide, openGuestSide } from '../../common/guest-side.ts';
import { loadState, proveGuest } from '../../common/snapshot/prove-snapshot.ts';
import { readSnapshot } from '../../common/snapshot/read-snapshot.ts';
import type { RestoreReport } from '../../common/snapshot/restore-report.ts';
import type { SnapshotOptions } from '../../common/snapshot/save-report.ts';
import { createPlace } from '../../common/stage.ts';
import { inlineRunner, type WorkRunner } from '../../common/work.ts';
import type { RunConfig } from '../../config.ts';
import { VirtualGuest } from '../guest.ts';

export interface VirtualRestoreOptions extends SnapshotOptions {
  readonly runner?: WorkRunner;
}

/**
 * Restores a guest on a virtual clock, where the scenario's link stands for the disk, and lets it live for its
 * `runAfter`. Throws SnapshotError when a page is damaged or the state does not fit the scenario.
 */
export async function restoreVirtual(
  config: RunConfig,
  chain: SnapshotChain,
  { runner = inlineRunner, signal, proofSignal, onProgress }: VirtualRestoreOptions = {},
): Promise<RestoreReport> {
  const { guest: shape, seed, costs, link, migration } = config;
  const { plan, geometries } = planMemory(shape, seed);
  const shared = createPlace(shape, plan, geometries(0));
  try {
    const allBytes = shape.memoryBytes;
    let doneBytes = 0;
    await readSnapshot(runner, chain, shared, {
      signal,
      onBytes: (bytes) => {
        doneBytes += bytes;
        onProgress?.({ phase: 'work', doneBytes, allBytes });
      },
    });
    const clock = new VirtualClock();
    const readBytes = (allBytes / shape.pageSize - zeroPages(chain)) * shape.pageSize;
    clock.moveTo(link.latencyNs + (readBytes / link.bytesPerSecond) * 1e9 + costs.stateNs);
    loadState(chain, shared, plan, (state) => ({ ...state, aliveNs: 0, pausedNs: 0 }));
    const presentNs = clock.now();
    const guest = new VirtualGuest(plan, openGuestSide(shared), costs, clock);
    clock.spend(costs.startNs);
    guest.start(clock.now());
    const runningNs = clock.now();
    const { memory } = guest.place.side;
    const savedAccesses = accessesOf(memory, plan);
    onProgress?.({ phase: 'after', doneBytes: 0, allBytes });
    const isCancelled = (): boolean => signal?.aborted ?? false;
    await guest.live(runningNs, runningNs + migration.runAfterNs, isCancelled);
    guest.timeline.sample(guest.livedNs);
    onProgress?.({ phase: 'verify', doneBytes: 0, allBytes });
    const accesses = accessesOf(memory, plan);
    const parts = { config, plan, geometries, runner, signal: proofSignal };
    const proof = await proveGuest(parts, shared);
    return {
      runtime: 'virtual',
      clock: VIRTUAL_CLOCK_NAME,
      isLazy: false,
      outcome: 'completed',
      runningNs,
      presentNs,
      readBytes,
      guest: {
        pages: memory.pages,
        pageSize: memory.pageSize,
        savedAccesses,
        accesses,
        timeline: guest.timeline.samples,
      },
      ...(proof ? { proof } : {}),
    };
  } finally {
    giveBackGuestSide(shared);
  }
}

/** Returns how many pages of a snapshot need not be read. */
const zeroPages = ({ top }: SnapshotChain): number => top.table.counts().zero;
