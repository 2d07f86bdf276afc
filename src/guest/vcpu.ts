import type { Clock } from '../clock/clock.ts';
import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { PARTIAL } from '../memory/handshake/words.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import { ACCESS_READ_BIT } from '../memory/kernels/abi.ts';
import { PageWaiter } from '../memory/presence/page-waiter.ts';
import { access, roomFor } from './access.ts';
import { type FaultLog, FaultRecorder } from './faults.ts';
import { type Group, made, noteReferences, openGroups, POLL_BYTES, type Stream } from './groups.ts';
import { MemoryManager } from './memory-manager.ts';
import type { GuestPlan } from './stream-plan.ts';
import {
  ALIVE_NS,
  BLOCKED_NS,
  FAULTS,
  GAP_NS,
  GUEST_NS,
  LAG_NS,
  PAUSED_NS,
  REQUESTED_NS,
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
  readonly #groups: readonly Group[];
  readonly #at: number;
  readonly #pages: PageWaiter;
  readonly #faults = new FaultRecorder();
  readonly #manager: MemoryManager | undefined;
  #lastNs = 0;
  #turn = 0;
  #ranNs = 0;

  constructor(parts: VcpuParts) {
    const { vcpu, plan, memory, area, handshake, words } = parts;
    this.#parts = parts;
    this.#at = vcpuAreaAt(plan, vcpu);
    this.#pages = new PageWaiter(memory, words, handshake);
    this.#groups = openGroups({ vcpu, plan, memory, area }, handshake.local.writer);
    if (plan.manager) this.#manager = new MemoryManager(parts);
  }

  run(): VcpuEnd {
    this.#live();
    return { faults: this.#faults.log(), zeroings: this.#manager?.log ?? [] };
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
      const step = this.#manage() ?? this.#runOneBatch();
      if (step === 'made') isRunning = handshake.poll();
      else if (step === 'idle') isRunning = this.#sleepUntilDue();
      else isRunning = step === 'running';
    }
  }

  /** Guest time since the last look: what is due grows by it. */
  #passTime(nowNs: number): void {
    const { area } = this.#parts;
    const passedNs = nowNs - this.#lastNs;
    const guestNs = area[this.#at + GUEST_NS]!;
    for (const group of this.#groups) {
      group.pacer.advance(guestNs, guestNs + passedNs);
      group.pacer.forgetLag(made(group.streams[0]!));
    }
    area[this.#at + GUEST_NS] = guestNs + passedNs;
    area[this.#at + ALIVE_NS] = nowNs;
    if (passedNs > area[this.#at + LAG_NS]!) area[this.#at + LAG_NS] = passedNs;
    this.#ranNs += passedNs;
    this.#lastNs = nowNs;
  }

  /** What the memory manager has to do, a batch at a time; undefined when that is nothing. */
  #manage(): Step | undefined {
    const manager = this.#manager;
    if (!manager) return undefined;
    const guestNs = this.#parts.area[this.#at + GUEST_NS]!;
    manager.attend();
    if (manager.nextNs() <= guestNs) manager.tick(guestNs);
    if (!manager.owes) return undefined;
    const room = this.#room();
    if (room === 0) return this.#waitForRoom();
    const { pageSize } = this.#parts.memory;
    manager.step(Math.min(room, Math.max(1, Math.floor(POLL_BYTES / pageSize))));
    return 'made';
  }

  /** One batch of the next group that has something due. */
  #runOneBatch(): Step {
    const guestNs = this.#parts.area[this.#at + GUEST_NS]!;
    const groups = this.#groups;
    for (let i = 0; i < groups.length; i++) {
      const group = groups[(this.#turn + i) % groups.length]!;
      const due = Math.min(group.pacer.due(guestNs, made(group.streams[0]!)), group.batch);
      if (due <= 0) continue;
      const { place, most } = group.deal((k) => made(group.streams[k]!));
      const stream = group.streams[place]!;
      const stunAfter = this.#stunAfter();
      const wanted = Math.min(due, most, group.faults.left(stunAfter));
      if (wanted === 0) continue;
      const room = this.#room();
      if (room === 0) return this.#waitForRoom();
      const asked = Math.min(wanted, room);
      stream.slot.kernels.nextGfns(stream.record, asked, stream.list);
      const count = this.#presentOf(stream, asked);
      if (count === 0) return this.#fault(stream);
      this.#manager?.admit(stream.slot, stream.list, count, guestNs);
      noteReferences(stream, count, guestNs, this.#parts.plan.lruScanNs);
      const { marks, handshake } = this.#parts;
      group.faults.had(access(stream, count, marks, handshake.local, stunAfter > 0));
      group.pacer.spend(count);
      this.#turn = (this.#turn + i + 1) % groups.length;
      return 'made';
    }
    return 'idle';
  }

  #room(): number {
    return roomFor(this.#parts.marks, this.#parts.handshake.local);
  }

  /** The first accesses of the list whose pages are all there. */
  #presentOf({ slot, list }: Stream, count: number): number {
    if (Atomics.load(this.#parts.words, PARTIAL) === 0) return count;
    return slot.kernels.countPresent(list, count, slot.layout.presence);
  }

  /** Write faults after which a process waits; 0: there are none, or nobody counts. */
  #stunAfter(): number {
    const { handshake } = this.#parts;
    return handshake.local.mode === 0 ? 0 : handshake.stunAfter();
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

  /** Waits for the page of the list's first access. */
  #fault({ slot, list }: Stream): Step {
    const { area, clock } = this.#parts;
    const page = slot.words[list >>> 2]! & ~ACCESS_READ_BIT;
    if (this.#pages.takeBuffered(slot, page)) {
      this.#faults.minor();
      return 'made';
    }
    const startNs = clock.now();
    const end = this.#pages.waitFor(slot, page, LONGEST_SLEEP_NS / 1e6);
    if (end === 'there') return 'made';
    const endNs = clock.now();
    area[this.#at + BLOCKED_NS]! += endNs - startNs;
    if (end === 'parked') return 'parked';
    area[this.#at + FAULTS]! += 1;
    this.#pages.takeBuffered(slot, page);
    this.#faults.record(startNs, endNs, area[this.#at + REQUESTED_NS]!);
    this.#blocked(endNs - startNs);
    return 'made';
  }

  /** Guest time goes on while the vCPU is blocked; accesses due meanwhile are not made up. */
  #blocked(ns: number): void {
    const { area } = this.#parts;
    this.#miss(ns);
    area[this.#at + GUEST_NS]! += ns;
    this.#lastNs += ns;
    area[this.#at + ALIVE_NS] = this.#lastNs;
  }

  #sleepUntilDue(): boolean {
    const { area, clock, handshake } = this.#parts;
    const guestNs = area[this.#at + GUEST_NS]!;
    let sleepNs = LONGEST_SLEEP_NS;
    for (const { pacer, streams } of this.#groups) {
      sleepNs = Math.min(sleepNs, pacer.nextDueInNs(guestNs, made(streams[0]!)));
    }
    if (this.#manager) sleepNs = Math.min(sleepNs, this.#manager.nextNs() - guestNs);
    sleepNs = Math.max(sleepNs, SHORTEST_SLEEP_NS);
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
    this.#miss(nowNs - stoppedNs);
  }

  #miss(gapNs: number): void {
    const guestNs = this.#parts.area[this.#at + GUEST_NS]!;
    for (const { pacer } of this.#groups) pacer.missed(guestNs, gapNs);
  }
}
