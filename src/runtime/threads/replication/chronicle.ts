import type { FullPlan } from '../../../guest/stream-plan.ts';
import { noCounts } from '../../../replication/compression.ts';
import { packetsSentIn } from '../../../replication/guest-tap.ts';
import { PacketLedger } from '../../../replication/packet-ledger.ts';
import type { BackupEnd, EpochRecord, PrimaryEnd } from '../../../replication/ports.ts';
import type { ProtectConfig } from '../../virtual/replication/config.ts';
import type {
  PairReport,
  PlaceProof,
  ProtectReport,
  TakeoverReport,
} from '../../virtual/replication/report.ts';
import { outcomeOf, problemsOf, splitNsOf } from '../../virtual/replication/verdict.ts';
import type { HostNews, SenderTotals } from './journal.ts';
import type { ProtectedHost } from './protected-host.ts';

/** The protection of a guest at one host by another one. */
export interface ThreadPair {
  readonly primary: ProtectedHost;
  readonly backup: ProtectedHost;
  readonly startNs: number;
  readonly epochs: EpochRecord[];
  totals: SenderTotals;
  /** How either half ended; absent while it has not said so. */
  primaryEnd?: PrimaryEnd;
  backupEnd?: BackupEnd;
  /** How the protection as a whole ended. */
  ending?: Pick<PairReport, 'end' | 'endNs' | 'reason'>;
}

/** What the world knows besides when it reports. */
export interface WorldEnd {
  readonly hosts: readonly ProtectedHost[];
  readonly endedNs: number;
  readonly error: string | undefined;
  readonly isCancelled: boolean;
  readonly accesses: number;
  readonly proofs: readonly PlaceProof[] | undefined;
}

/** What has become of a guest in threads, by what its hosts have told. Times are those of the threads' clock. */
export class Chronicle {
  readonly pairs: ThreadPair[] = [];
  readonly #config: ProtectConfig;
  readonly #plan: FullPlan;
  readonly #ledger = new PacketLedger();
  /** When the guest began to run, from which on reports count. */
  startedNs = 0;

  constructor(config: ProtectConfig, plan: FullPlan) {
    this.#config = config;
    this.#plan = plan;
  }

  /** Takes what a host has told. */
  hear({ host }: ProtectedHost, news: HostNews): void {
    if (news.kind === 'packets') {
      this.#ledger.note(host, news.run, news.atNs);
      return;
    }
    const pair = this.pairs[news.pair]!;
    if (news.kind === 'epoch') {
      pair.epochs.push(news.record);
      pair.totals = news.totals;
      pair.primary.writtenBlocks = news.writtenBlocks;
      pair.primary.mostHeldBytes = news.mostHeldBytes;
    } else if (news.kind === 'ready') this.#ready(pair, news);
    else if (news.kind === 'primaryEnd') this.#primaryEnded(pair, news);
    else this.#backupEnded(pair, news.end);
  }

  /** From now on the guest is where the image of a backup is. */
  #ready({ backup }: ThreadPair, { vcpus, atNs }: HostNews & { readonly kind: 'ready' }): void {
    const sent = packetsSentIn(this.#plan, this.#config.emissions.packets, vcpus);
    this.#ledger.takenOver({ host: backup.host, atNs, sent });
    backup.ranFromNs = atNs;
  }

  #primaryEnded(
    pair: ThreadPair,
    { end, totals }: { readonly end: PrimaryEnd; readonly totals: SenderTotals },
  ): void {
    const { kind, reason, atNs } = end;
    pair.primaryEnd = end;
    pair.totals = totals;
    pair.ending ??= { end: kind, endNs: atNs, reason };
  }

  #backupEnded(pair: ThreadPair, end: BackupEnd): void {
    pair.backupEnd = end;
    if (end.kind === 'tookOver') {
      pair.ending = { end: end.kind, endNs: end.times.runningNs };
    } else if (pair.primary.diedNs < Infinity) {
      const reason = end.kind === 'gaveUp' ? { reason: end.reason } : {};
      pair.ending ??= { end: end.kind, endNs: end.atNs, ...reason };
    }
  }

  /** A host has died. */
  died(host: ProtectedHost): void {
    for (const pair of this.pairs) {
      const isTheirs = pair.primary === host || pair.backup === host;
      if (isTheirs && isOver(pair)) pair.ending ??= { end: 'lost', endNs: host.diedNs };
    }
  }

  report(world: WorldEnd): ProtectReport {
    const { hosts, error, isCancelled, proofs } = world;
    const places = hosts.map(({ ranFromNs, diedNs: ranToNs }) => ({ ranFromNs, ranToNs }));
    const splitNs = splitNsOf(places, world.endedNs);
    const totals = this.#ledger.totals();
    const last = hosts.findLast(isRunning);
    const hasGoneBack = this.pairs.some(hasTakenBack);
    const ending = { error, isCancelled, splitNs, hasGoneBack, isAlive: last !== undefined };
    return {
      outcome: outcomeOf(ending),
      ...(error === undefined ? {} : { error }),
      endedNs: world.endedNs - this.startedNs,
      pairs: this.pairs.map((pair) => this.#pairReport(pair)),
      takeovers: this.pairs.flatMap((pair) => this.#takeoverReport(pair)),
      packets: {
        ...totals,
        held: last?.end?.heldPackets ?? 0,
        heldBytes: last?.end?.heldBytes ?? 0,
        mostHeldBytes: Math.max(...hosts.map(({ mostHeldBytes }) => mostHeldBytes)),
      },
      delays: this.#ledger.delays(),
      writtenBlocks: hosts.reduce((sum, host) => sum + host.writtenBlocks, 0),
      accesses: world.accesses,
      splitNs,
      proofs,
      problems: problemsOf(this.#config.replication, totals, ending),
    };
  }

  #pairReport({ primary, backup, startNs, epochs, totals, ending }: ThreadPair): PairReport {
    const own = epochs.map((record) => this.sinceStart(record));
    return {
      primary: primary.host,
      backup: backup.host,
      ...this.sinceStart({ startNs }),
      ...(own[0] ? { protectedNs: own[0].ackNs } : {}),
      ...(ending ? this.sinceStart(ending) : {}),
      epochs: own,
      ...totals,
    };
  }

  #takeoverReport({ primary, backup, backupEnd }: ThreadPair): TakeoverReport[] {
    if (backupEnd?.kind !== 'tookOver') return [];
    const { epoch, times } = backupEnd;
    const { diedNs } = primary;
    const died = diedNs < Infinity ? this.sinceStart({ diedNs }) : {};
    return [
      { from: primary.host, to: backup.host, epoch, ...died, ...this.sinceStart({ ...times }) },
    ];
  }

  /** Returns a record whose points in time, which are named `…Ns`, count from the guest's start. */
  sinceStart<Facts extends object>(record: Facts): Facts {
    const entries = Object.entries(record).map(([name, value]) => {
      const isTime = name.endsWith('Ns') && typeof value === 'number';
      return [name, isTime ? value - this.startedNs : (value as unknown)];
    });
    return Object.fromEntries(entries) as Facts;
  }
}

/** Returns the totals of a sender that has not sent anything yet. */
export const noTotals = (): SenderTotals => ({
  bytes: 0,
  codes: noCounts(),
  cache: { hits: 0, lookUps: 0 },
  senderNs: 0,
});

/** Whether the guest runs at a host that lives. */
export const isRunning = ({ ranFromNs, diedNs }: ProtectedHost): boolean =>
  ranFromNs < Infinity && diedNs === Infinity;

const isOver = ({ primary, backup, primaryEnd, backupEnd }: ThreadPair): boolean =>
  (primary.diedNs < Infinity || primaryEnd !== undefined) &&
  (backup.diedNs < Infinity || backupEnd !== undefined);

/** Whether a backup has taken over a guest that had gone on without protection. */
const hasTakenBack = ({ primaryEnd, backupEnd }: ThreadPair): boolean =>
  primaryEnd?.kind === 'dropped' &&
  backupEnd?.kind === 'tookOver' &&
  primaryEnd.atNs < backupEnd.times.runningNs;
