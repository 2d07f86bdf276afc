import { VIRTUAL_CLOCK_NAME } from '../../clock/virtual.ts';
import type { planMemory } from '../../guest/memory-plan.ts';
import type { Flow } from '../../link/network.ts';
import type { SourceReport } from '../../migration/source.ts';
import { giveBackGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import { giveBackTransfer, type Transfer } from '../common/stage.ts';
import { proveRun } from '../common/prove-run.ts';
import { reportOf } from '../common/run-report.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunReport } from '../report.ts';
import type { GuestSpec, WorldMigration } from '../world/world.ts';
import type { VirtualGuest } from './guest.ts';
import type { VirtualHost, VirtualWorker } from './host.ts';
import type { VirtualMigration } from './migration.ts';

/** A guest of a virtual world, the host and the memory that it started on, and its migration once that has begun. */
export interface HostedGuest {
  readonly spec: GuestSpec;
  readonly guest: VirtualGuest;
  readonly geometries: ReturnType<typeof planMemory>['geometries'];
  readonly source: SharedGuestSide;
  readonly host: VirtualHost;
  /** How many CPUs its vCPUs keep busy while they run. */
  readonly demandCpus: number;
  migration?: HostedMigration;
}

export interface HostedMigrationParts {
  readonly hostedGuest: HostedGuest;
  readonly process: VirtualMigration;
  readonly transfer: Transfer;
  readonly destination: SharedGuestSide;
  readonly from: VirtualHost;
  readonly to: VirtualHost;
  readonly path: readonly number[];
  readonly startNs: number;
  readonly flows: { readonly forward: Flow; readonly backward: Flow };
  readonly workers: { readonly sender: VirtualWorker; readonly receiver: VirtualWorker };
}

/** A migration in a virtual world, with the flows and the workers that it uses. */
export class HostedMigration implements WorldMigration {
  readonly parts: HostedMigrationParts;

  constructor(parts: HostedMigrationParts) {
    this.parts = parts;
  }

  get process(): VirtualMigration {
    return this.parts.process;
  }

  get guest(): string {
    return this.parts.hostedGuest.spec.name;
  }

  get from(): string {
    return this.parts.from.spec.name;
  }

  get to(): string {
    return this.parts.to.spec.name;
  }

  get path(): readonly number[] {
    return this.parts.path;
  }

  get startNs(): number {
    return this.parts.startNs;
  }

  get endNs(): number | undefined {
    return this.process.isOver ? this.process.endNs : undefined;
  }

  get report(): SourceReport | undefined {
    return this.process.isOver ? this.process.result : undefined;
  }

  get round(): number {
    return this.process.round;
  }

  get pagesLeft(): number {
    return this.process.pagesLeft;
  }

  get sentBytes(): number {
    return this.process.postedBytes;
  }

  /** Closes its flows and dismisses its workers; the guest has a place on one host again, where it lives on. */
  release(): void {
    const { flows, workers, from, to, hostedGuest } = this.parts;
    flows.forward.close();
    flows.backward.close();
    from.dismiss(workers.sender);
    to.dismiss(workers.receiver);
    const { guest, spec } = hostedGuest;
    const isMoved = this.process.result!.outcome === 'completed';
    (isMoved ? from : to).release(guest);
    guest.isMigrating = false;
    guest.catchUp(this.process.endNs);
    guest.untilNs = this.process.endNs + spec.config.migration.runAfterNs;
  }

  /** Gives its connection and its target's memory back to the pool; nothing may use them from then on. */
  giveBack(): void {
    giveBackTransfer(this.parts.transfer);
    giveBackGuestSide(this.parts.destination);
  }
}

/** Runs the guest of a migration that has ended for its `runAfter`, proves it, and returns the report. */
export async function reportOfMigration({ parts }: HostedMigration): Promise<RunReport> {
  const { process, destination, hostedGuest } = parts;
  const { guest, source: sourceMemory, spec } = hostedGuest;
  const { config } = spec;
  const endedNs = process.endNs + config.migration.runAfterNs;
  guest.advance(endedNs);
  guest.timeline.sample(endedNs);
  const { source, target } = process;
  const report = process.result!;
  const proof = await proveRun(
    {
      config,
      plan: guest.plan,
      sides: { source: sourceMemory, destination },
      report,
      sentState: process.sourceGuest.savedState,
      receivedState: process.destinationGuest.loadedState,
      zeroings: { source: source.crew.zeroings(), destination: target.crew.zeroings() },
    },
    inlineRunner,
  );
  return {
    runtime: 'virtual',
    clock: VIRTUAL_CLOCK_NAME,
    ...reportOf({
      config,
      plan: guest.plan,
      sides: { source: source.side, destination: target.side },
      source: report,
      destination: process.destinationResult,
      rates: guest.rates,
      timeline: guest.timeline.samples,
      faults: target.crew.faultLogs(),
      rings: source.side.logReaders().ringCounts(),
      startedNs: 0,
      endedNs,
    }),
    ...(proof ? { proof } : {}),
  };
}
