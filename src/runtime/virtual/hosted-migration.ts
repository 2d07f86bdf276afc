import { VIRTUAL_CLOCK_NAME } from '../../clock/virtual.ts';
import type { Flow } from '../../link/network.ts';
import type { SourceReport } from '../../migration/source.ts';
import { giveBackGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import { proveRun } from '../common/prove-run.ts';
import { reportOf } from '../common/run-report.ts';
import { giveBackTransfer, type Transfer } from '../common/stage.ts';
import { inlineRunner } from '../common/work.ts';
import type { Proof, RunReport } from '../report.ts';
import type { WorldMigration } from '../world/world.ts';
import type { Gangs } from './gangs.ts';
import type { VirtualWorker } from './virtual-worker.ts';
import type { HostedGuest } from './hosted-guest.ts';
import type { MigrationHost } from './migration-host.ts';
import type { ChannelWorkers } from './channels/open-channels.ts';
import type { VirtualMigration } from './migration.ts';
import type { VirtualWorldOptions } from './world-options.ts';

/** A migration that a world has been asked for. */
export interface PlannedMigration {
  readonly hostedGuest: HostedGuest;
  readonly from: MigrationHost;
  readonly to: MigrationHost;
  readonly path: readonly number[];
  /** When its manager began with it. */
  readonly startNs: number;
  /** How long its manager cleans up after it. */
  readonly afterNs: number;
}

/** What a migration has from the moment when its manager has prepared it. */
export interface BegunMigration {
  readonly process: VirtualMigration;
  readonly transfer: Transfer;
  readonly destination: SharedGuestSide;
  /** Whether references of guests that move later may name its pages at the target. */
  readonly isReferred: boolean;
  /** Its flows; they are absent in a world without a network. */
  readonly flows?: { readonly forward: Flow; readonly backward: Flow };
  /** Its sender and receiver; a host that does not count its CPUs has none. */
  readonly sender?: VirtualWorker;
  readonly receiver?: VirtualWorker;
  /** The workers of its channels on these CPUs. */
  readonly channelWorkers: ChannelWorkers;
}

/** A migration in a virtual world, with the flows and the workers that it uses. */
export class HostedMigration implements WorldMigration {
  readonly planned: PlannedMigration;
  /** Whether the director has been told of its end, clean-up included. */
  isTold = false;
  #begun: BegunMigration | undefined;

  constructor(planned: PlannedMigration) {
    this.planned = planned;
  }

  /** Begins the migration itself. */
  begin(begun: BegunMigration): void {
    this.#begun = begun;
    begun.process.begin();
  }

  /** It is undefined while its manager prepares the migration. */
  get process(): VirtualMigration | undefined {
    return this.#begun?.process;
  }

  get guest(): string {
    return this.planned.hostedGuest.spec.name;
  }

  get from(): string {
    return this.planned.from.spec.name;
  }

  get to(): string {
    return this.planned.to.spec.name;
  }

  get path(): readonly number[] {
    return this.planned.path;
  }

  get startNs(): number {
    return this.planned.startNs;
  }

  /** When the last frame had been dealt with; undefined until then. */
  get transferredNs(): number | undefined {
    return this.process?.isOver ? this.process.endNs : undefined;
  }

  /** When its manager has cleaned up as well, which is in the future at first. */
  get cleanedUpNs(): number | undefined {
    const { transferredNs } = this;
    return transferredNs === undefined ? undefined : transferredNs + this.planned.afterNs;
  }

  get endNs(): number | undefined {
    return this.planned.afterNs > 0 && !this.isTold ? undefined : this.cleanedUpNs;
  }

  get report(): SourceReport | undefined {
    return this.process?.isOver ? this.process.result : undefined;
  }

  get round(): number {
    return this.process?.round ?? 1;
  }

  /** Whether the guest runs at its target while its pages still come. */
  get isPostcopy(): boolean {
    return this.process?.isPostcopy ?? false;
  }

  get pagesLeft(): number {
    return this.process?.pagesLeft ?? 0;
  }

  get sentBytes(): number {
    return this.process?.postedBytes ?? 0;
  }

  /** Closes its flows and dismisses its workers; the guest has a place on one host again, where it lives on. */
  release(nowNs: number): void {
    const { from, to, hostedGuest } = this.planned;
    const { flows, sender, receiver, channelWorkers, process } = this.#begun!;
    flows?.forward.close();
    flows?.backward.close();
    if (sender) from.dismiss(sender);
    if (receiver) to.dismiss(receiver);
    for (const worker of channelWorkers.senders) from.dismiss(worker);
    for (const worker of channelWorkers.receivers) to.dismiss(worker);
    const { guest, spec } = hostedGuest;
    const isMoved = process.result!.outcome === 'completed';
    (isMoved ? from : to).release(guest);
    guest.isMigrating = false;
    guest.catchUp(nowNs);
    guest.untilNs = nowNs + spec.config.migration.runAfterNs;
  }

  /**
   * Lets the guest live to the end of its `runAfter`, proves it, and returns the report. Then the connection and both
   * sides' memory go back to the pool, so nothing may use them from then on; memory that others may refer to is kept.
   */
  async settle(options: VirtualWorldOptions, gangs?: Pick<Gangs, 'keep'>): Promise<RunReport> {
    const { process } = this.#begun!;
    const { guest, spec } = this.planned.hostedGuest;
    const isCancelled = (): boolean => options.signal?.aborted ?? false;
    const endedNs = await guest.live(guest.livedNs, guest.untilNs, isCancelled);
    guest.untilNs = endedNs;
    guest.timeline.sample(endedNs);
    const { source, target } = process;
    const proof = await this.#prove(options);
    const report = reportOf({
      config: spec.config,
      plan: guest.plan,
      sides: { source: source.side, destination: target.side },
      source: process.result!,
      destination: process.destinationResult,
      rates: guest.rates,
      timeline: guest.timeline.samples,
      faults: target.crew.faultLogs(),
      rings: source.side.logReaders().ringCounts(),
      startedNs: 0,
      endedNs,
    });
    this.#giveBack(gangs);
    return {
      runtime: 'virtual',
      clock: VIRTUAL_CLOCK_NAME,
      ...report,
      ...(proof ? { proof } : {}),
    };
  }

  async #prove({
    beforeProof,
    proofSignal: signal,
    runner = inlineRunner,
  }: VirtualWorldOptions): Promise<Proof | undefined> {
    const { hostedGuest } = this.planned;
    const { process, destination } = this.#begun!;
    const { source, target } = process;
    if (beforeProof) {
      const rams = [source, target].map(({ side }) => side.memory.slots.map(({ ram }) => ram));
      beforeProof(rams[0]!, rams[1]!);
    }
    const run = {
      config: hostedGuest.spec.config,
      plan: hostedGuest.guest.plan,
      sides: { source: hostedGuest.source, destination },
      report: process.result!,
      sentState: process.sourceGuest.savedState,
      receivedState: process.destinationGuest.loadedState,
      zeroings: { source: source.crew.zeroings(), destination: target.crew.zeroings() },
    };
    return proveRun(run, runner, { signal });
  }

  #giveBack(gangs?: Pick<Gangs, 'keep'>): void {
    const { transfer, destination, isReferred, process } = this.#begun!;
    giveBackTransfer(transfer);
    // The pool hands out first what it got last, so a source's memory serves as a source again, with its zero pages.
    const isKept = isReferred && process.result!.outcome === 'completed';
    if (gangs && isKept) gangs.keep(destination);
    else giveBackGuestSide(destination);
    giveBackGuestSide(this.planned.hostedGuest.source);
  }
}
