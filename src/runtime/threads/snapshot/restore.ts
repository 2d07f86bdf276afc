import { MONOTONIC_CLOCK_NAME } from '../../../clock/monotonic.ts';
import { mergeFaults } from '../../../guest/faults.ts';
import { accessesOf } from '../../../guest/stream-record.ts';
import type { LazyEnd } from '../../../snapshot/lazy.ts';
import type { SnapshotChain } from '../../../snapshot/reader.ts';
import { giveBackGuestSide } from '../../common/guest-side.ts';
import { checkState, loadState, proveGuest } from '../../common/snapshot/prove-snapshot.ts';
import { readSnapshot } from '../../common/snapshot/read-snapshot.ts';
import {
  type RestoreReport,
  type RestoreRequest,
  sinceSaved,
} from '../../common/snapshot/restore-report.ts';
import type { SnapshotOptions } from '../../common/snapshot/save-report.ts';
import { accessesIn } from '../../common/snapshot/save-half.ts';
import type { RunConfig } from '../../config.ts';
import { WorkerPool } from '../pool.ts';
import { LiveGuest } from './live-guest.ts';

/** The guest makes its first access within this time, or makes none. */
const FIRST_ACCESS_MS = 1000;

/**
 * Restores a guest in real time; its times count from the moment when its threads are ready, so that only the file has
 * to be read. Throws SnapshotError when a page is damaged before the guest runs or the state does not fit the scenario,
 * and CrewError when a thread dies.
 */
export async function restoreThreads(
  config: RunConfig,
  chain: SnapshotChain,
  request: RestoreRequest,
  options: SnapshotOptions = {},
): Promise<RestoreReport> {
  const readers = request.isLazy ? 1 : request.channels;
  const pool = new WorkerPool(config.guest.vcpus + readers);
  try {
    return await new ThreadRestore(config, chain, request, options, pool).run();
  } finally {
    await pool.destroy();
  }
}

class ThreadRestore {
  readonly #config: RunConfig;
  readonly #chain: SnapshotChain;
  readonly #request: RestoreRequest;
  readonly #options: SnapshotOptions;
  readonly #pool: WorkerPool;
  readonly #guest: LiveGuest;
  #startNs = 0;

  constructor(
    config: RunConfig,
    chain: SnapshotChain,
    request: RestoreRequest,
    options: SnapshotOptions,
    pool: WorkerPool,
  ) {
    this.#config = config;
    this.#chain = chain;
    this.#request = request;
    this.#options = options;
    this.#pool = pool;
    this.#guest = new LiveGuest(config, pool);
  }

  async run(): Promise<RestoreReport> {
    const live = this.#guest;
    const { isLazy } = this.#request;
    let end: LazyEnd;
    let haveAllLeft = false;
    try {
      checkState(this.#chain.top, live.plan, live.shared);
      await live.launch(false);
      this.#startNs = live.clock.now();
      live.timeline.start();
      end = isLazy ? await this.#lazily() : await this.#eagerly();
      this.#tell('after', 0);
      if (end.outcome === 'completed') await this.#liveAfter(end.runningNs!);
      if (end.outcome === 'completed') await live.park();
    } finally {
      haveAllLeft = await live.leave();
    }
    const report = await this.#report(end);
    if (haveAllLeft) giveBackGuestSide(live.shared);
    return report;
  }

  /** Reads all pages with as many threads as there are channels, and lets the guest run. */
  async #eagerly(): Promise<LazyEnd> {
    const live = this.#guest;
    const { signal } = this.#options;
    const pool = this.#pool;
    const readers = {
      threads: this.#request.channels,
      run: pool.run.bind(pool),
    };
    let doneBytes = 0;
    await readSnapshot(readers, this.#chain, live.shared, {
      signal,
      onBytes: (bytes) => this.#tell('work', (doneBytes += bytes)),
    });
    const presentNs = live.clock.now();
    loadState(this.#chain, live.shared, live.plan, (state) => ({
      ...state,
      aliveNs: presentNs,
      pausedNs: presentNs,
    }));
    const savedAccesses = accessesOf(live.side.memory, live.plan);
    await live.start();
    const runningNs = live.clock.now();
    const hasBegun = (): boolean => accessesOf(live.side.memory, live.plan) > savedAccesses;
    await live.crew.pass(FIRST_ACCESS_MS, hasBegun);
    const firstAccessNs = hasBegun() ? { firstAccessNs: live.clock.now() } : {};
    const { here, base } = this.#chain.top.table.counts();
    const readBytes = (here + base) * live.side.memory.pageSize;
    const times = { presentNs, runningNs, ...firstAccessNs };
    return { outcome: 'completed', ...times, readBytes, prefetchedPages: 0, recorded: [] };
  }

  /** Lets the guest run while a thread reads its pages. */
  #lazily(): Promise<LazyEnd> {
    const live = this.#guest;
    const { path } = this.#chain.top;
    const { prefetch, recordNs } = this.#request;
    const work = this.#pool.run('restore', { ...live.task, path, prefetch, recordNs });
    return live.engine(work, this.#options.signal, (bytes) => this.#tell('work', bytes));
  }

  async #liveAfter(runningNs: number): Promise<void> {
    const { clock } = this.#guest;
    const leftNs = runningNs + this.#config.migration.runAfterNs - clock.now();
    if (leftNs > 0) await this.#guest.live(leftNs, this.#options.signal);
  }

  async #report(end: LazyEnd): Promise<RestoreReport> {
    const live = this.#guest;
    const { isLazy, recordNs } = this.#request;
    this.#tell('verify', 0);
    const accesses = accessesOf(live.side.memory, live.plan);
    const faults = mergeFaults(live.faults);
    const proving = live.proving(this.#options.proofSignal);
    const isWhole = end.outcome === 'completed';
    const proof = isWhole ? await proveGuest(proving, live.shared) : undefined;
    const { pages, pageSize } = live.side.memory;
    const since = (ns: number): number => ns - this.#startNs;
    const savedAccesses = accessesIn(this.#chain.top.state.vcpus);
    const samples = live.timeline.samples
      .filter(({ ns }) => ns >= this.#startNs)
      .map((sample) => ({ ...sample, ns: since(sample.ns) }));
    return {
      runtime: 'threads',
      clock: MONOTONIC_CLOCK_NAME,
      isLazy,
      outcome: end.outcome,
      ...(end.error === undefined ? {} : { error: end.error }),
      ...(end.runningNs === undefined ? {} : { runningNs: since(end.runningNs) }),
      ...(end.firstAccessNs === undefined ? {} : { firstAccessNs: since(end.firstAccessNs) }),
      ...(end.presentNs === undefined ? {} : { presentNs: since(end.presentNs) }),
      readBytes: end.readBytes,
      guest: {
        pages,
        pageSize,
        savedAccesses,
        accesses,
        timeline: sinceSaved(samples, savedAccesses),
        ...(faults ? { faults } : {}),
      },
      ...(isLazy ? { prefetchedPages: end.prefetchedPages } : {}),
      ...(recordNs > 0 ? { recorded: end.recorded } : {}),
      ...(proof ? { proof } : {}),
    };
  }

  #tell(phase: 'work' | 'after' | 'verify', doneBytes: number): void {
    const { memoryBytes: allBytes } = this.#config.guest;
    this.#options.onProgress?.({ phase, doneBytes, allBytes });
  }
}
