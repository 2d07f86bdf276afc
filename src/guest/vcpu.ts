import type { Clock } from '../clock/clock.ts';
import type { MarkTarget } from '../memory/dirty-logs/dirty-log.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import { ACCESS_BATCH, MARK_NONE } from '../memory/kernels/abi.ts';
import { accessListAt, streamAt } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { Pacer } from './pacing.ts';
import type { GuestPlan } from './stream-plan.ts';
import { readAccesses } from './stream-record.ts';
import {
  ALIVE_NS,
  GAP_NS,
  GUEST_NS,
  LAG_NS,
  paceAt,
  PAUSED_NS,
  RESUMED_NS,
  THROTTLED,
  vcpuAreaAt,
} from './vcpu-state.ts';

export interface VcpuParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly slot: Memslot;
  readonly area: Float64Array;
  readonly handshake: WriterHandshake;
  readonly marks: MarkTarget;
  readonly clock: Clock;
}

/** The most bytes a vCPU writes between two polls. */
const POLL_BYTES = 65536;
/** No sleep is shorter: at low rates accesses come a few at a time, and the CPU stays free. */
const SHORTEST_SLEEP_NS = 250_000;
/** Every wait has a bound. */
const LONGEST_SLEEP_NS = 100e6;
/** A throttled vCPU runs this long between two sleeps (QEMU, softmmu/cpu-throttle.c). */
const THROTTLE_RUN_NS = 10e6;

interface Stream {
  readonly record: number;
  readonly index: number;
  readonly pacer: Pacer;
  readonly batch: number;
}

/** A vCPU: makes its streams' accesses when they are due, polls in between, until it is stopped. */
export function runVcpu(parts: VcpuParts): void {
  new Vcpu(parts).run();
}

class Vcpu {
  readonly #parts: VcpuParts;
  readonly #streams: readonly Stream[];
  readonly #at: number;
  readonly #list: number;
  #lastNs = 0;
  #turn = 0;
  #ranNs = 0;

  constructor(parts: VcpuParts) {
    const { vcpu, plan, slot, area, handshake } = parts;
    this.#parts = parts;
    this.#at = vcpuAreaAt(plan, vcpu);
    this.#list = accessListAt(slot.layout, handshake.local.writer);
    this.#streams = plan.streams.flatMap((stream, index) => {
      if (stream.vcpu !== vcpu) return [];
      const bytes = plan.workloads[stream.workload]!.wordsPerPage * 8;
      return [
        {
          index,
          record: streamAt(slot.layout, index),
          pacer: new Pacer(stream.pace, area, paceAt(plan, vcpu, index)),
          batch: Math.max(1, Math.min(ACCESS_BATCH, Math.floor(POLL_BYTES / bytes))),
        },
      ];
    });
  }

  run(): void {
    const { handshake, clock } = this.#parts;
    this.#lastNs = clock.now();
    let isRunning = handshake.poll();
    for (;;) {
      if (!isRunning && !this.#waitForResume()) return;
      if (handshake.isStopped()) return;
      if (handshake.hasBeenResumed()) this.#goOn(clock.now());
      this.#passTime(clock.now());
      if (this.#isThrottleDue()) isRunning = this.#sleepThrottled();
      else isRunning = this.#runOneBatch() ? handshake.poll() : this.#sleepUntilDue();
    }
  }

  /** Guest time since the last look: what is due grows by it. */
  #passTime(nowNs: number): void {
    const { area, slot } = this.#parts;
    const passedNs = nowNs - this.#lastNs;
    const guestNs = area[this.#at + GUEST_NS]!;
    for (const stream of this.#streams) {
      stream.pacer.advance(guestNs, guestNs + passedNs, readAccesses(slot, stream.index));
    }
    area[this.#at + GUEST_NS] = guestNs + passedNs;
    area[this.#at + ALIVE_NS] = nowNs;
    if (passedNs > area[this.#at + LAG_NS]!) area[this.#at + LAG_NS] = passedNs;
    this.#ranNs += passedNs;
    this.#lastNs = nowNs;
  }

  /** One batch of the next stream that has something due; false when none has. */
  #runOneBatch(): boolean {
    const { area, slot, marks, handshake } = this.#parts;
    const guestNs = area[this.#at + GUEST_NS]!;
    const { epoch, mode, writer } = handshake.local;
    for (let i = 0; i < this.#streams.length; i++) {
      const stream = this.#streams[(this.#turn + i) % this.#streams.length]!;
      const due = stream.pacer.due(guestNs, readAccesses(slot, stream.index));
      const count = Math.min(due, stream.batch);
      if (count <= 0) continue;
      slot.kernels.nextGfns(stream.record, count, this.#list);
      const mark = mode === 0 ? MARK_NONE : marks.mark;
      slot.kernels.touch(stream.record, count, this.#list, mark, marks.mapOf(writer, epoch));
      stream.pacer.spend(count);
      this.#turn = (this.#turn + i + 1) % this.#streams.length;
      return true;
    }
    return false;
  }

  #sleepUntilDue(): boolean {
    const { area, slot, clock, handshake } = this.#parts;
    const guestNs = area[this.#at + GUEST_NS]!;
    let sleepNs = LONGEST_SLEEP_NS;
    for (const { pacer, index } of this.#streams) {
      sleepNs = Math.min(sleepNs, pacer.nextDueInNs(guestNs, readAccesses(slot, index)));
    }
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
    this.#sleptThrottled(sleptNs);
    // Sleeping too long earns running time: the share holds on average.
    this.#ranNs = Math.max(-THROTTLE_RUN_NS, ((wantedNs - sleptNs) * (1 - share)) / share);
    return true;
  }

  #sleptThrottled(sleptNs: number): void {
    const { area } = this.#parts;
    this.#miss(sleptNs);
    area[this.#at + GUEST_NS]! += sleptNs;
    this.#lastNs += sleptNs;
    area[this.#at + ALIVE_NS] = this.#lastNs;
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
      this.#sleptThrottled(stoppedNs - aliveNs);
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
    for (const { pacer } of this.#streams) pacer.missed(guestNs, gapNs);
  }
}
