import { OneEvent } from '../../clock/process.ts';
import { VirtualClock } from '../../clock/virtual.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { GUEST_NS, vcpuAreaAt } from '../../guest/vcpu-state.ts';
import { gfnIsZero } from '../../memory/zero-page.ts';
import type { GuestGrant, OvercommitConfig } from '../../overcommit/config.ts';
import { type Balloon, type BalloonConfig, BalloonDriver } from '../../overcommit/balloon.ts';
import { OvercommittedMemory, type Resident } from '../../overcommit/host.ts';
import { fillGuest } from '../common/fill.ts';
import { giveBackGuestSide, openGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import { GivenUpError } from '../common/pieces.ts';
import { prove } from '../common/proof.ts';
import { createPlace } from '../common/stage.ts';
import { inlineRunner, type WorkRunner } from '../common/work.ts';
import type { RunConfig } from '../config.ts';
import type { Proof } from '../report.ts';
import type { VirtualCrew } from './crew.ts';
import { EventLoop } from './event-loop.ts';
import { VirtualGuest } from './guest.ts';

/** A guest of an overcommitted host. */
export interface OvercommittedGuestSpec {
  readonly name: string;
  /** Its memory, workloads and costs; the rest of the configuration has no effect. */
  readonly config: RunConfig;
  readonly grant: GuestGrant;
  /** `contents`: it has machine pages for what its memory holds at first; `all`: for all pages, as if it zeroed them. */
  readonly populate: 'contents' | 'all';
  /** How its balloon's driver works; without it, or without a memory manager in the guest, there is no balloon. */
  readonly balloon?: BalloonConfig;
  /** How long it takes to read a page from its own disk, to which it pages when its balloon leaves it too little. */
  readonly diskNs: number;
  /** When it starts and, unless it runs to the end, stops, on the host's clock. */
  readonly startNs: number;
  readonly stopNs?: number;
}

/** A guest that has been given its memory. */
export interface OvercommittedGuest {
  readonly spec: OvercommittedGuestSpec;
  readonly side: SharedGuestSide;
  readonly guest: VirtualGuest;
  readonly resident: Resident;
  isRunning: boolean;
}

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

/** A host on a virtual clock whose guests may have more memory than it has (overcommit/host.ts). */
export class VirtualOvercommittedHost {
  readonly memory: OvercommittedMemory;
  readonly guests: OvercommittedGuest[] = [];
  readonly #loop = new EventLoop();
  readonly #options: OvercommittedHostOptions;

  constructor(config: OvercommitConfig, options: OvercommittedHostOptions = {}) {
    this.memory = new OvercommittedMemory(config);
    this.#options = options;
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
      await fillGuest(runner, side, shape.contents, seed, { prefault: false, isUsed: false });
      this.#loop.add(new OneEvent(spec.startNs, (nowNs) => this.#start(spec, side, plan, nowNs)));
    }
    this.#loop.add(this.memory);
  }

  #start(
    spec: OvercommittedGuestSpec,
    shared: SharedGuestSide,
    plan: VirtualGuest['plan'],
    nowNs: number,
  ): void {
    const side = openGuestSide(shared);
    const { memory } = side;
    const resident = this.memory.admit(memory, side.words, spec.grant);
    const hosting = {
      layers: this.memory.layersOf(resident),
      host: this.memory.balloonHostOf(resident),
    };
    const costs = { ...spec.config.costs, guestDiskNs: spec.diskNs };
    const guest = new VirtualGuest(plan, side, costs, new VirtualClock(), hosting);
    const isAll = spec.populate === 'all';
    this.memory.populate(resident, (gfn) => isAll || !gfnIsZero(memory, gfn));
    resident.guest = {
      advance: (toNs) => guest.advance(toNs),
      guestNs: () => side.area[vcpuAreaAt(plan, 0) + GUEST_NS]!,
      block: (ns) => guest.place.crew.steal(ns),
    };
    if (spec.balloon && plan.manager) {
      resident.balloon = new BalloonDriver(spec.balloon, balloonOf(guest.place.crew));
    }
    guest.start(nowNs);
    const one: OvercommittedGuest = { spec, side: shared, guest, resident, isRunning: true };
    this.guests.push(one);
    if (spec.stopNs !== undefined) {
      this.#loop.add(new OneEvent(spec.stopNs, () => this.#stop(one, spec.stopNs!)));
    }
  }

  /** Stops a guest, whose machine pages are free from then on; its memory stays as it is for the proof. */
  #stop(one: OvercommittedGuest, nowNs: number): void {
    one.guest.advance(nowNs);
    one.isRunning = false;
    this.memory.dismiss(one.resident);
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

  /**
   * Proves all guests: puts back what is swapped out, checks the sharers of every machine page, and compares each guest's
   * memory with a replay from its initial contents. Returns undefined when the proof is given up. The guests' memory
   * goes back to the pool.
   */
  async prove(): Promise<HostProof | undefined> {
    const problems = [...this.memory.problems()];
    const { runner: pool = inlineRunner, proofSignal: signal } = this.#options;
    const guests: { name: string; proof: Proof }[] = [];
    try {
      for (const { spec, side, guest, resident, isRunning } of this.guests) {
        // A guest that has stopped got back what was swapped out when it stopped.
        if (isRunning) this.memory.paging.restore(resident.pages);
        for (const manager of guest.place.crew.managers) manager.restorePaged();
        const { geometries } = planMemory(spec.config.guest, spec.config.seed);
        const canvas = createPlace(spec.config.guest, guest.plan, geometries(1));
        const zeroings = { source: guest.place.crew.zeroings(), destination: [] };
        const { config } = spec;
        const parts = { config, plan: guest.plan, pool, signal, final: side, canvas, zeroings };
        guests.push({ name: spec.name, proof: await prove({ ...parts, isFrozenSource: false }) });
        for (const each of [canvas, side]) giveBackGuestSide(each);
      }
    } catch (error) {
      if (error instanceof GivenUpError) return undefined;
      throw error;
    }
    return { guests, problems };
  }
}

/** The balloon of a guest, to which each of its vCPUs contributes. */
function balloonOf(crew: VirtualCrew): Balloon {
  return {
    size: () => crew.managers.reduce((sum, { balloonPages }) => sum + balloonPages, 0),
    inflate: (pages) => crew.inflate(pages),
    deflate: (pages) => {
      let left = pages;
      for (const manager of crew.managers) {
        const own = Math.min(left, manager.balloonPages);
        if (own > 0) manager.deflate(own);
        left -= own;
      }
    },
  };
}
