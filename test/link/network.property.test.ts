import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNetwork, type Flow, Network, type SharedNetwork } from '../../src/link/network.ts';

interface FlowCase {
  readonly path: readonly number[];
  readonly limit: number;
  readonly isSending: boolean;
}

interface NetworkCase {
  readonly capacities: readonly number[];
  readonly flows: readonly FlowCase[];
}

const RUNS = 2000;
/** Relative, for what a sum of rounded rates may be off. */
const ROUNDING = 1e-9;

const rate = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 1, max: 1e11, noNaN: true }) },
  // Values that meet: equal capacities and limits are the cases with several bottlenecks at once.
  { weight: 4, arbitrary: fc.constantFrom(100, 200, 300, 600, 125e6) },
);

const networks: fc.Arbitrary<NetworkCase> = fc
  .array(
    fc.oneof({ weight: 9, arbitrary: rate }, { weight: 1, arbitrary: fc.constant(Infinity) }),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .chain((capacities) => {
    const links = capacities.map((_, link) => link);
    const flow = fc.record({
      path: fc.shuffledSubarray(links, { minLength: 0, maxLength: Math.min(8, links.length) }),
      limit: fc.oneof(
        { weight: 2, arbitrary: fc.constant(Infinity) },
        { weight: 1, arbitrary: rate },
      ),
      isSending: fc.boolean(),
    });
    return fc.record({
      capacities: fc.constant(capacities),
      flows: fc.array(flow, { minLength: 1, maxLength: 30 }),
    });
  });

function open({ capacities, flows }: NetworkCase): {
  shared: SharedNetwork;
  opened: Flow[];
  ids: number[];
} {
  const links = capacities.map((bytesPerSecond, i) => ({ name: `link ${i}`, bytesPerSecond }));
  const shared = createNetwork(links, flows.length);
  const network = new Network(shared);
  const ids = flows.map(({ path }) => network.openFlow(path));
  const opened = flows.map(({ limit, isSending }, i) => {
    const flow = network.flow(ids[i]!);
    flow.limit(limit);
    if (isSending) flow.start();
    return flow;
  });
  return { shared, opened, ids };
}

/** What the sending flows take of each link together. */
function loadsOf({ capacities, flows }: NetworkCase, rates: readonly number[]): number[] {
  return capacities.map((_, link) =>
    flows.reduce((sum, { path }, i) => (path.includes(link) ? sum + rates[i]! : sum), 0),
  );
}

describe('the shares of a random network', () => {
  it('never exceed the capacity of a link, nor a limit; who rests has none', () => {
    const seen = { limited: 0, full: 0, runs: 0 };
    fc.assert(
      fc.property(networks, (network) => {
        const rates = open(network).opened.map((flow) => flow.rate());
        const loads = loadsOf(network, rates);
        network.flows.forEach(({ limit, isSending }, i) => {
          if (isSending) expect(rates[i]).toBeGreaterThan(0);
          else expect(rates[i]).toBe(0);
          expect(rates[i]).toBeLessThanOrEqual(limit);
          if (rates[i] === limit && limit < Infinity) seen.limited++;
        });
        network.capacities.forEach((capacity, link) => {
          if (capacity === Infinity) return;
          expect(loads[link]).toBeLessThanOrEqual(capacity * (1 + ROUNDING));
          if (loads[link]! >= capacity * (1 - ROUNDING)) seen.full++;
        });
        seen.runs++;
      }),
      { numRuns: RUNS, seed: 1 },
    );
    // Else the property has no power.
    expect(seen.limited).toBeGreaterThan(RUNS / 4);
    expect(seen.full).toBeGreaterThan(RUNS / 2);
  });

  it('are max-min fair: who could use more has a full link on which nobody has more', () => {
    let held = 0;
    fc.assert(
      fc.property(networks, (network) => {
        const { capacities, flows } = network;
        const rates = open(network).opened.map((flow) => flow.rate());
        const loads = loadsOf(network, rates);
        const isFull = (link: number): boolean =>
          loads[link]! >= capacities[link]! * (1 - ROUNDING) && capacities[link]! < Infinity;
        const isHighestOn = (link: number, own: number): boolean =>
          flows.every(({ path }, i) => !path.includes(link) || rates[i]! <= own * (1 + ROUNDING));
        flows.forEach(({ path, limit, isSending }, i) => {
          if (!isSending || rates[i] === limit) return;
          expect(path.some((link) => isFull(link) && isHighestOn(link, rates[i]!))).toBe(true);
          held++;
        });
      }),
      { numRuns: RUNS, seed: 2 },
    );
    // Else the property has no power.
    expect(held).toBeGreaterThan(2 * RUNS);
  });

  it('are the same to the bit for all who look at one state, whatever they have seen before', () => {
    fc.assert(
      fc.property(networks, fc.array(fc.nat(), { maxLength: 8 }), (network, turns) => {
        const { shared, opened, ids } = open(network);
        const elsewhere = new Network(shared);
        for (const turn of turns) {
          const flow = opened[turn % opened.length]!;
          if (turn % 2 === 0) flow.rest();
          else flow.start();
          // One of them sees every state, the other only the last.
          flow.rate();
        }
        const late = new Network(shared);
        for (const look of ['rate', 'frameRate'] as const) {
          const here = opened.map((flow) => flow[look]());
          expect(ids.map((id) => elsewhere.flow(id)[look]())).toEqual(here);
          expect(ids.map((id) => late.flow(id)[look]())).toEqual(here);
        }
      }),
      { numRuns: RUNS / 2, seed: 3 },
    );
  });

  it('do not depend on the order in which flows are opened, but for rounding', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const forth = open(network).opened.map((flow) => flow.rate());
        const turned = { ...network, flows: network.flows.toReversed() };
        const back = open(turned)
          .opened.map((flow) => flow.rate())
          .toReversed();
        forth.forEach((own, i) => {
          if (own === Infinity) expect(back[i]).toBe(own);
          else expect(Math.abs(back[i]! - own)).toBeLessThanOrEqual(own * ROUNDING);
        });
      }),
      { numRuns: RUNS, seed: 4 },
    );
  });

  it('give a frame no less than the rate, and leave what the others have', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const { opened } = open(network);
        const rates = opened.map((flow) => flow.rate());
        const loads = loadsOf(network, rates);
        network.flows.forEach(({ path, isSending }, i) => {
          if (!isSending) return;
          const own = opened[i]!.frameRate();
          expect(own).toBeGreaterThanOrEqual(rates[i]!);
          for (const link of path) {
            const capacity = network.capacities[link]!;
            if (capacity === Infinity) continue;
            expect(loads[link]! - rates[i]! + own).toBeLessThanOrEqual(capacity * (1 + ROUNDING));
          }
        });
      }),
      { numRuns: RUNS, seed: 5 },
    );
  });
});
