import type { Manager } from './managers.ts';

/**
 * OpenStack nova (virt/libvirt/migration.py, downtime_steps) raises the downtime limit from a tenth to the
 * whole in ten equal steps. A step lasts 75 s for each GiB of the guest, of which at least 2 are counted.
 */
export function novaLadder(limitMs: number, guestBytes: number): Manager<null> {
  const steps = 10;
  const delayMs = 75_000 * Math.max(2, guestBytes / 2 ** 30);
  const base = limitMs / steps;
  const offset = (limitMs - base) / steps;
  return {
    name: 'nova',
    initial: null,
    step: (state, { nowMs }) => {
      const step = Math.min(steps, Math.floor(nowMs / delayMs));
      return { state, limitMs: Math.floor(base + offset * step) };
    },
  };
}

/** The state of `kubevirtLadder`. */
export interface StallState {
  /** The fewest bytes that have remained so far. */
  readonly leastBytes: number;
  /** When that was, or when the ladder took its last step. */
  readonly sinceMs: number;
  /** The number of steps taken. */
  readonly rung: number;
}

/**
 * KubeVirt's enhancement 291 sets the downtime limit to one of seven values from 150 to 1050 ms, the next
 * one whenever the remaining bytes have reached no new low for 10 s.
 */
export const kubevirtLadder: Manager<StallState> = {
  name: 'kubevirt',
  initial: { leastBytes: Infinity, sinceMs: 0, rung: 0 },
  step(before, { nowMs, remainingBytes }) {
    const coolDownMs = 10_000;
    const isBetter = remainingBytes < before.leastBytes;
    const leastBytes = Math.min(before.leastBytes, remainingBytes);
    const isStalled = !isBetter && nowMs - before.sinceMs >= coolDownMs;
    const state = isBetter
      ? { leastBytes, sinceMs: nowMs, rung: before.rung }
      : isStalled
        ? { leastBytes, sinceMs: nowMs, rung: Math.min(6, before.rung + 1) }
        : before;
    return { state, limitMs: 150 + 150 * state.rung };
  },
};

/** The state of `proxmoxLadder`. */
export interface PollState {
  /** When it looked last. */
  readonly polledMs: number;
  /** The bytes that remained then. */
  readonly lastBytes: number;
  /** The number of looks without progress since the limit was doubled last. */
  readonly stuck: number;
  readonly limitMs: number;
}

/**
 * Proxmox (PVE::QemuMigrate) looks every 2 s. Its downtime limit is 100 ms at first and is doubled once the
 * remaining bytes have not shrunk at more than five looks.
 */
export const proxmoxLadder: Manager<PollState> = {
  name: 'proxmox',
  initial: { polledMs: 0, lastBytes: Infinity, stuck: 0, limitMs: 100 },
  step(before, { nowMs, remainingBytes }) {
    if (nowMs - before.polledMs < 2000) return { state: before, limitMs: before.limitMs };
    const stuck = remainingBytes >= before.lastBytes ? before.stuck + 1 : before.stuck;
    const isOver = stuck > 5;
    const limitMs = isOver ? before.limitMs * 2 : before.limitMs;
    const state = {
      polledMs: nowMs,
      lastBytes: remainingBytes,
      stuck: isOver ? 0 : stuck,
      limitMs,
    };
    return { state, limitMs };
  },
};
