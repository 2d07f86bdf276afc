import { VIRTUAL_CLOCK_NAME, type VirtualClock } from '../../clock/virtual.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import type { ZeroLog } from '../../guest/zeroing.ts';
import { fillDestination } from '../../memory/contents/contents.ts';
import type { SourceReport } from '../../migration/source.ts';
import { ArrivingGuest } from '../../overcommit/arriving.ts';
import type { OvercommittedMemory } from '../../overcommit/host.ts';
import { LeavingGuest } from '../../overcommit/leaving.ts';
import type { Resident } from '../../overcommit/resident.ts';
import { giveBackGuestSide, openGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import { reportOf } from '../common/run-report.ts';
import { createPlace, createTransfer, giveBackTransfer, type Transfer } from '../common/stage.ts';
import type { RunReport } from '../report.ts';
import type { VirtualPlace } from './guest.ts';
import { VirtualMigration } from './migration.ts';
import { initialOf, type OvercommittedGuest } from './overcommitted-guest.ts';

/** What the migration of a guest of an overcommitted host needs. */
export interface OvercommittedMigrationParts {
  readonly one: OvercommittedGuest;
  /** The memory of the host that the guest moves to. */
  readonly to: OvercommittedMemory;
  readonly startNs: number;
  /** Makes a place the guest's on the other host, where it is driven from then on. */
  readonly drive: (place: VirtualPlace, resident: Resident) => void;
  readonly isCancelled: () => boolean;
  /** Called once, with the time at which the migration has ended. */
  readonly onOver: (endNs: number) => void;
}

/**
 * A migration between two overcommitted hosts. Both hosts go on with all that they do meanwhile: they page, share and
 * balloon, and the pages of the guest take memory on both until it has moved.
 */
export class OvercommittedMigration {
  readonly process: VirtualMigration;
  readonly side: SharedGuestSide;
  readonly resident: Resident;
  readonly #parts: OvercommittedMigrationParts;
  readonly #transfer: Transfer;
  readonly #target: VirtualPlace;
  #leaving: LeavingGuest | undefined;
  #arriving: ArrivingGuest | undefined;

  /** Takes memory on the other host. Throws HostMemoryError when that host can't admit the guest. */
  constructor(parts: OvercommittedMigrationParts) {
    const { one, to, startNs, isCancelled, onOver } = parts;
    const { guest, spec } = one;
    const { config } = spec;
    this.#parts = parts;
    const { geometries } = planMemory(config.guest, config.seed);
    // The two sides of a move begin at offsets that differ by a page, as the guest goes to and fro.
    this.side = createPlace(config.guest, guest.plan, geometries(1 - (one.moves % 2)));
    const opened = openGuestSide(this.side);
    for (const { ram } of opened.memory.slots) fillDestination(ram);
    const { grant } = one.resident;
    try {
      this.resident = to.admit(opened.memory, opened.words, grant, initialOf(spec));
    } catch (error) {
      giveBackGuestSide(this.side);
      throw error;
    }
    const hosting = {
      layers: to.layersOf(this.resident),
      host: to.balloonHostOf(this.resident),
    };
    this.#target = guest.prepare(opened, hosting);
    parts.drive(this.#target, this.resident);
    this.#transfer = createTransfer(config.link, config.guest.pageSize, false);
    this.process = new VirtualMigration({
      config,
      guest,
      target: this.#target,
      transfer: this.#transfer,
      startNs,
      isCancelled,
      onOver: ({ endNs }) => onOver(endNs),
      hosting: (clocks) => this.#hostingOf(clocks),
    });
    this.process.begin();
  }

  #hostingOf(clocks: { readonly source: VirtualClock; readonly destination: VirtualClock }) {
    const { one, to } = this.#parts;
    const { memory, resident } = one;
    const sharesStore = memory.swap === to.swap;
    const leaving = new LeavingGuest({ memory, resident, clock: clocks.source, sharesStore });
    const arriving = new ArrivingGuest({
      memory: to,
      resident: this.resident,
      clock: clocks.destination,
      source: { memory, resident },
    });
    this.#leaving = leaving;
    this.#arriving = arriving;
    const { managers } = one.guest.place.crew;
    const takeOver = (): void => {
      arriving.takeOver();
      for (const [i, manager] of this.#target.crew.managers.entries()) {
        manager.takeOver(managers[i]!);
      }
    };
    const destination = {
      gate: arriving.gate.bind(arriving),
      takeSlot: arriving.takeSlot.bind(arriving),
      surrender: arriving.surrender.bind(arriving),
      takeOver,
    };
    return { source: leaving, destination };
  }

  get report(): SourceReport {
    return this.process.result!;
  }

  /** How many swapped pages the source has brought in because they were to be sent. */
  get fetchedPages(): number {
    return this.#leaving!.fetchedPages;
  }

  /** What the guest's memory manager has zeroed at its source. */
  zeroingsAtSource(): ZeroLog {
    return this.process.source.crew.zeroings();
  }

  /** Ends what either host does for the migration; the host that the guest is not on has nothing of it any more. */
  settle(): void {
    const { one } = this.#parts;
    this.#leaving!.end();
    const isMoved = this.report.outcome === 'completed';
    if (!isMoved) this.#arriving!.giveUp();
    if (isMoved || this.report.guestLost) one.memory.dismiss(one.resident);
  }

  /** Returns the report of the migration, which has ended; its guest is proved when the hosts' life is over. */
  reportAt(endedNs: number): RunReport {
    const { one } = this.#parts;
    const { guest, spec } = one;
    const { source, target } = this.process;
    const report = reportOf({
      config: spec.config,
      plan: guest.plan,
      sides: { source: source.side, destination: target.side },
      source: this.report,
      destination: this.process.destinationResult,
      rates: guest.rates,
      timeline: guest.timeline.samples,
      faults: target.crew.faultLogs(),
      rings: source.side.logReaders().ringCounts(),
      startedNs: 0,
      endedNs,
    });
    giveBackTransfer(this.#transfer);
    return { runtime: 'virtual', clock: VIRTUAL_CLOCK_NAME, ...report };
  }

  /** Returns why the vCPUs' state that the other host got is not the one that was sent; undefined when it is. */
  stateProblem(): string | undefined {
    const { savedState } = this.process.sourceGuest;
    const { loadedState } = this.process.destinationGuest;
    if (JSON.stringify(savedState) === JSON.stringify(loadedState)) return undefined;
    return `${this.#parts.one.spec.name}: the vCPUs' state that the other host received is not the one that was sent`;
  }
}
