import type { Clock } from '../clock/clock.ts';
import type { GateLayer } from '../memory/gate/gate-layer.ts';
import { ACCESS_BATCH } from '../memory/kernels/abi.ts';
import { PageWaiter } from '../memory/presence/page-waiter.ts';
import { BlockingFaults } from './blocking-faults.ts';
import type { FaultLog } from './faults.ts';
import type { BalloonHost, GuestDisk } from './guest-disk.ts';
import { POLL_BYTES } from './groups.ts';
import type { MemoryManager } from './memory-manager.ts';
import { VcpuCore, type VcpuSite } from './vcpu-core.ts';
import {
  ALIVE_NS,
  GAP_NS,
  LAG_NS,
  PAUSED_NS,
  RESUMED_NS,
  THROTTLED,
  vcpuAreaAt,
} from './vcpu-state.ts';
import type { ZeroLog } from './zeroing.ts';

export interface VcpuParts extends VcpuSite {
  readonly clock: Clock;
  /** Layers of the page gate besides demand faults. */
  readonly layers?: readonly GateLayer[];
  /** The host of the guest, if it is overcommitted. */
  readonly host?: VcpuHosting;
  /** How often the vCPU checks for a page that it waits for before it sleeps; the default suits any machine. */
  readonly pageSpins?: number;
}

/** What an overcommitted host has to do with a vCPU in a thread. */
export interface VcpuHosting extends BalloonHost {
  /** Moves the vCPU's part of the guest's balloon towards its target, at a time of the guest. */
  attend(manager: MemoryManager, guestNs: number): void;
  /** Blocks after the vCPU's last access until the host has put the guest's pages back. */
  leave(): void;
}

/** The shortest sleep. Thanks to it a vCPU makes a few accesses at a time at low rates, and leaves the CPU free. */
const SHORTEST_SLEEP_NS = 250_000;
/** The longest sleep, so that a vCPU never waits for ever. */
const LONGEST_SLEEP_NS = 100e6;
/** How long a throttled vCPU runs between two sleeps (QEMU, softmmu/cpu-throttle.c). */
const THROTTLE_RUN_NS = 10e6;

/**
 * The outcome of a step. `made`: something was done, so that a poll comes next. `idle`: nothing is due. `running` and
 * `parked`: the vCPU has waited for room in its ring, and the poll after that has said that it may run or is paused.
 */
type Step = 'made' | 'idle' | 'running' | 'parked';

/** What a vCPU returns when it ends. */
export interface VcpuEnd {
  readonly faults: FaultLog | undefined;
  /** What its memory manager has zeroed on this side. */
  readonly zeroings: ZeroLog;
  /** What it has paged to the guest's own disk, if a host drives the guest's balloon. */
  readonly disk?: GuestDisk['counts'] | undefined;
}

/** Runs a vCPU in this thread: makes its accesses when they are due and polls in between, until it is stopped. */
export function runVcpu(parts: VcpuParts): VcpuEnd {
  return new Vcpu(parts).run();
}

class Vcpu {
  readonly #parts: VcpuParts;
  readonly #core: VcpuCore;
  readonly #at: number;
  readonly #faults: BlockingFaults;
  /** The most pages that the balloon takes between two polls: a part of a page when the pages are larger. */
  readonly #balloonPages: number;
  #lastNs = 0;
  #ranNs = 0;

  constructor(parts: VcpuParts) {
    const { vcpu, plan, memory, handshake, words, area, clock } = parts;
    this.#parts = parts;
    this.#at = vcpuAreaAt(plan, vcpu);
    this.#faults = new BlockingFaults({
      pages: new PageWaiter(memory, words, handshake, parts.pageSpins),
      clock,
      area,
      at: this.#at,
      longestSleepMs: LONGEST_SLEEP_NS / 1e6,
      onBlocked: (ns) => this.#blocked(ns),
    });
    const layers = [this.#faults, ...(parts.layers ?? [])];
    this.#core = new VcpuCore({ ...parts, layers, countsFresh: false });
    // A host that takes the pages itself takes whole ones.
    const pages = POLL_BYTES / memory.pageSize;
    this.#balloonPages = parts.host ? Math.max(1, pages) : pages;
  }

  run(): VcpuEnd {
    const { manager, zeroings } = this.#core;
    this.#live();
    this.#parts.host?.leave();
    manager?.disk?.restore();
    return { faults: this.#faults.log(), zeroings, disk: manager?.disk?.counts };
  }

  #live(): void {
    const { handshake, clock } = this.#parts;
    this.#lastNs = clock.now();
    let isRunning = handshake.poll();
    for (;;) {
      if (!isRunning && !this.#waitForResume()) return;
      if (handshake.isStopped()) return;
      if (handshake.hasBeenResumed()) this.#goOn(clock.now());
      this.#passTime(clock.now());
      if (this.#isThrottleDue()) {
        isRunning = this.#sleepThrottled();
        continue;
      }
      const step = this.#step();
      if (step === 'made') isRunning = handshake.poll();
      else if (step === 'idle') isRunning = this.#sleepUntilDue();
      else isRunning = step === 'running';
    }
  }

  /** Lets the guest time since the last call pass, so that more accesses are due. */
  #passTime(nowNs: number): void {
    const { area } = this.#parts;
    const passedNs = nowNs - this.#lastNs;
    this.#core.pass(passedNs);
    this.#core.forgetLag();
    area[this.#at + ALIVE_NS] = nowNs;
    if (passedNs > area[this.#at + LAG_NS]!) area[this.#at + LAG_NS] = passedNs;
    this.#ranNs += passedNs;
    this.#lastNs = nowNs;
  }

  /** Does one batch of what the memory manager has to do or, when that is nothing, of accesses. */
  #step(): Step {
    const core = this.#core;
    core.attendManager();
    core.manage(0);
    if (core.manager) this.#parts.host?.attend(core.manager, core.guestNs);
    let end = core.giveBack(this.#balloonPages);
    if (end === 'idle') end = core.sendHint() ? 'made' : core.next(ACCESS_BATCH);
    if (end === 'full') return this.#waitForRoom();
    if (end !== 'gated') return end;
    // A poll comes next, whatever the result. The time that it took has gone by on the clock already.
    const { clock, layers } = this.#parts;
    const startNs = clock.now();
    core.resolve(this.#lastNs);
    // Demand faults account for their time themselves, but other layers don't.
    if (layers) this.#blocked(clock.now() - startNs);
    return 'made';
  }

  #waitForRoom(): Step {
    const { handshake, marks, clock } = this.#parts;
    const startNs = clock.now();
    if (!marks.ring!.announceStall()) return 'made';
    handshake.ringDoorbell();
    const isRunning = handshake.sleep(LONGEST_SLEEP_NS / 1e6);
    if (isRunning) this.#blocked(clock.now() - startNs);
    return isRunning ? 'running' : 'parked';
  }

  /** Lets guest time pass for which the vCPU was throttled or blocked. */
  #blocked(ns: number): void {
    const { area } = this.#parts;
    this.#core.stall(ns);
    this.#lastNs += ns;
    area[this.#at + ALIVE_NS] = this.#lastNs;
  }

  #sleepUntilDue(): boolean {
    const { area, clock, handshake } = this.#parts;
    const nextNs = Math.min(this.#core.untilDueNs(), this.#core.untilManagedNs());
    const sleepNs = Math.max(Math.min(nextNs, LONGEST_SLEEP_NS), SHORTEST_SLEEP_NS);
    // After a pause has parked it the engine may be reading its state, so it must not change it.
    if (!handshake.sleep(sleepNs / 1e6)) return false;
    // The planned part of the sleep passes first and is no lag; the time beyond it is measured as lag.
    const planned = Math.min(sleepNs, clock.now() - this.#lastNs);
    const lag = area[this.#at + LAG_NS]!;
    this.#passTime(this.#lastNs + planned);
    area[this.#at + LAG_NS] = lag;
    return true;
  }

  #isThrottleDue(): boolean {
    if (this.#ranNs < THROTTLE_RUN_NS) return false;
    if (this.#parts.handshake.throttle() > 0) return true;
    this.#ranNs = 0;
    return false;
  }

  /** Sleeps share ÷ (1 − share) times as long as it ran, so that it runs for 1 − share of the time. */
  #sleepThrottled(): boolean {
    const { area, clock, handshake } = this.#parts;
    const share = handshake.throttle();
    const wantedNs = (this.#ranNs * share) / (1 - share);
    const startNs = this.#lastNs;
    let sleptNs = 0;
    area[this.#at + THROTTLED] = 1;
    while (sleptNs < wantedNs) {
      if (!handshake.sleep(Math.min(wantedNs - sleptNs, LONGEST_SLEEP_NS) / 1e6)) return false;
      sleptNs = clock.now() - startNs;
      if (handshake.isStopped()) break;
    }
    area[this.#at + THROTTLED] = 0;
    this.#blocked(sleptNs);
    // If it has slept too long it may run longer next time, so that the share holds on average.
    this.#ranNs = Math.max(-THROTTLE_RUN_NS, ((wantedNs - sleptNs) * (1 - share)) / share);
    return true;
  }

  /** Waits while a pause has it parked; returns true after the resume, false when it is to stop for good. */
  #waitForResume(): boolean {
    const { handshake } = this.#parts;
    while (!handshake.waitParked(LONGEST_SLEEP_NS / 1e6)) if (handshake.isStopped()) return false;
    return true;
  }

  /** Accounts for the stop after a resume, before any access. */
  #goOn(nowNs: number): void {
    const { area, handshake } = this.#parts;
    area[this.#at + RESUMED_NS] = nowNs;
    const aliveNs = area[this.#at + ALIVE_NS]!;
    if (aliveNs > 0) this.#endStop(aliveNs, nowNs);
    area[this.#at + ALIVE_NS] = nowNs;
    this.#lastNs = nowNs;
    handshake.reportRunning();
  }

  /** Accounts for a stop. A vCPU that slept when the pause came counts as alive until the pause. */
  #endStop(aliveNs: number, nowNs: number): void {
    const { area } = this.#parts;
    const stoppedNs = Math.max(aliveNs, area[this.#at + PAUSED_NS]!);
    this.#lastNs = aliveNs;
    if (area[this.#at + THROTTLED] !== 0) {
      area[this.#at + THROTTLED] = 0;
      this.#blocked(stoppedNs - aliveNs);
    } else if (stoppedNs > aliveNs) {
      const lag = area[this.#at + LAG_NS]!;
      this.#passTime(stoppedNs);
      area[this.#at + LAG_NS] = lag;
    }
    area[this.#at + GAP_NS] = Math.max(area[this.#at + GAP_NS]!, nowNs - stoppedNs);
    this.#core.miss(nowNs - stoppedNs);
  }
}
