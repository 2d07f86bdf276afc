import { FLEET_POLICIES } from '../../fleet/datacentre/policies/registry.ts';
import type { FleetPolicy } from '../../fleet/datacentre/policies/policy.ts';
import { othersTurn } from '../../runtime/common/others-turn.ts';
import { fleetView } from '../placement/fleet-view.ts';
import { growthExponent } from '../placement/growth.ts';
import { choiceOf, countOf, countsOf } from './options.ts';
import type { Bench, BenchContext, Findings, Metric } from './outcome.ts';

/** Those of figure 11b of Wood et al., NSDI 2007, but for the spreads, which the paper does not say. */
const LOADS = {
  hot: { mean: 0.85, spread: 0.1 },
  other: { mean: 0.45, spread: 0.05 },
  vmSpread: 0.7,
};

const KINDS = ['sandpiper-black', 'sandpiper-gray'] as const;

export const placementBench: Bench = {
  name: 'placement',
  about: 'how long Sandpiper takes to find hotspots and to plan migrations, by the number of VMs',
  options: [
    {
      flag: 'vms',
      value: 'counts',
      about: 'numbers of VMs',
      default: '30,75,150,300,450,600,900,1500',
    },
    { flag: 'vms-per-host', value: 'n', about: 'VMs of each host', default: '3' },
    { flag: 'hot-percent', value: 'n', about: 'of 100 hosts so many are too busy', default: '40' },
    { flag: 'policy', value: 'name', about: KINDS.join(' or '), default: 'sandpiper-black' },
    { flag: 'iterations', value: 'n', about: 'timed decisions for each number', default: '10' },
    { flag: 'seed', value: 'n', about: 'seed of the loads', default: '1' },
  ],
  run: runPlacement,
};

async function runPlacement({
  options,
  clock,
  progress,
  metrics,
}: BenchContext): Promise<Findings> {
  const counts = countsOf(options, 'vms', 1, 1_000_000);
  const vmsPerHost = countOf(options, 'vms-per-host', 1, 1000);
  const hotShare = countOf(options, 'hot-percent', 0, 100) / 100;
  const iterations = countOf(options, 'iterations', 1, 100_000);
  const seed = countOf(options, 'seed', 0, Number.MAX_SAFE_INTEGER);
  const policy = policyOf(choiceOf(options, 'policy', KINDS), seed);
  const least: [number, number][] = [];
  for (const [done, vms] of counts.entries()) {
    progress(`${vms} VMs`, done, counts.length);
    const hosts = Math.ceil(vms / vmsPerHost);
    const hot = Math.round(hosts * hotShare);
    const view = fleetView(hosts, hot, { ...LOADS, vmsPerHost }, seed);
    const samples: number[] = [];
    let found: Metric[] = [];
    for (let i = -1; i < iterations; i++) {
      // The rest of the program, such as signals, has its turn between two decisions.
      await othersTurn();
      const startNs = clock.now();
      const decision = policy.decide(view);
      const ns = clock.now() - startNs;
      if (i >= 0) samples.push(ns / 1e6);
      found = factsOf(`${vms} VMs`, decision);
    }
    metrics.push(
      { of: `${vms} VMs`, name: 'decision', unit: 'ms', better: 'less', samples },
      ...found,
    );
    least.push([vms, Math.min(...samples)]);
  }
  return { metrics, ...(least.length < 2 ? {} : { notes: [growthNote(least)] }) };
}

function policyOf(kind: (typeof KINDS)[number], seed: number): FleetPolicy {
  const { options, create } = FLEET_POLICIES[kind]!;
  return create(options.parse({}), { seed, hosts: 0, vms: 0 });
}

/** What a decision came to describes the run: it is the same each time. */
function factsOf(of: string, decision: ReturnType<FleetPolicy['decide']>): Metric[] {
  const { hotspots = [], chains = [], swaps = 0 } = decision ?? {};
  const fact = (name: string, value: number): Metric => ({
    of,
    name,
    unit: 'n',
    better: 'less',
    samples: [value],
    isFact: true,
  });
  return [
    fact('hotspots', hotspots.length),
    fact('moves', chains.length - swaps),
    fact('swaps', swaps),
  ];
}

function growthNote(least: readonly [number, number][]): string {
  const exponent = growthExponent(least).toFixed(2);
  return `the shortest decisions grow as the number of VMs to the power of ${exponent}`;
}
