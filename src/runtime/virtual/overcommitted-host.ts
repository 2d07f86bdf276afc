import { OneEvent } from '../../clock/process.ts';
import { VirtualClock } from '../../clock/virtual.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { gfnIsZero } from '../../memory/zero-page.ts';
import type { BootParts } from '../../overcommit/boot.ts';
import type { OvercommitConfig } from '../../overcommit/config.ts';
import { OvercommittedMemory } from '../../overcommit/host.ts';
import { storeProblems } from '../../overcommit/record-problems.ts';
import { SwapStore } from '../../overcommit/swap-store.ts';
import { fillGuest } from '../common/fill.ts';
import { giveBackGuestSide, openGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import { GivenUpError } from '../common/pieces.ts';
import { prove } from '../common/proof.ts';
import { createPlace } from '../common/stage.ts';
import { inlineRunner, type WorkRunner } from '../common/work.ts';
import type { Proof } from '../report.ts';
import { EventLoop } from './event-loop.ts';
import { VirtualGuest } from './guest.ts';
import {
  drive,
  initialOf,
  giveBalloon,
  type OvercommittedGuest,
  type OvercommittedGuestSpec,
} from './overcommitted-guest.ts';
import {
  LOOK_NS,
  type BalloonBefore,
  FIRST_HOST,
  type MigrationRecord,
  OvercommittedMoves,
} from './overcommitted-moves.ts';

export interface OvercommittedHostOptions {
  /** Fills memory and works for the proofs in other threads; without it, this thread does all the work. */
  readonly runner?: WorkRunner;
  readonly signal?: AbortSignal;
  readonly proofSignal?: AbortSignal;
  /** Called now and then while the host lives, with the time. */
  readonly onTurn?: (nowNs: number) => void;
  /** The host throws an Error after more events than this. */
  readonly mostEvents?: number;
}

/** The proof of a host's guests, each from its initial contents. */
export interface HostProof {
  readonly guests: readonly { readonly name: string; readonly proof: Proof }[];
  /** A sentence for each invariant of the host's own records that does not hold. */
  readonly problems: readonly string[];
}

/**
 * A host on a virtual clock whose guests may have more memory than it has (overcommit/host.ts), and other such hosts to
 * which they may migrate.
 */
export class VirtualOvercommittedHost {
  /** The memory of the first host, and of all by name. */
  readonly memory: OvercommittedMemory;
  readonly hosts: ReadonlyMap<string, OvercommittedMemory>;
  readonly guests: OvercommittedGuest[] = [];
  readonly #loop = new EventLoop();
  readonly #moves: OvercommittedMoves;
  readonly #sharedSwap: SwapStore | undefined;
  /** The guests' memory that has not been given back to the pool. */
  readonly #sides = new Set<SharedGuestSide>();
  readonly #options: OvercommittedHostOptions;

  /** `others` are further hosts by name. With `sharesSwap` all of them use the first one's swap store. */
  constructor(
    config: OvercommitConfig,
    options: OvercommittedHostOptions = {},
    others: { readonly [name: string]: OvercommitConfig } = {},
    sharesSwap = false,
  ) {
    const swap = sharesSwap ? new SwapStore(config.swap, config.storedBytes) : undefined;
    this.#sharedSwap = swap;
    this.memory = new OvercommittedMemory(config, swap);
    this.hosts = new Map([
      [FIRST_HOST, this.memory],
      ...Object.entries(others).map(
        ([name, other]) => [name, new OvercommittedMemory(other, swap)] as const,
      ),
    ]);
    this.#options = options;
    this.#moves = new OvercommittedMoves({
      loop: this.#loop,
      hosts: this.hosts,
      guests: this.guests,
      sides: this.#sides,
      isCancelled: () => options.signal?.aborted ?? false,
    });
  }

  /** All migrations that were asked for, in their order. */
  get migrations(): readonly MigrationRecord[] {
    return this.#moves.records;
  }

  /** Migrates a guest to another host as its configuration says; see OvercommittedMoves. */
  migrate(guest: string, to: string, balloon?: BalloonBefore): MigrationRecord {
    return this.#moves.migrate(guest, to, balloon);
  }

  /** Ends the migrations that are under way: those are cancelled whose guest still runs at its source. */
  async endMigrations(): Promise<void> {
    this.#moves.end();
    const { mostEvents } = this.#options;
    const limit = mostEvents === undefined ? {} : { mostEvents };
    await this.#loop.play(() => !this.#moves.areUnderWay, limit);
    for (const { isRunning, guest } of this.guests) if (isRunning) guest.advance(this.nowNs);
  }

  get nowNs(): number {
    return this.#loop.nowNs;
  }

  /** Fills the memory of all guests. They start at their `startNs`. Throws ContentsError. */
  async settle(specs: readonly OvercommittedGuestSpec[]): Promise<void> {
    const { runner = inlineRunner } = this.#options;
    for (const spec of specs) {
      const { guest: shape, seed } = spec.config;
      const { plan, geometries } = planMemory(shape, seed);
      const side = createPlace(shape, plan, geometries(0));
      this.#sides.add(side);
      await fillGuest(runner, side, shape.contents, seed, { prefault: false, isUsed: false });
      this.#loop.add(new OneEvent(spec.startNs, (nowNs) => this.#start(spec, side, plan, nowNs)));
    }
    for (const memory of this.hosts.values()) this.#loop.add(memory);
  }

  #start(
    spec: OvercommittedGuestSpec,
    shared: SharedGuestSide,
    plan: VirtualGuest['plan'],
    nowNs: number,
  ): void {
    const side = openGuestSide(shared);
    const { memory } = side;
    const host = this.hosts.get(spec.host ?? FIRST_HOST)!;
    const resident = host.admit(memory, side.words, spec.grant, initialOf(spec));
    const hosting = { layers: host.layersOf(resident), host: host.balloonHostOf(resident) };
    const costs = { ...spec.config.costs, guestDiskNs: spec.diskNs };
    const guest = new VirtualGuest(plan, side, costs, new VirtualClock(), hosting);
    const isAll = spec.populate === 'all';
    host.populate(resident, (gfn) => isAll || !gfnIsZero(memory, gfn));
    drive(guest, guest.place, resident);
    giveBalloon(spec, guest.place, resident);
    guest.start(nowNs);
    // What its memory holds at first stands for what it has loaded since it zeroed its memory.
    this.#boot(spec, { memory: host, resident }, nowNs, () => undefined);
    const one: OvercommittedGuest = {
      spec,
      side: shared,
      guest,
      memory: host,
      resident,
      isRunning: true,
      moves: 0,
      pastZeroings: [],
      isMoving: false,
    };
    this.guests.push(one);
    if (spec.resetNs !== undefined) {
      this.#loop.add(new OneEvent(spec.resetNs, (atNs) => this.#reset(one, atNs)));
    }
    if (spec.stopNs !== undefined) {
      const stop = (): void => this.#stop(one, spec.stopNs!);
      // A guest that stops makes room for one that starts at the same time.
      this.#loop.add(new OneEvent(spec.stopNs, stop, -1));
    }
  }

  /** Has a guest zero all its memory, if it does so when it boots. */
  #boot(
    { zeroesPerSecond: pagesPerSecond }: OvercommittedGuestSpec,
    { memory: host, resident }: Pick<OvercommittedGuest, 'memory' | 'resident'>,
    atNs: number,
    clear: BootParts['clear'],
  ): void {
    if (pagesPerSecond === undefined) return;
    host.boot(resident, { pagesPerSecond, clear, atNs });
  }

  #reset(one: OvercommittedGuest, nowNs: number): void {
    const { spec, guest, resident } = one;
    if (!one.isRunning) return;
    if (one.isMoving) return this.#later(nowNs, (atNs) => this.#reset(one, atNs));
    guest.advance(nowNs);
    guest.place.crew.reset();
    resident.balloon?.restart?.(resident.guest!.guestNs());
    this.#boot(spec, one, nowNs, (slot, page) => guest.place.crew.clear(slot, page));
  }

  #later(nowNs: number, act: (atNs: number) => void): void {
    this.#loop.add(new OneEvent(nowNs + LOOK_NS, act));
  }

  /** Stops a guest, whose machine pages are free from then on; its memory stays as it is for the proof. */
  #stop(one: OvercommittedGuest, nowNs: number): void {
    if (!one.isRunning) return;
    // A guest that is moving stops once it is in one place.
    if (one.isMoving) return this.#later(nowNs, (atNs) => this.#stop(one, atNs));
    one.guest.advance(nowNs);
    one.isRunning = false;
    one.memory.dismiss(one.resident);
  }

  /** Lets all guests live to a point in time, or until the host is cancelled. */
  async live(toNs: number): Promise<void> {
    const { signal, onTurn, mostEvents } = this.#options;
    const isDone = (): boolean => this.#loop.nextNs > toNs || (signal?.aborted ?? false);
    await this.#loop.play(isDone, {
      ...(onTurn ? { onTurn: () => onTurn(this.#loop.nowNs) } : {}),
      ...(mostEvents === undefined ? {} : { mostEvents }),
    });
    const endNs = signal?.aborted ? this.#loop.nowNs : toNs;
    this.#loop.nowNs = endNs;
    for (const one of this.guests) if (one.isRunning) one.guest.advance(endNs);
  }

  #storeProblems({ store }: SwapStore): string[] {
    const residents = [...this.hosts.values()].flatMap((memory) => memory.residents);
    return storeProblems(
      store,
      residents.map(({ pages }) => pages),
    );
  }

  /**
   * Proves all guests: puts back what is swapped out, checks the sharers of every machine page, and compares each guest's
   * memory with a replay from its initial contents. Returns undefined when the proof is given up. The guests' memory
   * goes back to the pool.
   */
  async prove(): Promise<HostProof | undefined> {
    const problems = [...this.#moves.problems];
    for (const memory of this.hosts.values()) problems.push(...memory.problems());
    if (this.#sharedSwap) problems.push(...this.#storeProblems(this.#sharedSwap));
    const { runner: pool = inlineRunner, proofSignal: signal } = this.#options;
    const guests: { name: string; proof: Proof }[] = [];
    try {
      for (const one of this.guests) {
        const { spec, side, guest, resident, isRunning, memory } = one;
        if (one.isLost) continue;
        // A guest that has stopped got back what was swapped out when it stopped.
        if (isRunning) memory.paging.restore(resident.pages);
        for (const manager of guest.place.crew.managers) manager.disk?.restore();
        const { geometries } = planMemory(spec.config.guest, spec.config.seed);
        const canvas = createPlace(spec.config.guest, guest.plan, geometries(1));
        const zeroings = {
          source: one.pastZeroings,
          destination: guest.place.crew.zeroings(),
        };
        const { config } = spec;
        const parts = { config, plan: guest.plan, pool, signal, final: side, canvas, zeroings };
        guests.push({ name: spec.name, proof: await prove({ ...parts, isFrozenSource: false }) });
        giveBackGuestSide(canvas);
        this.#giveBack(side);
      }
    } catch (error) {
      if (error instanceof GivenUpError) return undefined;
      throw error;
    }
    return { guests, problems };
  }

  /** Gives back the memory of all guests that have not been proved, once nobody uses the host any more. */
  release(): void {
    for (const side of this.#sides) this.#giveBack(side);
  }

  #giveBack(side: SharedGuestSide): void {
    this.#sides.delete(side);
    giveBackGuestSide(side);
  }
}
