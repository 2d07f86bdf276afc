import type { Clock } from '../clock/clock.ts';
import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { GateLayer } from '../memory/gate/gate-layer.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import { ACCESS_BATCH } from '../memory/kernels/abi.ts';
import { PageWaiter } from '../memory/presence/page-waiter.ts';
import { BlockingFaults } from './blocking-faults.ts';
import type { FaultLog } from './faults.ts';
import { POLL_BYTES } from './groups.ts';
import type { GuestPlan } from './stream-plan.ts';
import { VcpuCore } from './vcpu-core.ts';
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

export interface VcpuParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  /** The host's handshake words. */
  readonly words: Int32Array;
  readonly area: Float64Array;
  readonly handshake: WriterHandshake;
  readonly marks: WriterMarks;
  readonly clock: Clock;
  /** Layers of the page gate besides demand faults. */
  readonly layers?: readonly GateLayer[];
}

/** No sleep is shorter: at low rates accesses come a few at a time, and the CPU stays free. */
const SHORTEST_SLEEP_NS = 250_000;
/** Every wait has a bound. */
const LONGEST_SLEEP_NS = 100e6;
/** A throttled vCPU runs this long between two sleeps (QEMU, softmmu/cpu-throttle.c). */
const THROTTLE_RUN_NS = 10e6;

/**
 * What became of a turn. `made`: poll next. `idle`: nothing is due. `running`, `parked`: it waited for
 * room in a ring, and that is what the poll after it said.
 */
type Step = 'made' | 'idle' | 'running' | 'parked';

/** What a vCPU knows when it leaves. */
export interface VcpuEnd {
  readonly faults: FaultLog | undefined;
  /** What its memory manager has zeroed. */
  readonly zeroings: ZeroLog;
}

/** A vCPU: makes its streams' accesses when they are due, polls in between, until it is stopped. */
export function runVcpu(parts: VcpuParts): VcpuEnd {
  return new Vcpu(parts).run();
}

class Vcpu {
  readonly #parts: VcpuParts;
  readonly #core: VcpuCore;
  readonly #at: number;
  readonly #faults: BlockingFaults;
  /** Pages that the balloon takes between two polls. */
  readonly #balloonPages: number;
  #lastNs = 0;
  #ranNs = 0;

  constructor(parts: VcpuParts) {
    const { vcpu, plan, memory, handshake, words, area, clock } = parts;
    this.#parts = parts;
    this.#at = vcpuAreaAt(plan, vcpu);
    this.#faults = new BlockingFaults({
      pages: new PageWaiter(memory, words, handshake),
      clock,
      area,
      at: this.#at,
      longestSleepMs: LONGEST_SLEEP_NS / 1e6,
      onBlocked: (ns) => this.#blocked(ns),
    });
    const layers = [this.#faults, ...(parts.layers ?? [])];
    this.#core = new VcpuCore({ ...parts, layers, countsFresh: false });
    this.#balloonPages = Math.max(1, Math.floor(POLL_BYTES / memory.pageSize));
  }

  run(): VcpuEnd {
    this.#live();
    return { faults: this.#faults.log(), zeroings: this.#core.zeroings };
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

  /** Guest time since the last look: what is due grows by it. */
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

  /** A batch of what the memory manager has to do; when that is nothing, one of accesses. */
  #step(): Step {
    const core = this.#core;
    core.attendManager();
    core.manage(0);
    let end = core.giveBack(this.#balloonPages);
    if (end === 'idle') end = core.next(ACCESS_BATCH);
    if (end === 'full') return this.#waitForRoom();
    if (end !== 'gated') return end;
    // Whatever came of it, the next thing is a poll; what it took has gone by on the clock.
    core.resolve(this.#lastNs);
    return 'made';
  }

  #waitForRoom(): Step {
    const { handshake, marks, clock } = this.#parts;
    const startNs = clock.now();
    const sequence = handshake.wakeSequence();
    if (!marks.ring!.announceStall()) return 'made';
    handshake.ringDoorbell();
    const isRunning = handshake.sleep(LONGEST_SLEEP_NS / 1e6, sequence);
    if (isRunning) this.#blocked(clock.now() - startNs);
    return isRunning ? 'running' : 'parked';
  }

  /** Guest time goes on while the vCPU is blocked; accesses due meanwhile are not made up. */
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
    // Once it is parked by a pause the engine may be reading its state: it changes nothing then.
    if (!handshake.sleep(sleepNs / 1e6)) return false;
    // The planned part of the sleep is no lag: pass it first, what came on top is measured.
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

  /** Sleeps share ÷ (1 − share) of the time it ran, so that exactly 1 − share of it is left. */
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
    // Sleeping too long earns running time: the share holds on average.
    this.#ranNs = Math.max(-THROTTLE_RUN_NS, ((wantedNs - sleptNs) * (1 - share)) / share);
    return true;
  }

  /** Parked by a pause, until resumed (true) or stopped for good (false). */
  #waitForResume(): boolean {
    const { handshake } = this.#parts;
    while (!handshake.waitParked(LONGEST_SLEEP_NS / 1e6)) if (handshake.isStopped()) return false;
    return true;
  }

  /** First thing after a resume, before any access. */
  #goOn(nowNs: number): void {
    const { area, handshake } = this.#parts;
    area[this.#at + RESUMED_NS] = nowNs;
    const aliveNs = area[this.#at + ALIVE_NS]!;
    if (aliveNs > 0) this.#endStop(aliveNs, nowNs);
    area[this.#at + ALIVE_NS] = nowNs;
    this.#lastNs = nowNs;
    handshake.reportRunning();
  }

  /** Accounts for a stop: a vCPU that slept when the pause came had lived until the pause. */
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
