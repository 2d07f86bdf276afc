import { describe, expect, it } from 'vitest';
import { Fleet } from '../../../src/fleet/datacentre/fleet.ts';
import type { FleetPolicy } from '../../../src/fleet/datacentre/policies/policy.ts';
import { buildFleetResult } from '../../../src/fleet/datacentre/result.ts';
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
migration: { algorithm: ALGORITHM }
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

describe('a migration between two of several kinds of hosts', () => {
  const SLOW = '  - { name: slow, cpus: 4, memory: 64MiB, nic: 50Mbit/s, rack: rack-2 }\n';
  const FAST = '  - { name: fast, cpus: 4, memory: 64MiB, nic: 1Gbit/s }\n';
  const text = FILE.replace('ALGORITHM', 'stop-and-copy').replace(/(?=guests:)/, SLOW + FAST);

  it.each([
    ['a-1', 'fast', '10Gbit/s', 25e6],
    ['fast', 'slow', '10Gbit/s', 6.25e6],
    ['fast', 'slow', '40Mbit/s', 5e6],
  ])('has the narrowest link between %s and %s with racks of %s', async (from, to, rack, rate) => {
    const loaded = fleetOf(
      `${text}network: { rack: ${rack}, latency: 3ms }\n`.replace(
        'name: web,',
        `name: web, host: ${from},`,
      ),
    );
    const { config } = loaded;
    const report = await runFleet(config, { policy: moveAt([[2, 'web', to]]) });
    const guest = config.vms[0]!.config;
    const alone = await runVirtual({
      ...guest,
      link: { ...guest.link, bytesPerSecond: rate },
      migration: { ...guest.migration, startAfterNs: 2e9 },
    });
    expect(guest.link.latencyNs).toBe(3e6);
    expect(report.migrations[0]!.run).toEqual(alone);
    const { run } = buildFleetResult(loaded, report).migrations[0]!;
    expect(run!.scenario).toMatchObject({
      name: 'web',
      seed: guest.seed,
      link: { bandwidth: `${rate}B/s`, latency: '3ms' },
    });
  });
});

describe('the memory of a host', () => {
  it('is kept for a guest on its way, and is its own once it runs there', async () => {
    const text = FILE.replace('ALGORITHM', 'postcopy').replace('200Mbit/s', '20Mbit/s');
    const freeMib: number[] = [];
    const fleet = new Fleet(fleetOf(text).config, moveAt([[2, 'web', 'a-2']]), {
      onInterval: ({ hosts }) => freeMib.push(hosts[1]!.freeBytes / 2 ** 20),
    });
    await fleet.play();
    const { begun, endNs } = fleet.migrations.all[0]!;
    expect([begun!.startNs, endNs! > 4e9]).toEqual([2e9, true]);
    expect(freeMib).toEqual([64, 56, 56, 56, 56]);
  });
});

describe('a guest that migrates again', () => {
  it('may do so at once, and goes through a third host', async () => {
    // The last frames take so long that hosts share their CPUs out anew after the guest has moved.
    const text = `${FILE.replace('ALGORITHM', 'precopy').replace('count: 2', 'count: 3')}network: { latency: 30ms }\n`;
    const chain = [
      { vm: 'web', to: 'a-3' },
      { vm: 'web', to: 'a-2' },
      { vm: 'web', to: 'a-1' },
    ];
    const policy: FleetPolicy = {
      name: 'around',
      decide: ({ nowNs }) => (nowNs === 2e9 ? { chains: [chain] } : undefined),
    };
    const { migrations } = await runFleet(fleetOf(text).config, { policy });
    expect(migrations.map(({ to }) => to)).toEqual(['a-3', 'a-2', 'a-1']);
    for (const [index, { run, startNs }] of migrations.entries()) {
      expect(run!.proof).toMatchObject({ ok: true });
      const before = migrations[index - 1];
      expect(startNs).toBe(before?.endNs ?? 2e9);
      if (!before) continue;
      const end = before.run!.guest.timeline.at(-1)!;
      const start = run!.guest.timeline.find(({ ns }) => ns === startNs)!;
      expect(Math.abs(start.accesses - end.accesses)).toBeLessThan(5);
    }
  });

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
