import type { EvacuationConfig, EvacuatedGuest } from '../../src/fleet/evacuation/config.ts';
import { dirtyBytesPerSecond } from '../../src/fleet/evacuation/order.ts';
import { EvacuationPlanner } from '../../src/fleet/evacuation/planner.ts';
import type {
  EvacuationOptions,
  EvacuationReport,
  GuestEvacuation,
  UseSample,
} from '../../src/fleet/evacuation/report.ts';
import type { RoundReport } from '../../src/migration/metrics.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { Proof, RunReport } from '../../src/runtime/report.ts';
import { tallyOf } from './tally.ts';

const STEP_NS = 50e6;
/** The part of a downtime that does not depend on its pages. */
const SWITCH_NS = 5e6;

type Outcome = SourceReport['outcome'];

/** A migration that only counts bytes; its rounds grow or shrink with the guest's dirty rate. */
class FakeMigration {
  readonly startNs: number;
  readonly target: string;
  readonly #guest: EvacuatedGuest;
  readonly rounds: RoundReport[] = [];
  left: number;
  sent = 0;
  #roundBytes = 0;
  #roundNs: number;
  isForced = false;
  isPostcopy = false;
  downtimeNs = 0;
  postcopyBytes = 0;
  resumedNs: number | undefined;

  constructor(guest: EvacuatedGuest, target: string, startNs: number) {
    this.#guest = guest;
    this.target = target;
    this.startNs = startNs;
    this.#roundNs = startNs;
    this.left = guest.config.guest.memoryBytes;
  }

  /** Continues for a step. Returns the outcome, or undefined when the migration has not ended. */
  step(nowNs: number, bytesPerSecond: number): Outcome | undefined {
    const { config, onDiverged } = this.#guest;
    const bytes = Math.min(this.left, Math.floor((bytesPerSecond * STEP_NS) / 1e9));
    this.left -= bytes;
    this.sent += bytes;
    if (this.isPostcopy) {
      this.postcopyBytes += bytes;
      return this.left === 0 ? 'completed' : undefined;
    }
    this.#roundBytes += bytes;
    if (nowNs - this.startNs > config.migration.timeoutNs) {
      if (onDiverged === 'leave') return 'diverged';
      this.isForced = true;
      if (onDiverged === 'stop-and-copy') return this.#stop(nowNs, this.left, bytesPerSecond);
      this.isPostcopy = true;
      this.downtimeNs = SWITCH_NS;
      this.resumedNs = nowNs;
      return undefined;
    }
    if (this.left > 0) return undefined;
    const seconds = (nowNs - this.#roundNs) / 1e9;
    const dirtied = Math.min(
      config.guest.memoryBytes,
      Math.round((dirtyBytesPerSecond(config) * seconds) / 4096) * 4096,
    );
    this.#close(nowNs, this.#roundBytes, dirtied, false);
    if ((dirtied / bytesPerSecond) * 1e9 <= config.migration.downtimeLimitNs) {
      return this.#stop(nowNs, dirtied, bytesPerSecond);
    }
    this.left = dirtied;
    return undefined;
  }

  #stop(nowNs: number, bytes: number, bytesPerSecond: number): Outcome {
    this.downtimeNs = SWITCH_NS + Math.round((bytes / bytesPerSecond) * 1e9);
    this.sent += bytes;
    this.left = 0;
    this.#close(nowNs + this.downtimeNs, bytes, 0, true);
    return 'completed';
  }

  #close(nowNs: number, bytes: number, dirtiedBytes: number, stopped: boolean): void {
    const linkNs = nowNs - this.#roundNs;
    this.rounds.push({
      index: this.rounds.length + 1,
      stopped,
      startNs: this.#roundNs,
      endNs: nowNs,
      tally: tallyOf({ raw: Math.round(bytes / 4096) }),
      skippedPages: 0,
      bytes,
      linkNs,
      dirtiedPages: Math.round(dirtiedBytes / 4096),
    });
    this.#roundNs = nowNs;
    this.#roundBytes = 0;
  }
}

/**
 * Returns a report that is computed from the configuration without emulating anything. The same
 * configuration always gives the same report.
 */
export function fakeEvacuation(
  config: EvacuationConfig,
  options: EvacuationOptions & { readonly differs?: boolean } = {},
): Promise<EvacuationReport> {
  const { guests, core, hosts, source } = config;
  const planner = new EvacuationPlanner(config);
  const startedNs = Math.max(...guests.map((guest) => guest.config.migration.startAfterNs));
  const running = new Map<number, FakeMigration>();
  const over = new Map<number, GuestEvacuation>();
  const samples: UseSample[] = [];
  const nic = (name: string): number => hosts.find((host) => host.name === name)!.nicBytesPerSecond;
  let nowNs = startedNs;
  let endedNs = startedNs;
  while (!planner.isOver && !options.signal?.aborted) {
    for (const { guest, target } of planner.starts()) {
      running.set(guest, new FakeMigration(guests[guest]!, target, nowNs));
    }
    nowNs += STEP_NS;
    const rate = Math.min(core.bytesPerSecond, nic(source)) / running.size;
    samples.push(sampleOf(config, nowNs, rate, [...running.values()]));
    for (const [index, migration] of running) {
      const outcome = migration.step(nowNs, rate);
      if (!outcome) continue;
      running.delete(index);
      planner.ended(index, outcome === 'completed');
      const atNs = nowNs + (migration.isPostcopy ? 0 : migration.downtimeNs);
      endedNs = Math.max(endedNs, atNs);
      over.set(index, overOf(guests[index]!, migration, outcome, atNs, options.differs === true));
    }
    options.onProgress?.({
      nowNs,
      guests: guests.map(({ name }, index) => {
        const migration = running.get(index);
        if (over.has(index))
          return { name, state: 'over', outcome: over.get(index)!.run!.source.outcome };
        if (!migration) return { name, state: 'waiting' };
        const pagesLeft = Math.round(migration.left / 4096);
        return { name, state: 'migrating', round: migration.rounds.length + 1, pagesLeft };
      }),
    });
  }
  for (const [index, migration] of running) {
    endedNs = nowNs;
    over.set(index, overOf(guests[index]!, migration, 'cancelled', nowNs, false));
  }
  const last = samples.at(-1);
  if (last && last.ns < endedNs) samples.push({ ...last, ns: endedNs });
  return Promise.resolve({
    runtime: config.runtime,
    clock: config.runtime === 'virtual' ? 'virtual' : 'monotonic',
    startedNs,
    endedNs,
    guests: guests.map(({ name }, index) => over.get(index) ?? { name, wasForced: false }),
    links: linksOf(config),
    referenceTables: [],
    samples,
  });
}

function linksOf({ hosts, core, source }: EvacuationConfig): EvacuationReport['links'] {
  return [
    {
      name: `${source} up`,
      bytesPerSecond: hosts.find(({ name }) => name === source)!.nicBytesPerSecond,
    },
    { name: 'core forth', bytesPerSecond: core.bytesPerSecond },
    ...hosts
      .filter(({ name }) => name !== source)
      .map(({ name, nicBytesPerSecond }) => ({
        name: `${name} down`,
        bytesPerSecond: nicBytesPerSecond,
      })),
  ];
}

function sampleOf(
  { hosts, source }: EvacuationConfig,
  ns: number,
  rate: number,
  running: readonly FakeMigration[],
): UseSample {
  const all = rate * running.length;
  const into = (name: string): number => running.filter(({ target }) => target === name).length;
  const targets = hosts.filter(({ name }) => name !== source).map(({ name }) => rate * into(name));
  return {
    ns,
    migrations: running.length,
    linkBytesPerSecond: [all, all, ...targets],
    hostCpus: hosts.map(({ name }) => (name === source ? 4 + running.length : into(name))),
  };
}

function overOf(
  guest: EvacuatedGuest,
  migration: FakeMigration,
  outcome: Outcome,
  endNs: number,
  differs: boolean,
): GuestEvacuation {
  return {
    name: guest.name,
    target: migration.target,
    startedNs: migration.startNs,
    endedNs: endNs,
    run: reportOf(guest, migration, outcome, endNs, differs),
    wasForced: migration.isForced,
  };
}

function reportOf(
  { config }: EvacuatedGuest,
  migration: FakeMigration,
  outcome: Outcome,
  endNs: number,
  differs: boolean,
): RunReport {
  const { startNs, rounds, downtimeNs } = migration;
  const { memoryBytes, pageSize, workloads } = config.guest;
  const isThere = outcome === 'completed';
  const pausedNs = migration.resumedNs ?? endNs - downtimeNs;
  const runningNs = pausedNs + downtimeNs;
  const live = rounds.filter(({ stopped }) => !stopped).reduce((sum, { bytes }) => sum + bytes, 0);
  const stopped = rounds
    .filter((round) => round.stopped)
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const rate = workloads.reduce((sum, workload) => sum + Math.min(workload.rate, 1e6), 0);
  // The guest makes no accesses in its downtime, and a twentieth fewer while it migrates.
  const during = Math.round(rate * 0.95 * Math.max(0, (endNs - startNs - downtimeNs) / 1e9));
  const before = Math.round((rate * startNs) / 1e9);
  return {
    runtime: config.runtime,
    clock: 'virtual',
    source: {
      outcome,
      ...(outcome === 'diverged'
        ? { error: 'it has not completed within its timeout, try a higher link.bandwidth' }
        : {}),
      guestLost: false,
      startNs,
      endNs,
      firstPageNs: startNs,
      stop: isThere ? { pauseAskedNs: pausedNs, pausedNs, harvestedNs: pausedNs } : {},
      ...(isThere ? { running: { pagesNs: runningNs - 1e6, stateNs: runningNs, runningNs } } : {}),
      ...(migration.isPostcopy
        ? {
            postcopy: {
              bytes: migration.postcopyBytes,
              tally: tallyOf({ raw: Math.round(migration.postcopyBytes / pageSize) }, pageSize),
              requests: 0,
              presentNs: endNs,
            },
          }
        : {}),
      rounds,
      dirtySyncCount: rounds.length,
      accountedBytes: migration.sent,
      precopyBytes: live,
      downtimeBytes: stopped,
      unsentPages: Math.round(migration.left / pageSize),
      releasedPages: 0,
      linkBytes: migration.sent,
    },
    guest: {
      pages: memoryBytes / pageSize,
      pageSize,
      achievedRate: workloads.map((workload) => Math.min(workload.rate, 1e6)),
      timeline: [
        { ns: 0, accesses: 0 },
        { ns: startNs, accesses: before },
        { ns: endNs, accesses: before + during },
      ],
      rings: [],
      startedNs: 0,
      endedNs: endNs,
    },
    proof: proofOf(memoryBytes, pageSize, differs),
  };
}

function proofOf(memoryBytes: number, pageSize: number, differs: boolean): Proof {
  return {
    kind: 'replay',
    replayedBy: 'twin',
    pagesCompared: memoryBytes / pageSize,
    bytesCompared: memoryBytes,
    differingPages: differs ? 1 : 0,
    readsChecked: 0,
    ok: !differs,
    ...(differs ? { firstDifference: { gfn: 7, offset: 9, expected: 1, found: 2 } } : {}),
    problems: [],
  };
}
