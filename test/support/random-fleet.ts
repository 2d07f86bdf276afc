import { Generator } from '../../src/random/generator.ts';

/** Returns the file of a random small fleet, which the seed alone decides. */
export function randomFleet(seed: number): string {
  const random = new Generator(seed, 0xf1ee);
  const pick = <One>(all: readonly One[]): One => all[random.below(all.length)]!;
  const from = (low: number, high: number): number => low + random.below(high - low + 1);
  const hosts = from(2, 5);
  const guests = from(2, 3 * hosts);
  const tiers = pick([1, 1, 2]);
  const perTier = Math.max(1, Math.floor(guests / tiers));
  const loads = [
    `{ kind: constant, rate: ${from(10, 150)} }`,
    `{ kind: bursts, base: ${from(5, 40)}, peak: ${from(60, 300)}, period: 40s, length: 20s, randomPhase: true }`,
    `{ kind: trace, ramp: true, points: [{ at: 0s, rate: ${from(5, 60)} }, { at: ${from(20, 60)}s, rate: ${from(60, 260)} }] }`,
    `{ kind: closed, users: ${from(1, 60)}, think: 200ms }`,
  ];
  const policies = [
    'sandpiper-black',
    'sandpiper-gray',
    'random',
    'load-aware',
    'drs',
    'consolidation',
  ];
  const tierOf = (index: number): string =>
    `{ guests: tier${index}, service: { kind: ${pick(['exponential', 'constant', 'lognormal'])}, mean: ${from(2, 8)}ms }, response: ${from(0, 20)}KiB, pagesPerRequest: ${from(0, 12)} }`;
  const groups = Array.from(
    { length: tiers },
    (_, index) =>
      `  - { name: tier${index}, count: ${perTier}, guest: { memory: ${pick([2, 4])}MiB, vcpus: ${pick([1, 2])} } }`,
  );
  const file = `seed: ${seed}
duration: 90s
fidelity: ${pick(['fluid', 'events'])}
monitor: { interval: ${pick([5, 10])}s, window: 20, MONITOR }
hotspot: { threshold: ${pick([0.2, 0.4, 0.75])} }
hosts:
  - { name: pm, count: ${hosts}, cpus: ${pick([1, 2])}, memory: ${from(4, 8) * perTier * tiers}MiB, nic: ${pick([50, 200, 1000])}Mbit/s }
  - { name: spare, cpus: 1, memory: 64MiB, rack: rack-2, isScratch: true }
placement: ${pick(['first-fit', 'first-fit', 'spread'])}
guests:
${groups.join('\n')}
applications:
  - name: app
    tiers: [${Array.from({ length: tiers }, (_, index) => tierOf(index)).join(', ')}]
    load: ${pick(loads)}
    queue: ${pick([10, 1000])}
    sla: { p99: 80ms }
policy: ${pick(policies)}
parallel: { outgoing: ${from(1, 3)}, incoming: ${from(1, 3)} }
powerOff: ${pick(['true', 'false'])}
migration: { algorithm: ${pick(['precopy', 'precopy', 'postcopy', 'hybrid'])} }
`;
  const monitors = [
    '',
    'sendReports: true, reportBytes: {}, cpuPerGuest: 20ms',
    'workingSet: { samples: 20, period: 20s, fault: 1ms }',
  ];
  const drain = 'policy: { kind: drain, hosts: [{ name: pm-1, at: 20s }], others: sandpiper-gray }';
  const [cpus, policy] = [pick(['', ', cpus: 0.5']), pick(['', '', '', drain])];
  return file
    .replace('MONITOR', pick(monitors))
    .replaceAll(/(count: \d+)(, guest)/g, `$1${cpus}$2`)
    .replace(/policy: .*/, (written) => policy || written);
}
