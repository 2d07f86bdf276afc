import type { GuestMemory } from '../memory/guest-memory.ts';
import { PACE_DOUBLES } from './pacing.ts';
import type { GuestPlan } from './stream-plan.ts';
import { readProgress, type StreamProgress, writeProgress } from './stream-record.ts';

/**
 * The state of a vCPU besides its stream records. It lies in an area of doubles that the threads of the guest's side share: the vCPU
 * writes it, and the engine reads it while the vCPU is parked. Durations and times are in nanoseconds; times that are
 * not guest times are those of the run's clock.
 *
 *   0  guest time, which excludes stops
 *   1  when the vCPU last gave a sign of life while it ran
 *   2  when it last ran on after a resume
 *   3  its longest gap over a stop, from the last sign of life before the stop to the first one after it
 *   4  its longest other gap, for which the scheduler is responsible
 *   5  when the engine last asked it to pause; the engine writes it
 *   6  1 while it sleeps for a throttle, else 0
 *   7  how long demand faults have blocked it
 *   8  how many demand faults it has had
 *   9  when the page for which it waits was last requested; the engine writes it
 *  10  the guest time up to which its memory manager has done what was due
 *  11  the guest time before which the balloon does not inflate
 *  12  the number of pages that the balloon has yet to take
 *  13  the number of pages that the balloon has taken by inflating
 *  14  the number of pages that it has given up by deflating
 *  15  the number of callbacks of memory pressure
 *  16  the number of pages of page cache that were dropped
 *  17  the number of those that were read again
 *  18  the number of free pages that the balloon has yet to take in exchange for others
 *  24  from here on, the pacing state of the guest's streams
 */
export const GUEST_NS = 0;
export const ALIVE_NS = 1;
export const RESUMED_NS = 2;
export const GAP_NS = 3;
export const LAG_NS = 4;
export const PAUSED_NS = 5;
export const THROTTLED = 6;
export const BLOCKED_NS = 7;
export const FAULTS = 8;
export const REQUESTED_NS = 9;
export const MANAGER_SEEN_NS = 10;
export const BALLOON_HOLD_NS = 11;
export const BALLOON_OWED = 12;
export const BALLOON_INFLATED = 13;
export const BALLOON_DEFLATED = 14;
export const BALLOON_CALLBACKS = 15;
export const CACHE_DROPPED = 16;
export const CACHE_MISSES = 17;
export const BALLOON_EXCHANGE = 18;
const FIRST_STREAM = 24;
/** The fields of the memory manager that move with the guest. */
const MANAGER_STATE = [MANAGER_SEEN_NS, BALLOON_HOLD_NS, BALLOON_OWED, BALLOON_EXCHANGE] as const;

/** Returns the number of doubles of one vCPU's part of the area, a whole number of cache lines. */
export function vcpuAreaDoubles(plan: GuestPlan): number {
  return Math.ceil((FIRST_STREAM + PACE_DOUBLES * plan.streams.length) / 8) * 8;
}

/** Returns the index at which a vCPU's part of the area begins. */
export const vcpuAreaAt = (plan: GuestPlan, vcpu: number): number => vcpu * vcpuAreaDoubles(plan);

/** Returns the index at which a stream's pacing state begins in the area. */
export const paceAt = (plan: GuestPlan, vcpu: number, stream: number): number =>
  vcpuAreaAt(plan, vcpu) + FIRST_STREAM + PACE_DOUBLES * stream;

/** Creates the area for all vCPUs of a guest, all zero. */
export function createVcpuArea(plan: GuestPlan): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.max(1, plan.vcpus) * vcpuAreaDoubles(plan) * 8);
}

/** The state of a stream that moves with the guest; `pace` has PACE_DOUBLES numbers. */
export interface StreamState extends StreamProgress {
  readonly stream: number;
  readonly pace: readonly number[];
}

/** The state of a vCPU that moves with the guest. */
export interface VcpuState {
  readonly guestNs: number;
  readonly aliveNs: number;
  readonly pausedNs: number;
  readonly throttled: number;
  /** The state of its memory manager: guest time seen, hold-off, pages owed and pages to exchange, in this order. */
  readonly manager: readonly number[];
  readonly streams: readonly StreamState[];
}

/** Notes for every vCPU that it is asked to pause at `nowNs`; to be called before the pause is stored. */
export function notePause(area: Float64Array, plan: GuestPlan, nowNs: number): void {
  for (let vcpu = 0; vcpu < plan.vcpus; vcpu++) area[vcpuAreaAt(plan, vcpu) + PAUSED_NS] = nowNs;
}

/** Returns the state of every vCPU; to be called only while all are parked. */
export function saveVcpus(memory: GuestMemory, area: Float64Array, plan: GuestPlan): VcpuState[] {
  return Array.from({ length: plan.vcpus }, (_, vcpu) => {
    const at = vcpuAreaAt(plan, vcpu);
    const streams = plan.streams.flatMap(({ vcpu: owner, slot }, stream) => {
      if (owner !== vcpu) return [];
      const pace = paceAt(plan, vcpu, stream);
      return [
        {
          stream,
          ...readProgress(memory.slots[slot]!, stream),
          pace: Array.from(area.subarray(pace, pace + PACE_DOUBLES)),
        },
      ];
    });
    return {
      guestNs: area[at + GUEST_NS]!,
      aliveNs: area[at + ALIVE_NS]!,
      pausedNs: area[at + PAUSED_NS]!,
      throttled: area[at + THROTTLED]!,
      manager: MANAGER_STATE.map((field) => area[at + field]!),
      streams,
    };
  });
}

const isPace = (value: number): boolean => value >= 0 && value <= Number.MAX_SAFE_INTEGER;

/** Says why a state doesn't fit a guest; undefined when it does. A peer's state is checked before it is loaded. */
export function stateMismatch(states: readonly VcpuState[], plan: GuestPlan): string | undefined {
  if (states.length !== plan.vcpus) return `it has ${states.length} vCPUs, the guest ${plan.vcpus}`;
  for (const [vcpu, state] of states.entries()) {
    const own = plan.streams.flatMap((s, i) => (s.vcpu === vcpu ? [i] : []));
    const sent = state.streams.map((s) => s.stream);
    if (own.length !== sent.length || own.some((s, i) => s !== sent[i])) {
      return `vCPU ${vcpu} has other streams than the guest's`;
    }
    if (state.manager.length !== MANAGER_STATE.length || !state.manager.every(isPace)) {
      return `vCPU ${vcpu} has another memory manager`;
    }
    if (state.streams.some((s) => s.pace.length !== PACE_DOUBLES || !s.pace.every(isPace))) {
      return `vCPU ${vcpu} has another pacing state`;
    }
  }
  return undefined;
}

/** Loads states in which `stateMismatch` has found no fault; to be called only while all vCPUs are parked. */
export function loadVcpus(
  memory: GuestMemory,
  area: Float64Array,
  plan: GuestPlan,
  states: readonly VcpuState[],
): void {
  states.forEach((state, vcpu) => {
    const at = vcpuAreaAt(plan, vcpu);
    area[at + GUEST_NS] = state.guestNs;
    area[at + ALIVE_NS] = state.aliveNs;
    area[at + PAUSED_NS] = state.pausedNs;
    area[at + THROTTLED] = state.throttled;
    MANAGER_STATE.forEach((field, i) => (area[at + field] = state.manager[i]!));
    for (const stream of state.streams) {
      const { slot } = plan.streams[stream.stream]!;
      writeProgress(memory.slots[slot]!, stream.stream, stream);
      area.set(stream.pace, paceAt(plan, vcpu, stream.stream));
    }
  });
}
