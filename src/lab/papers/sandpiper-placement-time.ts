import { z } from 'zod';
import { PlannedHost } from '../../fleet/datacentre/sandpiper/ledger.ts';
import { planMitigation } from '../../fleet/datacentre/sandpiper/plan.ts';
import { Generator } from '../../random/generator.ts';
import { growthExponent } from '../placement/growth.ts';
import { emptyHost, plannedHost } from '../placement/planned-hosts.ts';
import { tableSeries } from './fleet-series.ts';
import { type Figures, pointOf } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

const load = z.strictObject({ mean: z.number(), spread: z.number() });

const input = z.strictObject({
  vmsPerHost: z.number().int(),
  threshold: z.number(),
  /** The share of hosts that are too busy. */
  hotShare: z.number(),
  hot: load,
  other: load,
  vmSpread: z.number(),
  runs: z.number().int(),
  /** Numbers of guests, and the seconds that the paper's plan for them takes. */
  times: z.array(z.tuple([z.number().int(), z.number()])),
  /** Figures are multiples of those for so many guests. */
  base: z.number().int(),
  /** The power of the number of guests as which the paper's times grow. */
  exponent: z.number(),
  goal: z.number().positive(),
});

type Input = z.output<typeof input>;

/** A host that counts how often it is asked whether VMs fit there, which is what plans do most. */
class AskedHost extends PlannedHost {
  readonly #count: { asked: number };

  constructor(parts: ConstructorParameters<typeof PlannedHost>, count: { asked: number }) {
    super(...parts);
    this.#count = count;
  }

  override fits(...parts: Parameters<PlannedHost['fits']>): boolean {
    this.#count.asked++;
    return super.fits(...parts);
  }
}

/**
 * Figure 10 of Wood et al., NSDI 2007: how the work of a plan grows with the number of guests. It is counted and not
 * timed, so that it is the same on every machine.
 */
export function sandpiperPlacementTime(onRun: OnRun, { data }: Given): Promise<Figures> {
  const given = input.parse(data);
  const { times, base, goal } = given;
  const work = times.map(([vms], index) => {
    const asked = askedFor(vms, given);
    onRun(index + 1, times.length);
    return asked;
  });
  const at = times.findIndex(([vms]) => vms === base);
  const exponent = growthExponent(times.map(([vms], i) => [vms, work[i]!]));
  return Promise.resolve({
    x: { label: 'guests', log: true },
    y: { label: `multiple of ${base} guests`, log: true },
    series: [
      {
        name: 'a plan',
        isUnverified: true,
        goal,
        points: times.map(([vms, seconds], i) =>
          pointOf(vms, seconds / times[at]![1], work[i]! / work[at]!, { goal }),
        ),
      },
      tableSeries(
        'it grows as this power of the number of guests',
        [[1, given.exponent, exponent]],
        {
          goal,
          isUnverified: true,
        },
      ),
      tableSeries(
        'times that a host is asked whether guests fit there',
        times.map(([vms], i) => [vms, null, work[i]!]),
      ),
    ],
  });
}

/** Returns how often hosts are asked in a plan for so many VMs, as a mean over all runs. */
function askedFor(vms: number, given: Input): number {
  const { runs, vmsPerHost, hotShare, threshold } = given;
  const hosts = Math.ceil(vms / vmsPerHost);
  const hot = Math.round(hosts * hotShare);
  const count = { asked: 0 };
  for (let run = 0; run < runs; run++) {
    const random = new Generator(run, hosts);
    const all = Array.from({ length: hosts }, (_, i) =>
      plannedHost(i, i < hot, given, random, (...parts) => new AskedHost(parts, count)),
    );
    const isHot = (host: PlannedHost): boolean => !host.isCool(threshold);
    planMitigation(all, isHot, emptyHost('scratch', given), threshold);
  }
  return count.asked / runs;
}
