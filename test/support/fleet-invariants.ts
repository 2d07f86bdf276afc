import { fleetOf } from '../fleet/datacentre/fleets.ts';
import { Fleet } from '../../src/fleet/datacentre/fleet.ts';
import { policyOf } from '../../src/fleet/datacentre/own-policy.ts';
import { randomFleet } from './random-fleet.ts';

/** What a random fleet came to, for the power of the test. */
export interface FleetFacts {
  readonly migrations: number;
  readonly dropped: number;
}

/** Lets a random fleet live, and throws an Error that names the seed when it breaks a rule. */
export async function checkRandomFleet(seed: number): Promise<FleetFacts> {
  const broken: string[] = [];
  const rule = (isKept: boolean, what: string): void => {
    if (!isKept) broken.push(what);
  };
  const { config } = fleetOf(randomFleet(seed));
  let lastNs = 0;
  let lastCpuNs = config.hosts.map(() => 0);
  const fleet = new Fleet(config, policyOf(config), {
    onInterval: (of) => {
      const spanNs = of.nowNs - lastNs;
      lastNs = of.nowNs;
      for (const [index, host] of of.hosts.entries()) {
        const { name, spec, vms } = host;
        const cpus = (host.usedCpuNs - lastCpuNs[index]!) / spanNs;
        rule(cpus <= spec.cpus * (1 + 1e-9), `${name} uses ${cpus} of ${spec.cpus} CPUs`);
        rule(host.freeBytes >= 0, `${name} has ${host.freeBytes} bytes free`);
        const memory = [...vms].reduce((sum, one) => sum + one.memoryBytes, 0);
        const coming = [...host.incoming].reduce((sum, one) => sum + one.memoryBytes, 0);
        for (const { name: guest, user, cpus: most } of vms) {
          rule(user.sharedCpus <= most, `${guest} uses ${user.sharedCpus} of ${most} CPUs`);
        }
        rule(
          [...host.incoming].every((vm) => !vms.has(vm)),
          `a guest counts twice on ${name}`,
        );
        rule(spec.memoryBytes - memory - coming === host.freeBytes, `memory of ${name}`);
      }
      lastCpuNs = of.hosts.map(({ usedCpuNs }) => usedCpuNs);
      for (const vm of of.vms) {
        const homes = of.hosts.filter(({ vms }) => vms.has(vm));
        rule(homes.length === 1 && homes[0] === vm.host, `${vm.name} is on ${homes.length} hosts`);
      }
    },
  });
  await fleet.play();
  for (const { spec, stats, queued, travelling } of fleet.applications) {
    const { offered, served, dropped } = stats;
    const rest = offered - served - dropped - queued - travelling;
    rule(Math.abs(rest) <= 1e-9 * offered, `${spec.name} has lost ${rest} of ${offered} requests`);
    rule(served > 0, `${spec.name} has served nothing`);
  }
  const sent = fleet.topology.links.map(() => 0);
  for (const { vm, from, to, sentBytes, report, isMoved } of fleet.migrations.all) {
    rule(report?.proof?.ok === true, `the migration of ${vm.name} is not proved`);
    rule(isMoved || vm.host !== to, `${vm.name} is at ${to.name} although it has not moved`);
    for (const link of fleet.topology.route(from.name, to.name)) sent[link]! += sentBytes;
  }
  for (const [index, { name, bytesPerSecond }] of fleet.topology.links.entries()) {
    const others = fleet.applicationBytes[index]! + fleet.monitoringBytes[index]!;
    const all = sent[index]! + others;
    const most = (bytesPerSecond * fleet.nowNs) / 1e9;
    rule(all <= most, `${name} has carried ${all} of ${most} bytes`);
  }
  rule(
    fleet.hosts.every(({ incoming }) => incoming.size === 0),
    'memory is still kept for a guest',
  );
  if (broken.length > 0) throw new Error(`seed ${seed}: ${[...new Set(broken)].join('; ')}`);
  const dropped = fleet.applications.reduce((sum, { stats }) => sum + stats.dropped, 0);
  return { migrations: fleet.migrations.all.length, dropped };
}

/** Checks fleets with so many seeds from `first` on; returns how many of them have migrated or dropped anything. */
export async function checkRandomFleets(
  first: number,
  count: number,
): Promise<{ readonly migrated: number; readonly dropped: number }> {
  let migrated = 0;
  let dropped = 0;
  for (let seed = first; seed < first + count; seed++) {
    const facts = await checkRandomFleet(seed);
    if (facts.migrations > 0) migrated++;
    if (facts.dropped > 0) dropped++;
  }
  return { migrated, dropped };
}
