import { describe, expect, it } from 'vitest';
import { KUBEVIRT_DEFAULTS } from '../../src/migration/policies/kubevirt.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { scenarioFolder, type Row, withGuest, withMore } from '../support/scenarios.ts';

const { load, complaints } = scenarioFolder();

describe('costs and policies of the virtual runtime', () => {
  const config = (yaml: string): RunConfig => load(withMore(yaml)).config;

  it('come from a profile, but for what is given', () => {
    const { costs, runtime } = config(
      'runtime: virtual\ncosts: { profile: qemu-tcg, access: 7ns, rawSend: 1GB/s, windowLagPerMB: 2us }',
    );
    expect(runtime).toBe('virtual');
    expect(costs).toEqual({
      ...COST_PROFILES['qemu-tcg'],
      accessNs: 7,
      rawSendBytesPerSecond: 1e9,
      firstSendBytesPerSecond: 1e9,
      windowLagNsPerByte: 0.002,
    });
  });

  it.each(['7.2', '"7.2"'])('take the version %s as it is written', (version) => {
    expect(config(`migration: { qemuVersion: ${version} }`).migration.qemuVersion).toBe('7.2');
  });

  it('turn those of managers and limits into numbers', () => {
    const { migration } = config(
      'migration: { algorithm: hybrid, downtimeLadder: kubevirt-stall, kubevirt: { maxDowntime: 2s } }',
    );
    expect(migration.kubevirt).toEqual({
      ...KUBEVIRT_DEFAULTS,
      allowPostCopy: true,
      allowWorkloadDisruption: true,
    });
    expect(migration.downtimeLimitNs).toBe(2e9);
  });

  it('take all their keys', () => {
    const { migration } = config(
      'migration: { algorithm: hybrid, autoConverge: true, throttle: { max: 0.5, tailSlow: true }, downtimeLadder: nova, availSwitchoverBandwidth: 1GB/s, postcopyPreempt: true, qemuVersion: "7.2", postcopyAfter: 0 }',
    );
    expect(migration).toMatchObject({
      autoConverge: { trigger: 0.5, initial: 0.2, increment: 0.1, max: 0.5, tailSlow: true },
      manager: 'nova',
      availSwitchoverBytesPerSecond: 1e9,
      preempt: true,
      qemuVersion: '7.2',
      postcopyAfter: 0,
    });
  });

  it.each<Row>([
    [
      'an unknown profile',
      withMore('costs: { profile: vax }'),
      '2:19 costs.profile: expected kvm or qemu-tcg or none, got "vax"',
    ],
    [
      'an access of no time',
      withMore('costs: { access: 0ns }'),
      '2:18 costs.access: expected a duration above 0 such as 300ms or 10s, got "0ns"',
    ],
    [
      'a rate without a unit',
      withMore('costs: { rawSend: 5 }'),
      '2:19 costs.rawSend: expected a rate such as 1Gbit/s or 100MB/s, or unlimited, got 5',
    ],
    [
      'a trigger above 1',
      withMore('migration: { throttle: { trigger: 50 } }'),
      '2:35 migration.throttle.trigger: expected a share from 0 to 1, got 50',
    ],
    [
      'a throttle that takes all',
      withMore('migration: { throttle: { initial: 1 } }'),
      '2:35 migration.throttle.initial: expected a share from 0.01 to 0.99, got 1',
    ],
    [
      'a throttle that begins beyond its end',
      withMore('migration: { autoConverge: true, throttle: { initial: 0.9, max: 0.3 } }'),
      '2:65 migration.throttle.max: must not be less than initial (0.9)',
    ],
    [
      'a setting of another policy',
      withMore('migration: { policy: xen, autoConverge: true }'),
      '2:41 migration.autoConverge: is a setting of policy qemu, the migration has policy xen: leave it out',
    ],
    [
      'a dirty limit without a ring',
      withMore('migration: { dirtyLimit: 1MB/s }'),
      '2:26 migration.dirtyLimit: needs guest.dirtyLog: ring, which counts by vCPU, got bitmap',
    ],
    [
      'a factor below 1',
      withMore('migration: { kubevirt: { precopyPossibleFactor: 0.5 } }'),
      '2:49 migration.kubevirt.precopyPossibleFactor: expected a factor of 1 or more, got 0.5',
    ],
    [
      'versions in real time',
      withGuest('backing: versions'),
      '3:12 guest.backing: versions stand for pages in the virtual runtime alone: set runtime: virtual',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it('versions have no image', () => {
    const yaml = `runtime: virtual\nguest: { memory: 64MiB, backing: versions, contents: [{ kind: file, path: x }] }\n`;
    expect(complaints(yaml)).toEqual([
      '2:63 guest.contents[0].kind: an image has bytes, which backing versions does not keep: use backing: bytes',
    ]);
  });
});
