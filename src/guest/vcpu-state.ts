import type { GuestMemory } from '../memory/guest-memory.ts';
import { PACE_DOUBLES } from './pacing.ts';
import type { GuestPlan } from './stream-plan.ts';
import { readProgress, type StreamProgress, writeProgress } from './stream-record.ts';

/**
 * What a vCPU keeps beside its stream records, in doubles of a shared area of its host: a vCPU
 * writes it, the engine reads it while the vCPU is parked. Times are the run's clock.
 *
 *   0  guest time, ns: stops don't count
 *   1  last sign of life while it ran
 *   2  when it was last resumed
 *   3  its largest gap over a stop: from the last sign of life before to the first one after
 *   4  its largest other lag, which is the scheduler's doing
 *   5  when the engine last asked it to pause (the engine's to write)
 *   6  1 while it sleeps for a throttle
 *   7  time it has been blocked by demand faults
 *   8  demand faults that it has taken
 *   9  when the page it waits for was last requested (the engine's to write)
 *  10  guest time up to which its memory manager has done what was due
 *  11  guest time before which the balloon does not inflate
 *  12  pages that the balloon has yet to take
 *  13  pages that it has taken, 14 that it has given up again, 15 in how many callbacks
 *  16  page cache dropped, 17 read again
 *  18  free pages that the balloon has yet to take in exchange for others
 *  24… pacing state of the guest's streams
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
/** What of it belongs to the memory manager's state. */
const MANAGER_STATE = [MANAGER_SEEN_NS, BALLOON_HOLD_NS, BALLOON_OWED, BALLOON_EXCHANGE] as const;

export function vcpuAreaDoubles(plan: GuestPlan): number {
  return Math.ceil((FIRST_STREAM + PACE_DOUBLES * plan.streams.length) / 8) * 8;
}

export const vcpuAreaAt = (plan: GuestPlan, vcpu: number): number => vcpu * vcpuAreaDoubles(plan);

export const paceAt = (plan: GuestPlan, vcpu: number, stream: number): number =>
  vcpuAreaAt(plan, vcpu) + FIRST_STREAM + PACE_DOUBLES * stream;

export function createVcpuArea(plan: GuestPlan): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.max(1, plan.vcpus) * vcpuAreaDoubles(plan) * 8);
}

export interface StreamState extends StreamProgress {
  readonly stream: number;
  readonly pace: readonly number[];
}

/** The state of a vCPU that moves with a migration. */
export interface VcpuState {
  readonly guestNs: number;
  readonly aliveNs: number;
  readonly pausedNs: number;
  readonly throttled: number;
  /** Of its memory manager, in the order of the fields above. */
  readonly manager: readonly number[];
  readonly streams: readonly StreamState[];
}

/** Notes for every vCPU when it was asked to pause; before the pause is stored. */
export function notePause(area: Float64Array, plan: GuestPlan, nowNs: number): void {
  for (let vcpu = 0; vcpu < plan.vcpus; vcpu++) area[vcpuAreaAt(plan, vcpu) + PAUSED_NS] = nowNs;
}

/** Reads the state of every vCPU; only while all are parked. */
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

/** Why a state doesn't fit a guest, undefined when it does. A peer's state is checked before it is loaded. */
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

/** Loads a state that `stateMismatch` has passed; only while all vCPUs are parked. */
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
