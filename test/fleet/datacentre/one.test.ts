import { describe, expect, it } from 'vitest';
import type { FleetPolicy } from '../../../src/fleet/datacentre/policies/policy.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import { runVirtual } from '../../../src/runtime/virtual/run.ts';
import { fleetOf, moveAt } from './fleets.ts';

const GUEST = `{ memory: 8MiB, vcpus: 2, backing: bytes, contents: [{ kind: random, zeroShare: 0.2 }],
      workloads: [{ pattern: zipf, rate: 9000, writes: 0.7 }, { pattern: sequential, rate: 300, vcpu: 1 }] }`;
const FILE = `duration: 10s
monitor: { interval: 2s }
hosts:
  - { name: a, count: 2, cpus: 4, memory: 64MiB, nic: 200Mbit/s }
guests:
  - { name: web, guest: ${GUEST} }
migration: { runAfter: 1s, algorithm: ALGORITHM }
`;

describe('a migration in a fleet of one', () => {
  it.each(['precopy', 'postcopy', 'hybrid', 'stop-and-copy'])(
    'is byte for byte what a run of the guest is, with %s',
    async (algorithm) => {
      const { config } = fleetOf(FILE.replace('ALGORITHM', algorithm));
      const report = await runFleet(config, { policy: moveAt([[2, 'web', 'a-2']]) });
      const guest = config.vms[0]!.config;
      const alone = await runVirtual({
        ...guest,
        link: { ...guest.link, bytesPerSecond: 25e6 },
        migration: { ...guest.migration, startAfterNs: 2e9 },
      });
      expect(report.migrations[0]!.run).toEqual(alone);
      expect(alone.proof).toMatchObject({ ok: true });
      expect(alone.source.outcome).toBe('completed');
    },
  );
});

describe('a guest that migrates again', () => {
  const policy: FleetPolicy = moveAt([
    [2, 'web', 'a-2'],
    [6, 'web', 'a-1'],
  ]);

  it('has made all accesses of its life, those before its pages existed among them', async () => {
    const { config } = fleetOf(FILE.replace('ALGORITHM', 'precopy'));
    const { migrations } = await runFleet(config, { policy });
    expect(migrations.map(({ from, to, isMoved }) => [from, to, isMoved])).toEqual([
      ['a-1', 'a-2', true],
      ['a-2', 'a-1', true],
    ]);
    const [first, second] = migrations.map(({ run }) => run!);
    expect(second!.proof).toMatchObject({ ok: true });
    // It makes 9300 accesses a second from the end of the first one's account to the beginning of the second.
    const end = first!.guest.timeline.at(-1)!;
    const start = second!.guest.timeline.find(({ ns }) => ns === 6e9)!;
    const due = 9300 * ((start.ns - end.ns) / 1e9);
    expect(Math.abs(start.accesses - end.accesses - due)).toBeLessThan(5);
  });
});
