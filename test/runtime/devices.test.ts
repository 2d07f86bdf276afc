import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/runtime/config.ts';
import { runEvacuation } from '../../src/fleet/evacuation/run.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { device } from '../support/devices.ts';
import { evacuation, virtualRun } from '../support/evacuation.ts';
import { smallRun } from '../support/run-config.ts';

const AROUND = { startTargetNs: 500e6, tunnelNs: 200e6, setupNs: 50e6, cleanupNs: 250e6 };
const resultOf = (report: RunReport) => buildResult({}, report);
const sumOf = (parts: object | undefined): number =>
  Object.values(parts as Record<string, number>).reduce((sum, part) => sum + part, 0);

/** On an ideal machine all of the downtime is the pages', the link's and the devices'. */
const ideal = (changes: Parameters<typeof virtualRun>[0]): RunConfig =>
  virtualRun({
    costs: COST_PROFILES.none,
    link: { bytesPerSecond: 100e6, latencyNs: 0, integrity: 'full' },
    ...changes,
  });

describe('a virtual run with devices', () => {
  const devices = [
    device({ kind: 'machine', stateBytes: 64, saveNs: 7e6, loadNs: 10e6 }),
    device({
      kind: 'vhost-user',
      saveNs: 2e6,
      loadNs: 3e6,
      reconnectNs: 40e6,
      reconnectStops: true,
    }),
    device({ kind: 'virtio-net', stateBytes: 200_000, reconnectNs: 100e6 }),
  ];

  it('rests between the turns of a device that becomes dirty again and again', async () => {
    const busy = device({
      kind: 'vfio',
      stateBytes: 100e6,
      precopyBytes: 1e6,
      dirtyBytesPerSecond: 10e6,
      isPending: true,
    });
    const run = ideal({
      guest: { devices: [busy], workloads: [] },
      migration: { policy: 'qemu', downtimeLimitNs: 10e6, timeoutNs: 2e9 },
    });
    const { source } = await runVirtual(run);
    expect(source.outcome).toBe('diverged');
    // It looks every 10 ms once its pages are sent, and not at every byte.
    expect(source.dirtySyncCount).toBeLessThan(220);
    expect(source.dirtySyncCount).toBeGreaterThan(50);
  });

  it('has the times and bytes of each in its result, and parts that sum to the downtime', async () => {
    const run = ideal({ guest: { devices, workloads: [] }, migration: { rounds: 1 } });
    const result = resultOf(await runVirtual(run));
    expect(result.outcome).toBe('completed');
    expect(result.verify).toMatchObject({ ok: true });
    const { downtimeMs, downtimeParts, outageMs, blackoutMs } = result;
    expect(sumOf(downtimeParts)).toBeCloseTo(downtimeMs!, 6);
    expect(blackoutMs).toBeCloseTo(downtimeMs!, 1);
    // The source saves for 7 ms, then the destination loads for 10 ms while the other two are saved and sent, and
    // for 3 ms what has no state. The link is up to 1 ms behind its sender.
    expect(downtimeParts!.stateMs).toBeGreaterThan(19);
    expect(downtimeParts!.stateMs).toBeLessThan(20.2);
    expect(downtimeParts!.handoverMs).toBeCloseTo(40, 1);
    expect(outageMs! - downtimeMs!).toBeCloseTo(100, 6);
    expect(result.devices!.parts).toMatchObject([
      { kind: 'machine', saveMs: 7, loadMs: 10, reconnectMs: 0, bytes: 64 },
      { kind: 'vhost-user', saveMs: 2, loadMs: 3, reconnectMs: 40, bytes: 0 },
      { kind: 'virtio-net', loadMs: 0, reconnectMs: 100, bytes: 200_000 },
    ]);
    const { transferred, precopyBytes, downtimeBytes } = result.devices!;
    expect([transferred, precopyBytes]).toEqual([downtimeBytes, 0]);
    const bare = resultOf(
      await runVirtual(ideal({ guest: { workloads: [] }, migration: { rounds: 1 } })),
    );
    expect(bare.ram).toEqual(result.ram);
    expect(bare).not.toHaveProperty('devices');
    expect(bare).not.toHaveProperty('outageMs');
    expect(downtimeMs! - bare.downtimeMs!).toBeGreaterThan(58.9);
  });

  it('gives the same result each time, and the same with versions in place of bytes', async () => {
    const vfio = device({
      kind: 'vfio',
      initialBytes: 300_000,
      loadInitialNs: 20e6,
      precopyBytes: 400_000,
      dirtyBytesPerSecond: 1e6,
      stateBytes: 100_000,
      isPending: true,
    });
    const migration = { policy: 'qemu', qemuVersion: '10', switchoverAck: true } as const;
    const run = (backing: 'bytes' | 'versions') =>
      runVirtual(virtualRun({ guest: { devices: [vfio], backing }, migration }));
    const [first, second, counted] = [
      await run('bytes'),
      await run('bytes'),
      await run('versions'),
    ];
    expect(resultOf(second)).toEqual(resultOf(first));
    expect(counted.source.devices).toEqual(first.source.devices);
    const { devices: seen, totalTimeMs } = resultOf(first);
    expect(seen!.precopyBytes).toBeGreaterThan(700_000);
    expect(seen!.switchoverAckMs).toBeGreaterThan(20);
    expect(seen!.switchoverAckMs).toBeLessThan(totalTimeMs);
  });

  it('waits for saves and loads that are longer than its patience with a silent peer', async () => {
    const slow = device({ stateBytes: 64, saveNs: 150e9, loadNs: 50e9 });
    const run = virtualRun({ guest: { devices: [slow] }, migration: { timeoutNs: 1000e9 } });
    const { outcome, downtimeParts } = resultOf(await runVirtual(run));
    expect(outcome).toBe('completed');
    expect(downtimeParts!.stateMs).toBeCloseTo(200_000, -1);
  });

  it('takes the time around it beside its own', async () => {
    const plain = resultOf(await runVirtual(virtualRun()));
    const report = await runVirtual(virtualRun({ migration: { around: AROUND } }));
    const result = resultOf(report);
    expect(plain).not.toHaveProperty('wallTimeMs');
    expect(result.wallTimeMs! - result.totalTimeMs).toBeCloseTo(1000, 6);
    // The guest runs for 20 ms before its manager begins, and while that starts the target.
    expect(report.source.startNs).toBeCloseTo(20e6 + 750e6, -3);
    expect(result.guest.accessesBefore).toBeGreaterThan(10 * plain.guest.accessesBefore);
    expect(result.verify).toMatchObject({ ok: true });
  });
});

it('an evacuation holds a slot for the time around a migration as well', async () => {
  const config = virtualRun({ migration: { around: AROUND } });
  const { guests, endedNs, startedNs } = await runEvacuation(
    evacuation([{ config }, { config }], {
      limits: { outgoing: 1, incoming: Infinity, cluster: Infinity, inBatches: false },
    }),
  );
  const [first, second] = guests;
  expect(first!.startedNs).toBe(startedNs);
  expect(second!.startedNs).toBe(first!.endedNs);
  expect(second!.endedNs).toBe(endedNs);
  for (const { run, startedNs: fromNs, endedNs: toNs } of guests) {
    const { wallTimeMs } = resultOf(run!);
    expect((toNs! - fromNs!) / 1e6).toBeCloseTo(wallTimeMs!, 0);
    expect(run!.source.outcome).toBe('completed');
    expect(run!.proof!.ok).toBe(true);
  }
});

it('threads really wait for devices and for the time around a migration', async () => {
  const devices = [
    device({
      kind: 'vfio',
      initialBytes: 4096,
      loadInitialNs: 30e6,
      stateBytes: 300_000,
      isPending: true,
    }),
    device({
      kind: 'machine',
      stateBytes: 64,
      saveNs: 20e6,
      loadNs: 30e6,
      reconnectNs: 15e6,
      reconnectStops: true,
    }),
  ];
  const around = { startTargetNs: 100e6, tunnelNs: 0, setupNs: 0, cleanupNs: 100e6 };
  const report = await runThreads(
    smallRun({ guest: { devices, vcpus: 1 }, migration: { around, switchoverAck: true } }),
  );
  const result = resultOf(report);
  expect(result.outcome).toBe('completed');
  expect(result.verify).toMatchObject({ ok: true });
  const { downtimeMs, downtimeParts, blackoutMs } = result;
  expect(sumOf(downtimeParts)).toBeCloseTo(downtimeMs!, 6);
  // The source saves a device while its last pages are still on their way.
  const { lastPagesMs, stateMs } = downtimeParts!;
  expect(lastPagesMs + stateMs).toBeGreaterThanOrEqual(50);
  expect(downtimeParts!.handoverMs).toBeGreaterThanOrEqual(15);
  expect(blackoutMs).toBeGreaterThanOrEqual(65);
  expect(result.devices!.switchoverAckMs).toBeGreaterThanOrEqual(30);
  expect(result.devices!.parts).toMatchObject([
    { kind: 'vfio', bytes: 300_000, precopyBytes: 4096 },
    { kind: 'machine', bytes: 64 },
  ]);
  expect(report.source.startNs).toBeGreaterThanOrEqual(report.guest.startedNs + 120e6);
  expect(report.guest.endedNs).toBeGreaterThanOrEqual(report.source.endNs + 120e6);
  expect(result.wallTimeMs! - result.totalTimeMs).toBeCloseTo(200, 6);
});
