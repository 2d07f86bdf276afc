import type { Manager } from './managers.ts';

/**
 * OpenStack nova (virt/libvirt/migration.py, downtime_steps): from a tenth of the limit in ten equal
 * steps to all of it, one every 75 s for each GiB of guest, at least 2 GiB's worth.
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

export interface StallState {
  readonly leastBytes: number;
  readonly sinceMs: number;
  readonly rung: number;
}

/** KubeVirt enhancement 291: 150 to 1050 ms in seven steps, 10 s apart, while nothing gets better. */
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

export interface PollState {
  readonly polledMs: number;
  readonly lastBytes: number;
  readonly stuck: number;
  readonly limitMs: number;
}

/**
 * Proxmox (PVE::QemuMigrate): looks every 2 s; when what remains has not shrunk for more than five
 * looks, the downtime limit, 100 ms at first, is doubled.
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
