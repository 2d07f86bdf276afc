import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/runtime/config.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

/** A guest whose vCPUs have one stream each, in the runtime `virtual`. */
function lone(
  workload: Partial<RunConfig['guest']['workloads'][number]>,
  changes: Parameters<typeof smallRun>[0] = {},
): RunConfig {
  const [own] = smallRun().guest.workloads;
  const guest = { workloads: [{ ...own!, ...workload }], ...changes.guest };
  return smallRun({ ...changes, runtime: 'virtual', guest });
}

/** A guest that scans for references makes its batches one by one; a scan itself takes no time. */
const oneByOne = (config: RunConfig): RunConfig => ({
  ...config,
  guest: { ...config.guest, lruScanNs: 1e9 },
});

const throttled = {
  migration: {
    policy: 'qemu',
    autoConverge: { trigger: 0.01, initial: 0.5, increment: 0.1, max: 0.9, tailSlow: false },
    downtimeLimitNs: 1e6,
    timeoutNs: 1e9,
  },
} as const;

describe('the batches of a vCPU with one stream, which a kernel makes in a row', () => {
  it.each<[string, RunConfig]>([
    ['at a rate', lone({})],
    ['as many as possible', lone({ rate: Infinity })],
    ['in ticks, beyond what a vCPU can do', lone({ rate: 30e6, tickNs: 1e6 })],
    ['with a throttle', lone({ rate: Infinity }, throttled)],
    ['with the dirty log atomic', lone({ rate: Infinity }, { guest: { dirtyLog: 'atomic' } })],
    ['with the dirty log bytemap', lone({ rate: Infinity }, { guest: { dirtyLog: 'bytemap' } })],
    ['with versions', lone({ rate: Infinity, writes: 0.5 }, { guest: { backing: 'versions' } })],
  ])('are those that it makes one by one: %s', async (_, config) => {
    const inARow = await runVirtual(config);
    const { guest, source, proof } = await runVirtual(oneByOne(config));
    expect(proof!.ok).toBe(true);
    expect(guest.timeline.at(-1)!.accesses).toBeGreaterThan(100);
    expect(inARow.source).toEqual(source);
    expect(inARow.guest).toEqual(guest);
    expect(inARow.proof).toEqual(proof);
  });
});
