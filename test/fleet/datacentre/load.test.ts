import { describe, expect, it } from 'vitest';
import { fleetPresets, loadFleet } from '../../../src/fleet/datacentre/load.ts';
import { FLEET_POLICY_NAMES } from '../../../src/fleet/datacentre/policies/registry.ts';
import { InputError } from '../../../src/scenario/input-error.ts';
import { fleetOf } from './fleets.ts';

const FILE = `duration: 10s
hosts:
  - { name: pm, count: 2, memory: 256MiB }
guests:
  - { name: web, count: 2, guest: { memory: 64MiB, vcpus: 1 } }
  - { name: batch, guest: { memory: 64MiB, vcpus: 1, workloads: [{ pattern: uniform, rate: 10 }] } }
applications:
  - name: shop
    tiers: [{ guests: web, service: 5ms, pagesPerRequest: 10 }]
    load: { kind: constant, rate: 10 }
`;

function problemsOf(text: string): string {
  try {
    fleetOf(text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message;
  }
  return '';
}

describe('the file of a fleet', () => {
  it('names what is wrong with its network once, however many groups of guests it has', () => {
    const wrong = problemsOf(
      `${FILE.replace('memory: 256MiB', 'memory: 256MiB, nic: unlimited')}network: { latency: 9s }\n`,
    );
    expect(wrong).toMatch(/^fleet\.yaml:\d+:\d+ network\.latency: is more than the [^\n]*$/);
  });

  it.each([
    ['the cards have a limit', 'nic: 10Gbit/s', 'rack-2', '25ms'],
    ['no migration uses it', 'nic: unlimited', 'rack-1', '25ms'],
    ['the latency is short', 'nic: unlimited', 'rack-2', '5ms'],
  ])('takes a fast uplink where %s', (_, nic, rack, latency) => {
    const far = `  - { name: far, memory: 64MiB, ${nic}, rack: ${rack} }`;
    const hosts = FILE.replace('memory: 256MiB }', `memory: 256MiB, ${nic} }\n${far}`);
    expect(problemsOf(`${hosts}network: { rack: 400Gbit/s, latency: ${latency} }\n`)).toBe('');
  });

  it('has the defaults of the paper, and numbers hosts and guests', () => {
    const { config } = fleetOf(FILE);
    expect(config.hosts.map(({ name }) => name)).toEqual(['pm-1', 'pm-2']);
    expect(config.vms.map(({ name, host }) => [name, host])).toEqual([
      ['web-1', 0],
      ['web-2', 0],
      ['batch', 0],
    ]);
    expect(config).toMatchObject({
      fidelity: 'fluid',
      stepNs: 1e9,
      monitor: { intervalNs: 10e9, window: 200 },
      hotspot: { threshold: 0.75, k: 3, n: 5 },
      policy: { kind: 'sandpiper-black', options: { percentile: 0.95, delta: 0.1 } },
      limits: { outgoing: Infinity, cluster: Infinity },
    });
  });

  it("gives a serving guest's workload the rate of a vCPU that is busy all the time", () => {
    const [web, , batch] = fleetOf(FILE).config.vms;
    expect(web).toMatchObject({ isServing: true });
    expect(web!.config.guest.workloads).toMatchObject([{ rate: 2000 }]);
    expect(batch).toMatchObject({ isServing: false });
    expect(batch!.config.guest.workloads).toMatchObject([{ rate: 10 }]);
  });

  it.each([
    ['first-fit', [0, 0, 0]],
    ['best-fit', [0, 0, 0]],
    ['spread', [0, 1, 0]],
  ])('places guests by %s', (placement, hosts) => {
    const { config } = fleetOf(`placement: ${placement}\n${FILE}`);
    expect(config.vms.map(({ host }) => host)).toEqual(hosts);
  });

  it('shares the guests of a tier out among the applications of a group', () => {
    const { applications } = fleetOf(FILE.replace('name: shop', 'name: shop\n    count: 2')).config;
    expect(applications.map(({ name, tiers }) => [name, tiers[0]!.vms])).toEqual([
      ['shop-1', [0]],
      ['shop-2', [1]],
    ]);
  });

  const byName = FLEET_POLICY_NAMES.filter((name) => name !== 'drain');

  it.each(byName)('knows the policy %s by its name alone', (policy) => {
    expect(fleetOf(`policy: ${policy}\n${FILE}`).config.policy.kind).toBe(policy);
  });

  it('loads each preset', () => {
    expect(fleetPresets().length).toBeGreaterThan(0);
    for (const { name, summary } of fleetPresets()) {
      expect(summary.length, name).toBeGreaterThan(20);
      expect(loadFleet(name).config.vms.length, name).toBeGreaterThan(0);
    }
  });

  it.each<[string, string, string]>([
    [
      'an unknown host',
      FILE.replace('name: batch', 'name: batch, host: pm-3'),
      'guests[1].host: there is no host pm-3: did you mean pm-',
    ],
    [
      'a host with a name unlike any',
      FILE.replace('name: batch', 'name: batch, host: elsewhere'),
      'guests[1].host: there is no host elsewhere: there are pm-1, pm-2',
    ],
    [
      'too little memory',
      FILE.replace('256MiB', '64MiB'),
      'guests[1]: no host has 64 MiB of memory left for batch: add hosts, or choose smaller guests',
    ],
    [
      'a full host',
      FILE.replace('256MiB', '128MiB')
        .replace('name: batch', 'name: batch, host: pm-1')
        .replace('name: web', 'name: web, host: pm-1'),
      'guests[1]: host pm-1 does not have 64 MiB of memory left for batch',
    ],
    [
      'two guests of a name',
      FILE.replace('name: batch', 'name: web-1'),
      'guests[1].name: two guests are called web-1',
    ],
    [
      'an unknown tier',
      FILE.replace('guests: web', 'guests: wep'),
      'applications[0].tiers[0].guests: there is no guest wep: did you mean web?',
    ],
    [
      'more CPUs than vCPUs',
      FILE.replace('name: batch,', 'name: batch, cpus: 1.5,'),
      'guests[1].cpus: expected at most guest.vcpus, which is 1, got 1.5: a guest has no more vCPUs than that',
    ],
    [
      'no CPUs at all',
      FILE.replace('name: batch,', 'name: batch, cpus: 0,'),
      'guests[1].cpus: expected CPUs, a number above 0, got 0',
    ],
    [
      'a guest in two tiers',
      FILE.replace('Request: 10 }]', 'Request: 10 }, { guests: web-1, service: 1ms }]'),
      'applications[0].tiers[1].guests: a guest serves one tier, and web-1 serves shop, tier 1 already',
    ],
    [
      'guests that do not share out',
      FILE.replace('name: shop', 'name: shop\n    count: 3'),
      "2 guests can't be shared out evenly among 3 applications",
    ],
    [
      'half of a group in a tier',
      FILE.replace('guests: web', 'guests: web-1'),
      'some guests of this group serve requests and some do not: make two groups',
    ],
    [
      'a rate of a serving guest',
      FILE.replace('vcpus: 1 } }', 'vcpus: 1, workloads: [{ pattern: uniform, rate: 7 }] } }'),
      'guests[0].guest.workloads[0].rate: a guest that serves requests accesses pages as they come',
    ],
    [
      'an interval that is no multiple of the step',
      `step: 3s\n${FILE}`,
      'monitor.interval: expected a multiple of the step, which is 3s, got 10s',
    ],
    [
      'a period of samples that is no multiple of the interval',
      `monitor: { workingSet: { period: 25s } }\n${FILE}`,
      "monitor.workingSet.period: expected a multiple of the monitor's interval, which is 10s, got 25s",
    ],
    [
      'samples of a guest whose accesses have no rate',
      `monitor: { workingSet: {} }\n${FILE.replace('rate: 10 }] } }', 'rate: max }] } }')}`,
      'guests[1].guest.workloads: monitor.workingSet samples guests whose workloads have a rate',
    ],
    [
      'a part of reports that is not known',
      `monitor: { reportBytes: { inside: 3 } }\n${FILE}`,
      'monitor.reportBytes',
    ],
    [
      'points out of order',
      FILE.replace(
        '{ kind: constant, rate: 10 }',
        '{ kind: trace, points: [{ at: 5s, rate: 1 }, { at: 5s, rate: 2 }] }',
      ),
      'applications[0].load.points[1].at: expected a time after that of the point before, got 5s',
    ],
    [
      'a burst longer than its period',
      FILE.replace(
        '{ kind: constant, rate: 10 }',
        '{ kind: bursts, base: 1, peak: 2, period: 1s, length: 2s }',
      ),
      'applications[0].load.length: expected at most the period, which is 1s, got 2s',
    ],
    ['k above n', `hotspot: { k: 6 }\n${FILE}`, 'hotspot.k: expected at most n, which is 5, got 6'],
    [
      'an unknown option of a policy',
      `policy: { kind: drs, percentile: 0.9 }\n${FILE}`,
      'policy.percentile: unknown key: expected one of target, mostMoves',
    ],
    [
      'an option of a policy without any',
      `policy: { kind: none, target: 0.1 }\n${FILE}`,
      'policy.target: unknown key: there may be none here, leave it out',
    ],
    [
      'a wrong option of a policy',
      `policy: { kind: drs, target: 7 }\n${FILE}`,
      'policy.target: expected a share from 0 to 1, got 7',
    ],
    [
      'a drain of nothing',
      `policy: drain\n${FILE}`,
      'policy.hosts: is missing: expected a list of hosts such as [{ name: pm-1, at: 60s }]',
    ],
    [
      'a drain of a host that is not there',
      `policy: { kind: drain, hosts: [{ name: pm }, { name: pm-3 }] }\n${FILE}`,
      'policy.hosts[1].name: there is no host pm-3: did you mean pm',
    ],
    [
      'an unknown policy',
      `policy: dsr\n${FILE}`,
      'policy: expected sandpiper-black, sandpiper-gray, random',
    ],
    [
      'a start of its own',
      `migration: { startAfter: 5s }\n${FILE}`,
      "migration.startAfter: the policy says when a fleet's guests migrate: leave startAfter out",
    ],
    [
      'a life of its own after a migration',
      FILE.replace('vcpus: 1 } }', 'vcpus: 1 }, migration: { runAfter: 5s } }'),
      "guests[0].migration.runAfter: a fleet's guests live on after their migrations: leave runAfter out",
    ],
    [
      'a network card that is too fast for the latency of the network',
      `${FILE.replace('memory: 256MiB', 'memory: 256MiB, nic: 40Gbit/s')}network: { latency: 2s }\n`,
      'hosts[0].nic: "40Gbit/s" is more than the',
    ],
    [
      'an uplink that is too fast for its latency between unlimited network cards',
      `${FILE.replace('memory: 256MiB }', 'memory: 256MiB, nic: unlimited }\n  - { name: far, memory: 64MiB, nic: unlimited, rack: rack-2 }')}network: { rack: 400Gbit/s, latency: 25ms }\n`,
      'network.rack: "400Gbit/s" is more than the 328 Gbit/s that runtime virtual emulates with a latency of "25ms" between hosts with unlimited network cards, as at most 1 GiB may be under way: lower it, the latency or their nic',
    ],
    ['threads', `runtime: threads\n${FILE}`, 'runtime: expected virtual'],
    ['a load without a kind', FILE.replace('kind: constant, ', ''), 'applications[0].load'],
  ])('refuses %s', (_, text, expected) => {
    expect(problemsOf(text)).toContain(expected);
  });
});
