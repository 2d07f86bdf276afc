import { describe, expect, it } from 'vitest';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import type { FleetPolicy } from '../../../src/fleet/datacentre/policies/policy.ts';
import { fleetOf } from './fleets.ts';

/** A guest of four vCPUs that may use one CPU, and whose load grows from 0.5 to 1.5 CPUs after 30 s. */
const FILE = `duration: 200s
fidelity: FIDELITY
monitor: { interval: 5s, dom0PerMB: 0s }
hosts:
  - { name: pm, count: 2, cpus: 4, memory: 64MiB }
guests:
  - { name: web, cpus: 1, guest: { memory: 8MiB, vcpus: 4 } }
  - { name: other, host: pm-1, guest: { memory: 40MiB, vcpus: 4 } }
  - { name: idle, host: pm-2, guest: { memory: 8MiB, vcpus: 4 } }
applications:
  - name: shop
    tiers: [{ guests: web, service: 10ms, pagesPerRequest: 1 }]
    load: { kind: trace, points: [{ at: 0s, rate: 50 }, { at: 30s, rate: 150 }] }
    sla: { mean: 100ms }
  - name: neighbour
    tiers: [{ guests: other, service: 10ms }]
    load: { kind: constant, rate: OTHER }
`;

const textOf = (policy: string, other: number, fidelity = 'fluid'): string =>
  `policy: ${policy}\n${FILE}`.replace('OTHER', String(other)).replace('FIDELITY', fidelity);

describe('a guest that may use fewer CPUs than it has vCPUs', () => {
  it.each(['fluid', 'events'])('uses no more of them, of requests as %s', async (fidelity) => {
    const { vms, applications } = await runFleet(fleetOf(textOf('none', 10, fidelity)).config);
    // 30 s at half a CPU, and a whole one from then on.
    expect(vms[0]!.cpuNs / 1e9).toBeGreaterThan(180);
    expect(vms[0]!.cpuNs / 1e9).toBeLessThan(186);
    expect(applications[0]!.meanNs).toBeGreaterThan(1e9);
  });

  it.each(['sandpiper-black', 'sandpiper-gray'])(
    'gets more by %s where its host has room, and is not moved',
    async (policy) => {
      const { decisions, migrations, vms, applications } = await runFleet(
        fleetOf(textOf(policy, 10)).config,
      );
      expect(migrations).toEqual([]);
      expect(decisions.flatMap(({ hotspots }) => hotspots)).toEqual([]);
      expect(decisions[0]!.atNs).toBeLessThanOrEqual(50e9);
      // A load of 1.5 CPUs needs 2 at a threshold of 0.75, and what had to wait at first calls for more.
      expect(vms[0]!.cpus).toBeGreaterThan(1.5);
      expect(vms[0]!.cpus).toBeLessThanOrEqual(3.5);
      const { served, offered, queued } = applications[0]!;
      expect(served / (offered - queued)).toBeGreaterThan(0.99);
      expect(queued).toBeLessThan(10);
    },
  );

  it.each([
    ['sandpiper-black', 2],
    ['sandpiper-gray', 0],
  ])('is moved by %s where its host has none, and gets them there', async (policy, later) => {
    const { decisions, migrations, vms } = await runFleet(fleetOf(textOf(policy, 210)).config);
    const first = decisions.find(({ hotspots }) => hotspots.length > 0)!;
    expect(first.hotspots).toContainEqual({ host: 'pm-1', vm: 'web', resource: 'cpu' });
    expect(first.moves).toMatchObject([{ vm: 'web', to: 'pm-2' }]);
    expect(first.moves[0]!.cpus).toBeGreaterThan(1);
    expect(migrations[0]).toMatchObject({ vm: 'web', to: 'pm-2', isMoved: true });
    expect(vms[0]!.cpus).toBeGreaterThan(1.5);
    // From inside it is known at once how many it needs; from outside it grows step by step.
    expect(decisions.flatMap(({ resizes }) => resizes).length).toBe(later);
  });
});

describe('a policy of one’s own', () => {
  it('gives a guest other CPUs where it is, and takes them again', async () => {
    const seen: number[] = [];
    const policy: FleetPolicy = {
      name: 'own',
      decide: ({ nowNs, hosts }) => {
        seen.push(hosts[0]!.vms[0]!.cpus);
        if (nowNs === 50e9) return { resizes: [{ vm: 'web', cpus: 2 }] };
        return nowNs === 100e9 ? { resizes: [{ vm: 'web', cpus: 0.5 }] } : undefined;
      },
    };
    const { vms, decisions } = await runFleet(fleetOf(textOf('none', 10)).config, { policy });
    expect([seen[9], seen[10], seen[19], seen[20]]).toEqual([1, 2, 2, 0.5]);
    expect(decisions.map(({ resizes }) => resizes[0]!.cpus)).toEqual([2, 0.5]);
    // 15 s, 20 s of one CPU, 20 s until what has waited is served and 30 s of 1.5, and half a CPU for 100 s.
    expect(vms[0]!.cpuNs / 1e9).toBeGreaterThan(155);
    expect(vms[0]!.cpuNs / 1e9).toBeLessThan(172);
  });
});
