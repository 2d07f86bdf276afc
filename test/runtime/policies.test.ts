import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KUBEVIRT_DEFAULTS } from '../../src/migration/policies/kubevirt.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

let pool: WorkerPool;
beforeAll(() => {
  pool = new WorkerPool(2 + 2 * 2);
});
afterAll(() => pool.destroy());

const play = (config: RunConfig): Promise<RunReport> =>
  config.runtime === 'virtual' ? runVirtual(config) : runThreads(config, { pool });

describe.each(['threads', 'virtual'] as const)('every policy in %s', (runtime) => {
  it.each<[string, Partial<RunConfig['migration']>, Partial<RunConfig['guest']>?]>([
    ['rounds', { policy: 'rounds', rounds: 2 }],
    ['qemu', { policy: 'qemu' }],
    ['qemu 7.2', { policy: 'qemu', qemuVersion: '7.2', maxBytesPerSecond: 40e6 }],
    ['xen', { policy: 'xen' }],
    ['clark2005', { policy: 'clark2005' }],
    ['xen3', { policy: 'xen3' }],
    ['cloud-hypervisor', { policy: 'cloud-hypervisor' }],
    ['sdps', { policy: 'sdps' }],
    [
      'a stall detector',
      { policy: 'qemu', manager: 'kubevirt-stall', kubevirt: KUBEVIRT_DEFAULTS },
    ],
    [
      'a dirty limit',
      { policy: 'qemu', dirtyLimit: { quotaMiB: 1, periodMs: 20, ringEntries: 1024 } },
      { dirtyLog: 'ring', dirtyRingSize: 1024 },
    ],
  ])('%s completes, proved', async (_, migration, guest = {}) => {
    const report = await play(smallRun({ runtime, guest, migration }));
    expect(report.source.outcome, report.source.error).toBe('completed');
    expect(report.proof).toMatchObject({ ok: true });
  });
});

describe('stunning', () => {
  it.each([
    ['virtual', 'bitmap'],
    ['virtual', 'bytemap'],
    ['virtual', 'ring'],
    ['threads', 'bitmap'],
    ['threads', 'bytemap'],
    ['threads', 'ring'],
  ] as const)('in %s with a %s leaves each process 40 more pages', async (runtime, dirtyLog) => {
    const config = smallRun({
      runtime,
      guest: { dirtyLog },
      migration: { policy: 'clark2005', stun: { faults: 40, afterRound: 1 }, startMbit: 20 },
    });
    const { source, guest, proof } = await play(config);
    expect(proof).toMatchObject({ ok: true });
    const [first, ...later] = source.rounds;
    const processes = config.guest.workloads.length * config.guest.vcpus;
    expect(first!.dirtiedPages).toBeGreaterThan(80);
    // All later rounds together: who has been stunned writes no more.
    const dirtied = later.reduce((sum, round) => sum + round.dirtiedPages, 0);
    expect(dirtied).toBeGreaterThan(0);
    // In real time vCPUs write on until they hear of it.
    const most = runtime === 'virtual' ? 40 : 80;
    expect(dirtied).toBeLessThanOrEqual(most * processes);
    // It goes on at the destination.
    const atEnd = guest.timeline.findLast(({ ns }) => ns <= source.endNs)!;
    expect(guest.timeline.at(-1)!.accesses).toBeGreaterThan(atEnd.accesses);
  });
});
