import { expect, it } from 'vitest';
import type {
  FleetPolicy,
  HostView,
  VmView,
} from '../../../src/fleet/datacentre/policies/policy.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import { needsFromOutside, useOf } from '../../../src/fleet/datacentre/sandpiper/needs.ts';
import { fleetOf } from './fleets.ts';

/** A guest that serves requests in the second half of each interval, and swaps in the second one. */
const FILE = `duration: 90s
fidelity: FIDELITY
monitor: { interval: 10s, dom0PerMB: 0s }
hosts:
  - { name: small, cpus: 1, memory: 256MiB, nic: 80Mbit/s }
  - { name: big, cpus: 4, memory: 256MiB, nic: 1Gbit/s }
guests:
  - name: web
    host: small
    guest: { memory: 16MiB, vcpus: 1 }
    memoryUse: [{ at: 0s, used: 8MiB }, { at: 11s, used: 8MiB }, { at: 12s, used: 26MiB }]
applications:
  - name: shop
    tiers: [{ guests: web, service: 5ms, response: 10000 }]
    load: { kind: bursts, base: 0, peak: 100, period: 10s, length: 5s }
    arrivals: even
`;

it.each(['fluid', 'events'])(
  'takes the means of intervals, which say the same on any host, of requests as %s',
  async (fidelity) => {
    const seen: { readonly host: HostView; readonly vm: VmView }[] = [];
    const policy: FleetPolicy = {
      name: 'witness',
      decide: ({ nowNs, hosts }) => {
        const host = hosts.find(({ vms }) => vms.length > 0)!;
        seen.push({ host, vm: host.vms[0]! });
        return nowNs === 40e9 ? { chains: [[{ vm: 'web', to: 'big' }]] } : undefined;
      },
    };
    await runFleet(fleetOf(FILE.replace('FIDELITY', fidelity)).config, { policy });
    const { vm } = seen[0]!;
    expect(vm.host.name).toBe('big');
    const [first, last] = [vm.readings.net.tail(9).slice(0, 4), vm.readings.net.tail(3)];
    for (const rate of [...first, ...last]) expect(Math.abs(rate / 500e3 - 1)).toBeLessThan(0.02);
    const [small, big] = [seen[0]!.host.readings, seen.at(-1)!.host.readings];
    expect(small.net.tail(9)[2]! / 0.05).toBeCloseTo(1, 1);
    expect(big.net.last / 0.004).toBeCloseTo(1, 1);
    // It uses a quarter of a CPU, whatever share of its host that is.
    expect(small.cpu.tail(9)[2]).toBeCloseTo(0.25, 2);
    expect(big.cpu.last / 0.0625).toBeCloseTo(1, 1);
    expect(useOf(vm).cpus).toBeCloseTo(0.25, 2);
    const needs = needsFromOutside(vm, { cpu: false, net: false }, { percentile: 0.95, delta: 0 });
    expect(needs.cpus).toBeLessThan(0.3);
    // 10 MiB are swapped out between two steps in the second interval.
    expect(vm.readings.swap.tail(9).slice(0, 3)).toEqual([0, 2 ** 20, 0]);
    expect(small.swap.tail(9)[1]).toBe(2 ** 20);
  },
);

const WATCHED = `duration: 100s
policy: none
hosts:
  - { name: pm, cpus: 1, memory: 64MiB, rack: rack-1 }
  - { name: other, cpus: 1, memory: 64MiB, rack: rack-2, cluster: cluster-2 }
guests:
  - { name: web, count: 2, host: pm, guest: { memory: 4MiB, vcpus: 1 } }
  - { name: idle, host: pm, memoryUse: [{ at: 0s, used: 1MiB }], guest: { memory: 4MiB, vcpus: 1 } }
  - { name: plain, host: other, guest: { memory: 4MiB, vcpus: 1 } }
applications:
  - { name: shop, tiers: [{ guests: web, service: 5ms, response: 1000 }], load: { kind: constant, rate: 20 } }
monitor: MONITOR
`;

const watched = (monitor: string) => runFleet(fleetOf(WATCHED.replace('MONITOR', monitor)).config);

it('counts what reports say, and sends them to the router if they are to be sent', async () => {
  const counted = await watched('{ reportBytes: {} }');
  // In each of ten intervals all four guests are seen from outside, one's memory from inside, two guests' requests.
  expect(counted.reportedBytes).toBe(10 * (4 * 178 + 60 + 2 * 50));
  expect(counted.links.every(({ monitoringBytes }) => monitoringBytes === 0)).toBe(true);
  const sent = await watched('{ reportBytes: {}, sendReports: true, dom0PerMB: 1s }');
  const bytes = new Map(sent.links.map((link) => [link.name, link]));
  const used = sent.links.filter(({ monitoringBytes }) => monitoringBytes > 0);
  expect(used.length).toBe(6);
  for (const { name, monitoringBytes } of used) {
    const expected = /other|rack-2|cluster-2/.test(name) ? 178 : 3 * 178 + 60 + 2 * 50;
    expect(monitoringBytes / (10 * expected), name).toBeCloseTo(1, 6);
    const { applicationBytes } = counted.links.find((link) => link.name === name)!;
    expect(bytes.get(name)!.applicationBytes / Math.max(1, applicationBytes)).toBeCloseTo(
      applicationBytes > 0 ? 1 : 0,
      6,
    );
  }
  // dom0 works a microsecond for each byte of them.
  expect(sent.hosts[1]!.monitoringCpuNs / (10 * 178 * 1000)).toBeCloseTo(1, 6);
});

it("takes its CPU time from the hosts': a hundredth of a CPU for 24 guests, as the paper has it", async () => {
  const one = await watched('{ cpuPerGuest: 4.1667ms }');
  const [host, other] = one.hosts;
  expect(host!.monitoringCpuNs / (3 * 10 * 4.1667e6)).toBeCloseTo(1, 6);
  expect(other!.monitoringCpuNs / (10 * 4.1667e6)).toBeCloseTo(1, 6);
  expect(other!.cpuNs).toBe(other!.monitoringCpuNs);
  expect((24 * other!.monitoringCpuNs) / 100e9).toBeCloseTo(0.01, 5);
});

it("charges dom0's work to guests by what they send, so that guests have all that their host uses", async () => {
  const file = WATCHED.replace('MONITOR', '{ dom0PerMB: 5s }').replace('count: 2,', 'count: 1,');
  const load = file.replace('rate: 20', 'rate: 40');
  let seen: readonly number[] = [];
  const policy: FleetPolicy = {
    name: 'witness',
    decide: ({ hosts: [host] }) => {
      seen = [host!.readings.cpu.last, ...host!.vms.map(({ readings }) => readings.cpu.last)];
      return undefined;
    },
  };
  await runFleet(fleetOf(load).config, { policy });
  const [host, web, idle] = seen;
  // 40 requests of 5 ms a second, and 40 kB a second at 5 µs a byte.
  expect(web).toBeCloseTo(0.4, 2);
  expect(idle).toBe(0);
  expect(host).toBeCloseTo(web!, 6);
});
