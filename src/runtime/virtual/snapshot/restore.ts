import { VIRTUAL_CLOCK_NAME, VirtualClock } from '../../../clock/virtual.ts';
import { mergeFaults } from '../../../guest/faults.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { accessesOf } from '../../../guest/stream-record.ts';
import type { VcpuState } from '../../../guest/vcpu-state.ts';
import { noLink } from '../../../link/no-link.ts';
import { type LazyEnd, lazyRestore } from '../../../snapshot/lazy.ts';
import type { SnapshotChain } from '../../../snapshot/reader.ts';
import { giveBackGuestSide, openGuestSide, type SharedGuestSide } from '../../common/guest-side.ts';
import { SharedDestinationGuest } from '../../common/guests.ts';
import { checkState, loadState, proveGuest } from '../../common/snapshot/prove-snapshot.ts';
import { readSnapshot } from '../../common/snapshot/read-snapshot.ts';
import {
  type RestoreReport,
  type RestoreRequest,
  sinceSaved,
} from '../../common/snapshot/restore-report.ts';
import type { SnapshotOptions } from '../../common/snapshot/save-report.ts';
import { accessesIn } from '../../common/snapshot/save-half.ts';
import { createPlace } from '../../common/stage.ts';
import { inlineRunner, type WorkRunner } from '../../common/work.ts';
import type { RunConfig } from '../../config.ts';
import { VirtualGuest } from '../guest.ts';
import { VirtualDestinationGuest } from '../guests.ts';
import { Half } from '../half.ts';
import { playHalf } from './half-loop.ts';

export interface VirtualRestoreOptions extends SnapshotOptions {
  readonly runner?: WorkRunner;
}

/** A restore that reads all pages before the guest runs. */
export const EAGER: RestoreRequest = { isLazy: false, prefetch: [], recordNs: 0, channels: 1 };

/**
 * Restores a guest on a virtual clock, where the scenario's link stands for the disk: a read takes its latency, and the
 * time of its bytes. The guest lives for its `runAfter`. Throws SnapshotError when a page is damaged before the guest
 * runs, or the state does not fit the scenario.
 */
export async function restoreVirtual(
  config: RunConfig,
  chain: SnapshotChain,
  request: RestoreRequest = EAGER,
  options: VirtualRestoreOptions = {},
): Promise<RestoreReport> {
  const { guest: shape, seed } = config;
  const { plan, geometries } = planMemory(shape, seed);
  const shared = createPlace(shape, plan, geometries(0));
  try {
    checkState(chain.top, plan, shared);
    const restore = new VirtualRestore(config, chain, shared, options);
    const end = await (request.isLazy ? restore.lazily(request) : restore.eagerly());
    const { guest } = restore;
    const savedAccesses = accessesIn(chain.top.state.vcpus);
    const isWhole = end.outcome === 'completed';
    if (isWhole) await restore.live(end.runningNs!);
    guest.timeline.sample(guest.livedNs);
    options.onProgress?.({ phase: 'verify', doneBytes: 0, allBytes: shape.memoryBytes });
    const { memory } = guest.place.side;
    const accesses = accessesOf(memory, plan);
    const faults = mergeFaults(guest.place.crew.faultLogs());
    const { runner = inlineRunner, proofSignal: signal } = options;
    const proving = { config, plan, geometries, runner, signal };
    const proof = isWhole ? await proveGuest(proving, shared) : undefined;
    const { recorded, prefetchedPages, ...times } = end;
    return {
      runtime: 'virtual',
      clock: VIRTUAL_CLOCK_NAME,
      isLazy: request.isLazy,
      ...times,
      guest: {
        pages: memory.pages,
        pageSize: memory.pageSize,
        savedAccesses,
        accesses,
        timeline: sinceSaved(guest.timeline.samples, savedAccesses),
        ...(faults ? { faults } : {}),
      },
      ...(request.isLazy ? { prefetchedPages } : {}),
      ...(request.recordNs > 0 ? { recorded } : {}),
      ...(proof ? { proof } : {}),
    };
  } finally {
    giveBackGuestSide(shared);
  }
}

class VirtualRestore {
  readonly guest: VirtualGuest;
  readonly #config: RunConfig;
  readonly #chain: SnapshotChain;
  readonly #shared: SharedGuestSide;
  readonly #options: VirtualRestoreOptions;
  readonly #clock = new VirtualClock();

  constructor(
    config: RunConfig,
    chain: SnapshotChain,
    shared: SharedGuestSide,
    options: VirtualRestoreOptions,
  ) {
    const { plan } = planMemory(config.guest, config.seed);
    this.#config = config;
    this.#chain = chain;
    this.#shared = shared;
    this.#options = options;
    this.guest = new VirtualGuest(plan, openGuestSide(shared), config.costs, this.#clock);
  }

  /** Reads all pages and lets the guest run. */
  async eagerly(): Promise<LazyEnd> {
    const { runner = inlineRunner, signal } = this.#options;
    const { costs, guest: shape } = this.#config;
    let doneBytes = 0;
    await readSnapshot(runner, this.#chain, this.#shared, {
      signal,
      onBytes: (bytes) => this.#tell('work', (doneBytes += bytes)),
    });
    const { here, base } = this.#chain.top.table.counts();
    const readBytes = (here + base) * shape.pageSize;
    this.#spend(readBytes);
    const presentNs = this.#clock.now();
    this.#clock.spend(costs.stateNs);
    loadState(this.#chain, this.#shared, this.guest.plan, begunAnew);
    this.#clock.spend(costs.startNs);
    const runningNs = this.#clock.now();
    this.guest.start(runningNs);
    this.guest.timeline.sample(runningNs);
    const end = { readBytes, presentNs, runningNs, prefetchedPages: 0, recorded: [] };
    return { outcome: 'completed', ...end };
  }

  /** Lets the guest run, and reads its pages meanwhile. */
  async lazily({ prefetch, recordNs }: RestoreRequest): Promise<LazyEnd> {
    const { costs } = this.#config;
    const { side, crew } = this.guest.place;
    const clock = this.#clock;
    const { plan } = this.guest;
    const inner = new SharedDestinationGuest(side, plan, clock);
    const guest = new VirtualDestinationGuest(inner, crew, clock, costs);
    this.guest.timeline.sample(0);
    const { pages, pageSize } = side.memory;
    let pagesLeft = pages;
    const algorithm = lazyRestore({
      clock,
      guest,
      chain: this.#chain,
      areFresh: this.#shared.slots.map(({ isFresh }) => isFresh),
      state: this.#chain.top.state.vcpus.map(begunAnew),
      prefetch,
      recordNs,
      spend: (bytes) => this.#spend(bytes),
      accesses: () => accessesOf(side.memory, plan),
      watch: (left) => (pagesLeft = left),
    });
    const half = new Half(algorithm, {
      clock,
      link: noLink,
      isGuestSettled: () => guest.isSettled(),
      isCancelled: () => this.#options.signal?.aborted ?? false,
    });
    const live = (atNs: number): number => {
      crew.advance(atNs);
      return Math.min(atNs, Math.max(crew.faultAtNs(), clock.now()));
    };
    const end = await playHalf(half, clock, live, () =>
      this.#tell('work', (pages - pagesLeft) * pageSize),
    );
    if (end.outcome === 'completed') this.guest.catchUp(clock.now());
    return end;
  }

  /** Lets the guest live for its `runAfter`, from the moment on when it began to run. */
  async live(runningNs: number): Promise<void> {
    this.#tell('after', 0);
    const isCancelled = (): boolean => this.#options.signal?.aborted ?? false;
    const untilNs = runningNs + this.#config.migration.runAfterNs;
    await this.guest.live(this.guest.livedNs, untilNs, isCancelled);
  }

  /** Takes the time of a read. */
  #spend(bytes: number): void {
    const { latencyNs, bytesPerSecond } = this.#config.link;
    this.#clock.spend(latencyNs + (bytes / bytesPerSecond) * 1e9);
  }

  #tell(phase: 'work' | 'after', doneBytes: number): void {
    const { memoryBytes: allBytes } = this.#config.guest;
    this.#options.onProgress?.({ phase, doneBytes, allBytes });
  }
}

/** The clock of a restore begins at 0, so the times on that of the save say nothing any more. */
const begunAnew = (state: VcpuState): VcpuState => ({ ...state, aliveNs: 0, pausedNs: 0 });
