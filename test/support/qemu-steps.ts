import { type QemuOptions, qemuPolicy } from '../../src/migration/policies/qemu.ts';
import type { PolicyStep } from './policy-steps.ts';

/** Policy `qemu` of QEMU 10 with a downtime limit of 300 ms. */
export const qemu = (more: Partial<QemuOptions> = {}) =>
  qemuPolicy({ version: '10', downtimeLimitMs: 300, ...more });

/** 4096 bytes a millisecond for 100 ms; 300 ms of that are 300 pages. */
export const WINDOW_BYTES = 409_600;

/** A step at which so many windows' bytes have been sent, and far more is left than fits into the limit. */
export const window = (nowMs: number, windows: number, more: PolicyStep = {}): PolicyStep => ({
  event: 'window',
  nowMs,
  accountedBytes: windows * WINDOW_BYTES,
  pendingPages: 9000,
  ...more,
});

/** A harvest after which as much is left. */
export const synced = (nowMs: number, more: PolicyStep = {}): PolicyStep => ({
  event: 'synced',
  nowMs,
  pendingPages: 9000,
  ...more,
});
