import { describe, expect, it } from 'vitest';
import type { Decision, FleetPolicy } from '../../../src/fleet/datacentre/policies/policy.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import { fleetOf } from './fleets.ts';

const { config } = fleetOf(`duration: 60s
monitor: { interval: 5s }
hosts: [{ name: pm, count: 2, cpus: 1, memory: 64MiB }, { name: tiny, memory: 4MiB }]
guests:
  - { name: web, count: 2, guest: { memory: 8MiB, vcpus: 2 } }
  - { name: other, host: pm-2, guest: { memory: 8MiB, vcpus: 1 } }
`);

/** Returns how a fleet ends whose policy first decides this at 10 s, and has a guest on its way then. */
async function endOf(decide: () => unknown) {
  const policy: FleetPolicy = {
    name: 'own',
    decide: ({ nowNs }) => (nowNs === 10e9 ? (decide() as Decision) : undefined),
  };
  const { outcome, failure, endedNs, decisions } = await runFleet(config, { policy });
  return { outcome, failure, endedS: endedNs / 1e9, decisions };
}

/** A view of a guest has its host, which has the guest again. */
const circular: Record<string, unknown> = { name: 'web-1' };
circular['host'] = { vms: [circular] };

describe('a policy of one’s own ends the fleet with a sentence', () => {
  it.each<[string, () => unknown, string]>([
    [
      'null',
      () => null,
      'decided what is no decision: expected an object with chains, resizes or hotspots, or undefined, got null',
    ],
    [
      'a number',
      () => 7,
      'decided what is no decision: expected an object with chains, resizes or hotspots, or undefined, got 7',
    ],
    ['a promise', async () => {}, 'decided nothing but a promise: decide may not be async'],
    [
      'an unknown key',
      () => ({ moves: [] }),
      'decided what is no decision: unknown key moves: expected some of chains, resizes, hotspots, swaps, isPartial',
    ],
    [
      'moves without chains',
      () => ({ chains: [{ vm: 'web-1', to: 'pm-2' }] }),
      'decided what is no decision: chains[0]: expected a list of moves, a chain, got an object',
    ],
    [
      'a move without a host',
      () => ({ chains: [[{ vm: 'web-1' }]] }),
      'decided what is no decision: chains[0][0].to: expected the name of a host, got undefined',
    ],
    [
      'a move of an object',
      () => ({ chains: [[{ vm: circular, to: 'pm-2' }]] }),
      'decided what is no decision: chains[0][0].vm: expected the name of a guest, got an object',
    ],
    [
      'a guest that is not there',
      () => ({ chains: [[{ vm: 'web-3', to: 'pm-2' }]] }),
      'names a guest "web-3", which is not there: did you mean web-1?',
    ],
    [
      'a host that is not there',
      () => ({ chains: [[{ vm: 'web-1', to: 'elsewhere' }]] }),
      'names a host "elsewhere", which is not there',
    ],
    [
      'a host that is too small',
      () => ({ chains: [[{ vm: 'web-1', to: 'tiny' }]] }),
      "moves the guest web-1 to tiny, whose whole memory is less than the guest's",
    ],
    [
      'too many CPUs',
      () => ({ resizes: [{ vm: 'web-1', cpus: 3 }] }),
      'gives the guest web-1 3 CPUs, and it has 2 vCPUs: give it no more',
    ],
    [
      'too many CPUs after a move',
      () => ({ chains: [[{ vm: 'web-1', to: 'pm-2', cpus: 3 }]] }),
      'gives the guest web-1 3 CPUs, and it has 2 vCPUs: give it no more',
    ],
    [
      'no memory',
      () => ({ resizes: [{ vm: 'web-1', memoryBytes: 0 }] }),
      'decided what is no decision: resizes[0].memoryBytes: expected bytes, a number above 0, got 0',
    ],
    [
      'a hotspot of nothing known',
      () => ({ hotspots: [{ host: 'pm-1', resource: 'heat' }] }),
      'decided what is no decision: hotspots[0].resource: expected one of cpu, net, memory, response, drops, got "heat"',
    ],
    [
      'a hotspot nowhere',
      () => ({ hotspots: [{ host: 'pm-9', resource: 'cpu' }] }),
      'names a host "pm-9", which is not there: did you mean pm-1?',
    ],
    [
      'half a swap',
      () => ({ swaps: 0.5 }),
      'decided what is no decision: swaps: expected a whole number of 0 or more, got 0.5',
    ],
  ])('when it decides %s', async (_, decide, sentence) => {
    expect(await endOf(decide)).toEqual({
      outcome: 'failed',
      failure: `the policy own ${sentence}; the fleet ended at 10 s of 60 s`,
      endedS: 10,
      decisions: [],
    });
  });

  it.each<[string, () => never, RegExp]>([
    [
      'an error',
      () => {
        throw new RangeError('too far\nfrom home');
      },
      /^the policy own threw RangeError: too far \(\S+own-policy\.test\.ts:\d+:\d+\); the fleet ended at 10 s of 60 s$/,
    ],
    [
      'something else',
      () => {
        // eslint-disable-next-line no-throw-literal
        throw 'up' as unknown as Error;
      },
      /^the policy own threw up; the fleet ended at 10 s of 60 s$/,
    ],
  ])('when it throws %s', async (_, decide, sentence) => {
    const { outcome, failure } = await endOf(decide);
    expect(outcome).toBe('failed');
    expect(failure).toMatch(sentence);
  });

  it('and keeps what has happened until then', async () => {
    const policy: FleetPolicy = {
      name: 'own',
      decide: ({ nowNs }) => {
        if (nowNs === 10e9) return { chains: [[{ vm: 'web-1', to: 'pm-2' }]] };
        return nowNs === 15e9 ? (null as unknown as Decision) : undefined;
      },
    };
    const { outcome, endedNs, migrations, vms } = await runFleet(config, { policy });
    expect([outcome, endedNs]).toEqual(['failed', 15e9]);
    expect(migrations).toMatchObject([{ vm: 'web-1', isMoved: true }]);
    expect(vms.map(({ host }) => host)).toEqual(['pm-2', 'pm-1', 'pm-2']);
  });
});

describe('a policy of one’s own is not refused', () => {
  it('for a move that finds no memory when its turn comes, which is counted', async () => {
    const policy: FleetPolicy = {
      name: 'own',
      decide: ({ nowNs }) => {
        if (nowNs === 10e9) return { resizes: [{ vm: 'web-2', memoryBytes: 56 * 2 ** 20 }] };
        if (nowNs !== 20e9) return undefined;
        return { chains: [[{ vm: 'web-2', to: 'pm-2' }], [{ vm: 'web-1', to: 'pm-2' }]] };
      },
    };
    const { outcome, refusedMoves, vms } = await runFleet(config, { policy });
    expect([outcome, refusedMoves]).toEqual(['completed', 1]);
    expect(vms.map(({ host }) => host)).toEqual(['pm-1', 'pm-2', 'pm-2']);
  });
});
