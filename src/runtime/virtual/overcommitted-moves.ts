import { OneEvent } from '../../clock/process.ts';
import { HostMemoryError } from '../../overcommit/admission.ts';
import type { OvercommittedMemory } from '../../overcommit/host.ts';
import type { SharedGuestSide } from '../common/guest-side.ts';
import type { RunReport } from '../report.ts';
import type { EventLoop } from './event-loop.ts';
import { drive, giveBalloon, type OvercommittedGuest } from './overcommitted-guest.ts';
import { OvercommittedMigration } from './overcommitted-migration.ts';

/** A migration of a guest of these hosts, as it is reported. */
export interface MigrationRecord {
  readonly guest: string;
  readonly from: string;
  readonly to: string;
  /** When it was asked for, and when it began, which may be later because the balloon was inflated before. */
  readonly askedNs: number;
  startNs?: number;
  endNs?: number;
  /** Why it did not even begin. */
  refusal?: string;
  report?: RunReport;
  /** Swapped pages that the source brought in because they were to be sent. */
  fetchedPages?: number;
  /** What both hosts' guests had of machine memory together when it began, at most while it went on, and at its end. */
  usedPages?: { readonly before: number; peak: number; after?: number };
  /** How much the guest had in its balloon when the migration began, in pages. */
  balloonPages?: number;
}

/** How a guest's balloon is inflated before a migration. */
export interface BalloonBefore {
  /** The guest is left so many pages. */
  readonly leavePages: number;
  /** The migration begins after so long, however far the balloon has come. */
  readonly withinNs: number;
}

/** The name of the first host. */
export const FIRST_HOST = 'host';
/** What has to wait, for a balloon or for a migration, is looked at this often. */
export const LOOK_NS = 100e6;
const ENDED = 'the hosts have come to their end';
/** The memory of both hosts is looked at this often during a migration. */
const WATCH_NS = 10e6;

/** The hosts and guests among which guests move. */
export interface MovingWorld {
  readonly loop: EventLoop;
  readonly hosts: ReadonlyMap<string, OvercommittedMemory>;
  readonly guests: readonly OvercommittedGuest[];
  /** All places of guests, which are given back once nobody looks at them any more. */
  readonly sides: Set<SharedGuestSide>;
  readonly isCancelled: () => boolean;
}

/** The migrations between overcommitted hosts. */
export class OvercommittedMoves {
  readonly records: MigrationRecord[] = [];
  /** A sentence for each migration after which the vCPUs' state was not the one that was sent. */
  readonly problems: string[] = [];
  readonly #world: MovingWorld;
  readonly #underWay = new Map<OvercommittedGuest, OvercommittedMigration>();
  #isEnding = false;

  constructor(world: MovingWorld) {
    this.#world = world;
  }

  /**
   * Migrates a guest to another host as its configuration says, after its balloon has been inflated if that is wanted.
   * A migration that can't begin is recorded with its reason. Throws RangeError when there is no such guest or host.
   */
  migrate(name: string, to: string, balloon?: BalloonBefore): MigrationRecord {
    const { guests, hosts, loop } = this.#world;
    const one = guests.find(({ spec }) => spec.name === name);
    const target = hosts.get(to);
    if (!one || !target) throw new RangeError(`there is no guest ${name} or no host ${to}`);
    const { nowNs } = loop;
    const [from] = [...hosts].find(([, memory]) => memory === one.memory)!;
    const record: MigrationRecord = { guest: name, from, to, askedNs: nowNs };
    this.records.push(record);
    if (!one.isRunning) record.refusal = `guest ${name} does not run any more`;
    else if (this.#isMoving(one)) record.refusal = `guest ${name} is migrating already`;
    else if (one.memory === target) record.refusal = `guest ${name} is on host ${to} already`;
    else if (balloon)
      this.#inflate(one, target, record, { ...balloon, untilNs: nowNs + balloon.withinNs });
    else this.#begin(one, target, record);
    return record;
  }

  #isMoving({ spec }: OvercommittedGuest): boolean {
    return this.records
      .slice(0, -1)
      .some(
        ({ guest, endNs, refusal }) =>
          guest === spec.name && endNs === undefined && refusal === undefined,
      );
  }

  /** Has a guest's balloon inflated, and begins its migration once that has taken what it was to take. */
  #inflate(
    one: OvercommittedGuest,
    to: OvercommittedMemory,
    record: MigrationRecord,
    wanted: BalloonBefore & { readonly untilNs: number },
  ): void {
    const { resident } = one;
    const { balloon, pages } = resident;
    const wantedPages = Math.max(0, pages.memory.pages - wanted.leavePages);
    resident.leastBalloonPages = wantedPages;
    const isDone =
      !one.isRunning ||
      !balloon ||
      this.#isOver() ||
      balloon.pages >= Math.min(wantedPages, balloon.mostPages);
    if (isDone || this.#world.loop.nowNs >= wanted.untilNs) return this.#begin(one, to, record);
    const lookNs = Math.min(wanted.untilNs, this.#world.loop.nowNs + LOOK_NS);
    this.#world.loop.add(new OneEvent(lookNs, () => this.#inflate(one, to, record, wanted)));
  }

  #isOver(): boolean {
    return this.#isEnding || this.#world.isCancelled();
  }

  #begin(one: OvercommittedGuest, to: OvercommittedMemory, record: MigrationRecord): void {
    const startNs = this.#world.loop.nowNs;
    // A guest that has stopped meanwhile keeps its memory as it is, for its proof.
    if (!one.isRunning) record.refusal = `guest ${record.guest} does not run any more`;
    if (record.refusal !== undefined) return;
    one.guest.advance(startNs);
    if (one.resident.boot && !this.#isOver()) {
      // A guest that boots has no driver of a balloon yet, and its boot is bound to its place.
      this.#world.loop.add(new OneEvent(startNs + LOOK_NS, () => this.#begin(one, to, record)));
      return;
    }
    if (this.#isOver()) record.refusal = ENDED;
    if (record.refusal !== undefined) return;
    record.balloonPages = one.resident.balloon?.pages ?? 0;
    one.guest.measureRates();
    one.guest.timeline.sample(startNs);
    try {
      const migration = new OvercommittedMigration({
        one,
        to,
        startNs,
        drive: (place, resident) => drive(one.guest, place, resident),
        isCancelled: () => this.#isOver(),
        onOver: (endNs) =>
          this.#world.loop.add(
            new OneEvent(endNs, (nowNs) => this.#settle(one, to, record, nowNs)),
          ),
      });
      one.isMoving = true;
      this.#underWay.set(one, migration);
      this.#world.sides.add(migration.side);
      record.startNs = startNs;
      const used = this.#usedPages(one, to);
      record.usedPages = { before: used, peak: used };
      this.#watch(one, to, record);
      this.#world.loop.add(migration.process);
    } catch (error) {
      if (!(error instanceof HostMemoryError)) throw error;
      record.refusal = error.message;
      delete one.resident.leastBalloonPages;
    }
  }

  /** Notes now and then how much memory both hosts use while a guest has pages on both. */
  #watch(one: OvercommittedGuest, to: OvercommittedMemory, record: MigrationRecord): void {
    const used = record.usedPages!;
    const look = (nowNs: number): void => {
      if (record.endNs !== undefined) return;
      used.peak = Math.max(used.peak, this.#usedPages(one, to));
      this.#world.loop.add(new OneEvent(nowNs + WATCH_NS, look));
    };
    this.#world.loop.add(new OneEvent(this.#world.loop.nowNs + WATCH_NS, look));
  }

  #usedPages({ memory: from }: OvercommittedGuest, to: OvercommittedMemory): number {
    return [from, to].reduce((sum, { machine }) => sum + machine.pages - machine.freePages, 0);
  }

  /** Ends a migration: the guest lives on one host again. */
  #settle(
    one: OvercommittedGuest,
    to: OvercommittedMemory,
    record: MigrationRecord,
    nowNs: number,
  ): void {
    const migration = this.#underWay.get(one)!;
    const { guest, spec } = one;
    const { outcome, guestLost } = migration.report;
    one.isMoving = false;
    this.#underWay.delete(one);
    guest.catchUp(nowNs);
    const from = one.memory;
    record.endNs = nowNs;
    record.fetchedPages = migration.fetchedPages;
    record.report = migration.reportAt(nowNs);
    record.usedPages!.peak = Math.max(record.usedPages!.peak, this.#usedPages(one, to));
    migration.settle();
    record.usedPages!.after = this.#usedPages({ ...one, memory: from }, to);
    delete one.resident.leastBalloonPages;
    if (guestLost) {
      one.isRunning = false;
      one.isLost = true;
    }
    if (outcome !== 'completed') return;
    const problem = migration.stateProblem();
    if (problem !== undefined) this.problems.push(problem);
    one.pastZeroings = [...one.pastZeroings, ...migration.zeroingsAtSource()];
    one.side = migration.side;
    one.memory = to;
    migration.resident.popped += one.resident.popped;
    // What has changed for the guest while it moved holds where it is now.
    to.setShares(migration.resident, one.resident.grant.shares);
    one.resident = migration.resident;
    one.moves++;
    giveBalloon(spec, guest.place, one.resident);
  }

  /** Whether a guest is in migration now. */
  get areUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  /** Has the migrations that are under way come to their end: those are cancelled whose guest still runs at its source. */
  end(): void {
    this.#isEnding = true;
    for (const record of this.records) {
      if (record.startNs === undefined) record.refusal ??= ENDED;
    }
  }
}
