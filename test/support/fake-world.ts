import type { Clock } from '../../src/clock/clock.ts';
import type { DeviceSpec } from '../../src/guest/devices/device.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import type { FullPlan } from '../../src/guest/stream-plan.ts';
import { readAccesses, writePlan } from '../../src/guest/stream-record.ts';
import { type BatchEnd, VcpuCore } from '../../src/guest/vcpu-core.ts';
import { paceAt, RESUMED_NS } from '../../src/guest/vcpu-state.ts';
import type { Workload } from '../../src/guest/workload.ts';
import type { Link } from '../../src/link/link.ts';
import { createLine, Line } from '../../src/link/line.ts';
import { ringLink } from '../../src/link/ring-link.ts';
import { closeRing, createRing, type SharedRing } from '../../src/link/ring.ts';
import {
  DESTINATION_FILLER,
  fillDestination,
  fillPages,
} from '../../src/memory/contents/contents.ts';
import type { DirtyLogKind } from '../../src/memory/dirty-logs/dirty-log.ts';
import type { Backing } from '../../src/memory/layout.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import { slotOf } from '../../src/memory/guest-memory.ts';
import { gateBytes } from '../../src/memory/gate/page-gate.ts';
import { faultSteps } from '../../src/memory/presence/steps.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { PAUSE, wantedOf } from '../../src/memory/handshake/words.ts';
import { ACCESS_BATCH } from '../../src/memory/kernels/abi.ts';
import { destination, type DestinationReport } from '../../src/migration/destination.ts';
import type { Algorithm } from '../../src/migration/ports.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import { aheadLink } from './ahead-link.ts';
import type { SourceOptions } from '../../src/migration/source-options.ts';
import type { SourceSide } from '../../src/migration/source-session.ts';
import { GeneratorDriver } from '../../src/runtime/common/driver.ts';
import { SharedDestinationGuest, SharedSourceGuest } from '../../src/runtime/common/guests.ts';
import {
  createGuestSide,
  type GuestSide,
  openGuestSide,
} from '../../src/runtime/common/guest-side.ts';

/** A clock whose time changes only when a test sets it. */
export class ManualClock implements Clock {
  ns = 1e9;
  now = (): number => this.ns;
}

export interface FakeWorldOptions {
  readonly pages?: number;
  readonly dirtyLog?: DirtyLogKind;
  /** Entries of the ring of the dirty log `ring`; a fake vCPU never waits for room. */
  readonly ringSize?: number;
  readonly clearChunkPages?: number;
  readonly memslots?: number;
  readonly backing?: Backing;
  /** The bytes of data of each of the two rings: a power of two. */
  readonly ringBytes?: { readonly forward: number; readonly backward: number };
  /** The guest's memory manager. It does nothing by itself here; tests set what it has done. */
  readonly memoryManager?: ManagerConfig;
  /** How many random pages per second the destination's vCPU reads. */
  readonly readsPerSecond?: number;
  /** How many pages per second the source's vCPU writes, uniformly over the guest. */
  readonly writesPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly latencyNs?: number;
  readonly zeroShare?: number;
  readonly options?: Partial<SourceOptions>;
  /** The guest's devices, on both sides. */
  readonly devices?: readonly DeviceSpec[];
  /** How long a paused post-copy waits for a new connection; with undefined it does not wait. */
  readonly recoverWithinNs?: number | undefined;
  /** How far the destination's clock is ahead of the source's. */
  readonly targetClockAheadNs?: number;
}

const PAGE_SIZE = 4096;
const MIB = 1024 * 1024;

/** One half of a migration in a fake world. */
export interface Half<Result> {
  /** What the half has returned; absent until it is over. */
  readonly result: Result | undefined;
  /** Runs the half until it waits; returns the time until which it waits. */
  go(): number;
}

/**
 * The ports of both sides in one thread, on a clock that moves only while both sides wait. Memory, dirty
 * logs, frames and rings are real; each side has one vCPU, which makes accesses when time passes. The
 * same run always gives the same result.
 */
export class FakeWorld {
  readonly clock = new ManualClock();
  readonly targetClock: Clock;
  readonly #aheadNs: number;
  readonly plan: FullPlan;
  readonly source: GuestSide;
  readonly target: GuestSide;
  readonly sourceGuest: SharedSourceGuest;
  readonly targetGuest: SharedDestinationGuest;
  readonly forward: SharedRing;
  readonly backward: SharedRing;
  readonly line: Line;
  readonly near: Link;
  readonly far: Link;
  readonly side: SourceSide;
  isCancelled = false;
  /** A copy of the source's RAM from the moment at which the vCPU state was saved. */
  frozen: Uint8Array | undefined;
  /** The world calls this whenever time has passed. */
  onTime: (world: FakeWorld) => void = () => undefined;
  readonly #vcpus: readonly [FakeVcpu, FakeVcpu];
  readonly #recovery: { readonly recoverWithinNs?: number };
  readonly #devices: { readonly devices?: readonly DeviceSpec[] };
  #isDestinationDead = false;

  constructor(options: FakeWorldOptions = {}) {
    this.#aheadNs = options.targetClockAheadNs ?? 0;
    this.targetClock = { now: () => this.clock.now() + this.#aheadNs };
    const { pages = 1024, dirtyLog = 'bitmap', writesPerSecond = 0, latencyNs = 100_000 } = options;
    const { bytesPerSecond = 125e6, zeroShare = 0.25 } = options;
    const workload: Workload = {
      pattern: { kind: 'uniform' },
      firstGfn: 0,
      pages,
      rate: writesPerSecond,
      writes: 1,
      wordsPerPage: 1,
      fromNs: 0,
      untilNs: Infinity,
    };
    const { memslots = 1, ringSize = 65_536, clearChunkPages } = options;
    const { backing = 'bytes' } = options;
    const size = { memoryBytes: pages * PAGE_SIZE, pageSize: PAGE_SIZE, backing };
    const shape = { ...size, vcpus: 1, memslots };
    const managed = options.memoryManager ? { memoryManager: options.memoryManager } : {};
    const planOf = (only: Workload): ReturnType<typeof planMemory> =>
      planMemory({ ...shape, ...managed, dirtyLog, workloads: [only] }, 1);
    const { plan, geometries } = planOf(workload);
    // The destination's vCPU runs but does not write, so that both memories can be compared.
    const reading = planOf({ ...workload, rate: options.readsPerSecond ?? 0, writes: 0 }).plan;
    this.plan = plan;
    const log = {
      kind: dirtyLog,
      ringSize,
      ...(clearChunkPages === undefined ? {} : { clearChunkPages }),
    };
    const [source, target] = [0, 1].map((skewPages) =>
      openGuestSide(createGuestSide(geometries(skewPages), plan, log)),
    ) as [GuestSide, GuestSide];
    this.source = source;
    this.target = target;
    for (const slot of source.memory.slots) writePlan(slot, plan);
    for (const slot of target.memory.slots) writePlan(slot, reading);
    Atomics.store(target.words, PAUSE, 1);
    const contents = [{ firstGfn: 0, pages, kind: 'random' as const, zeroShare }];
    for (const slot of source.memory.slots) fillPages(slot, contents, 1, 0, slot.layout.pages);
    for (const slot of target.memory.slots) fillDestination(slot.ram);
    const { ringBytes = { forward: 4 * MIB, backward: MIB } } = options;
    this.forward = createRing(ringBytes.forward);
    this.backward = createRing(ringBytes.backward);
    const ends = { clock: this.clock, bytesPerSecond, latencyNs };
    const { forward, backward } = this;
    const shared = createLine();
    this.line = new Line(shared, [forward, backward]);
    this.near = ringLink({
      ...ends,
      outgoing: forward,
      incoming: backward,
      peerDoorbell: target.doorbell,
      line: { shared, side: 'near' },
    });
    this.far = ringLink({
      ...ends,
      outgoing: backward,
      incoming: forward,
      peerDoorbell: source.doorbell,
      line: { shared, side: 'far' },
    });
    const { recoverWithinNs = 60e9 } = options;
    this.#recovery =
      'recoverWithinNs' in options && options.recoverWithinNs === undefined
        ? {}
        : { recoverWithinNs };
    this.#devices = options.devices ? { devices: options.devices } : {};
    this.sourceGuest = new SharedSourceGuest(source, this.plan, this.clock);
    this.targetGuest = new SharedDestinationGuest(target, this.plan, this.targetClock);
    this.#vcpus = [
      new FakeVcpu(source, plan, this.clock),
      new FakeVcpu(target, reading, this.targetClock),
    ];
    this.side = {
      clock: this.clock,
      link: this.near,
      guest: this.sourceGuest,
      options: {
        integrity: 'full',
        encodings: ['zero'],
        linkBytesPerSecond: bytesPerSecond,
        linkLatencyNs: latencyNs,
        postcopyBytesPerSecond: Infinity,
        maxBytesPerSecond: Infinity,
        strictRate: false,
        timeoutNs: 60e9,
        ...this.#recovery,
        ...this.#devices,
        ...options.options,
      },
    };
  }

  /** How many faults the destination's vCPU has taken. */
  get faults(): number {
    return this.#vcpus[1].faults;
  }

  /** Stops the destination's engine for ever and closes its end of the link. */
  killDestination(): void {
    this.#isDestinationDead = true;
    closeRing(this.backward);
  }

  /** Returns the source's half alone; another plays the destination over `far`. */
  sourceHalf(algorithm: Algorithm<SourceReport>): Half<SourceReport> {
    const parts = { clock: this.clock, link: this.near };
    return this.#half(algorithm, parts, () => this.sourceGuest.isSettled());
  }

  /** Returns the destination's half alone; another plays the source over `near`. */
  destinationHalf(): Half<DestinationReport> {
    const link = this.#aheadNs === 0 ? this.far : aheadLink(this.far, this.#aheadNs);
    const parts = { clock: this.targetClock, link };
    const side = { ...parts, guest: this.targetGuest, ...this.#recovery, ...this.#devices };
    return this.#half(destination(side), parts, () => this.targetGuest.isSettled());
  }

  /** Runs both halves to their ends. The destination's report is absent when it would wait for ever. */
  play(algorithm: Algorithm<SourceReport>): {
    source: SourceReport;
    destination?: DestinationReport;
  } {
    const halves = { source: this.sourceHalf(algorithm), destination: this.destinationHalf() };
    let isClosed = false;
    for (let turn = 0; turn < 1e6; turn++) {
      const nearNs = halves.source.go();
      const farNs = this.#isDestinationDead ? Infinity : halves.destination.go() - this.#aheadNs;
      const nextNs = Math.min(nearNs, farNs);
      if (halves.source.result && !isClosed) {
        // The destination notices that the source is gone when it has read what is under way.
        isClosed = true;
        closeRing(this.forward);
        continue;
      }
      if (halves.source.result && (halves.destination.result || nextNs === Infinity)) {
        return {
          source: halves.source.result,
          ...(halves.destination.result ? { destination: halves.destination.result } : {}),
        };
      }
      if (halves.source.result && nextNs > this.clock.ns + 100e9) {
        return { source: halves.source.result };
      }
      this.passTime(nextNs);
    }
    throw new Error('the migration does not end');
  }

  #half<Result>(
    algorithm: Algorithm<Result>,
    { clock, link }: { readonly clock: Clock; readonly link: Link },
    isGuestSettled: () => boolean,
  ): Half<Result> {
    const parts = { clock, link, isGuestSettled, isCancelled: () => this.isCancelled };
    const driver = new GeneratorDriver(algorithm, parts);
    driver.begin();
    return {
      get result(): Result | undefined {
        return driver.result;
      },
      go: (): number => {
        while (!driver.isOver) {
          for (const vcpu of this.#vcpus) vcpu.poll();
          if (this.sourceGuest.savedState) this.frozen ??= ramOf(this.source);
          if (!driver.step(clock.now())) break;
        }
        return driver.untilNs;
      },
    };
  }

  /** Lets time pass until then, but at most 1 ms and at least 1 ns. */
  passTime(untilNs: number): void {
    const next = Math.max(this.clock.ns + 1, Math.min(untilNs, this.clock.ns + 1e6));
    for (const vcpu of this.#vcpus) vcpu.run(next - this.clock.ns);
    this.clock.ns = next;
    this.onTime(this);
  }
}

/**
 * A vCPU without a thread. When time passes, it polls and then makes the accesses that are due. When it
 * faults, it requests the page and makes no accesses until the page is there.
 */
class FakeVcpu {
  /** How many pages the vCPU has waited for and got. */
  faults = 0;
  readonly #guestSide: GuestSide;
  readonly #core: VcpuCore;
  readonly #handshake: WriterHandshake;
  readonly #clock: Clock;
  /** Index of the word that counts how many accesses of its one workload are due. */
  readonly #owedAt: number;
  #wanted = -1;

  constructor(guestSide: GuestSide, fullPlan: FullPlan, clock: Clock) {
    const { memory, words, area, doorbell, log, rings } = guestSide;
    const handshake = new WriterHandshake(words, 1, doorbell);
    const marks = marksOf(log.kind, 1, rings);
    // The memory manager does nothing by itself.
    const { manager: _manager, ...plan } = fullPlan;
    const parts = { vcpu: 0, plan, memory, words, area, handshake, marks };
    this.#guestSide = guestSide;
    this.#clock = clock;
    this.#handshake = handshake;
    this.#owedAt = paceAt(plan, 0, 0);
    this.#core = new VcpuCore({ ...parts, layers: [], countsFresh: false });
  }

  /** Answers the engine. The vCPU is parked between two polls, which answers the engine at any time. */
  poll(): boolean {
    const isRunning = this.#handshake.sleep(0);
    if (isRunning && this.#handshake.hasBeenResumed()) {
      this.#guestSide.area[RESUMED_NS] = this.#clock.now();
      this.#handshake.reportRunning();
    }
    return isRunning;
  }

  run(ns: number): void {
    if (!this.poll()) return;
    const core = this.#core;
    if (!this.#isGranted()) {
      core.stall(ns);
      return;
    }
    core.pass(ns);
    let end: BatchEnd = 'made';
    while (end === 'made') end = core.next(ACCESS_BATCH);
    if (end === 'gated') this.#want();
  }

  #want(): void {
    const { words, area } = this.#guestSide;
    const { slot } = this.#core.stream!;
    const { page } = this.#core;
    // Of the accesses that are due, only the one that faulted is made later; the others are dropped.
    area[this.#owedAt] = Math.min(1, area[this.#owedAt]!);
    const gfn = slot.layout.firstGfn + page;
    faultSteps.want(words, 1, gfn);
    if (faultSteps.isPresent(gateBytes(slot), page)) faultSteps.drop(words, 1);
    else this.#wanted = gfn;
  }

  /** True when the vCPU waits for no page, or its page has come. */
  #isGranted(): boolean {
    if (this.#wanted < 0) return true;
    if (Atomics.load(this.#guestSide.words, wantedOf(1)) !== 0) return false;
    this.#expectFilled(this.#wanted);
    this.#wanted = -1;
    this.faults++;
    return true;
  }

  /** Throws when a page was granted while it still held the destination's filler. */
  #expectFilled(gfn: number): void {
    const { layout, ram } = slotOf(this.#guestSide.memory, gfn);
    const at = (gfn - layout.firstGfn) * layout.storedBytes;
    const stored = ram.subarray(at, at + layout.storedBytes);
    const isFiller = stored.every((b) => b === DESTINATION_FILLER);
    if (isFiller) throw new Error(`page ${gfn} was granted before its bytes came`);
  }
}

/** Returns a copy of all RAM of a guest, slot after slot. */
export function ramOf(guestSide: GuestSide): Uint8Array {
  return Buffer.concat(guestSide.memory.slots.map(({ ram }) => ram));
}

/** Returns how many accesses a guest has made on one side. */
export function accessesOf(guestSide: GuestSide): number {
  return guestSide.memory.slots.reduce((sum, slot, index) => sum + readAccesses(slot, index), 0);
}
