import { describe, expect, it } from 'vitest';
import { createNetwork, type Flow, type LinkSpec, Network } from '../../src/link/network.ts';

const GBIT = 125e6;

function open(capacities: readonly number[], mostFlows = 8) {
  const links: LinkSpec[] = capacities.map((bytesPerSecond, i) => ({
    name: `link ${i}`,
    bytesPerSecond,
  }));
  const shared = createNetwork(links, mostFlows);
  const network = new Network(shared);
  const sending = (path: readonly number[], limit = Infinity): Flow => {
    const flow = network.flow(network.openFlow(path));
    flow.limit(limit);
    flow.start();
    return flow;
  };
  return { shared, network, sending };
}

const ratesOf = (flows: readonly Flow[]): number[] => flows.map((flow) => flow.rate());

describe('a network', () => {
  it('gives a flow that is alone the least capacity of its path, to the bit', () => {
    const { sending } = open([GBIT, 117_123_456.789, 3 * GBIT]);
    expect(sending([0, 1, 2]).rate()).toBe(117_123_456.789);
  });

  it('gives two equal flows half of a link each, to the bit', () => {
    const { sending } = open([117_123_456.789]);
    const flows = [sending([0]), sending([0])];
    expect(ratesOf(flows)).toEqual([117_123_456.789 / 2, 117_123_456.789 / 2]);
  });

  it('shares a link max-min fairly among three flows with different limits', () => {
    const { sending } = open([100]);
    expect(ratesOf([sending([0], 10), sending([0], 40), sending([0], 80)])).toEqual([10, 40, 50]);
    const { sending: again } = open([100]);
    expect(ratesOf([again([0], 10), again([0], 60), again([0], 80)])).toEqual([10, 45, 45]);
  });

  it('leaves the share of a flow that rests or is closed to the others', () => {
    const { sending } = open([100]);
    const [first, second, third] = [sending([0]), sending([0]), sending([0])];
    first.rest();
    expect(ratesOf([first, second, third])).toEqual([0, 50, 50]);
    third.close();
    expect(second.rate()).toBe(100);
    first.start();
    expect(ratesOf([first, second])).toEqual([50, 50]);
  });

  it('lets flows that share a core have what each can use of it', () => {
    // Uplinks 0 and 1 and 2, the core 3, a downlink 4.
    const { sending } = open([10, 100, 100, 120, 60]);
    const flows = [sending([0, 3]), sending([1, 3]), sending([2, 3, 4])];
    expect(ratesOf(flows)).toEqual([10, 55, 55]);
    flows.push(sending([4]));
    expect(ratesOf(flows)).toEqual([10, 80, 30, 30]);
  });

  it('holds nobody back without links, or with links that have no bound', () => {
    const { sending } = open([Infinity, 100]);
    const flows = [sending([]), sending([0]), sending([0]), sending([0, 1]), sending([], 7)];
    expect(ratesOf(flows)).toEqual([Infinity, Infinity, Infinity, 100, 7]);
  });

  it('sends a frame of a flow with a limit at its rate and what nobody uses beside it', () => {
    const { sending } = open([117_123_456.789]);
    const limited = sending([0], 1000);
    expect([limited.rate(), limited.frameRate()]).toEqual([1000, 117_123_456.789]);
    const other = sending([0], 17_123_456.789);
    expect(limited.frameRate()).toBeCloseTo(100e6, 3);
    other.limit(Infinity);
    expect([limited.rate(), limited.frameRate()]).toEqual([1000, 1000]);
    expect([other.rate(), other.frameRate()]).toEqual([117_122_456.789, 117_122_456.789]);
  });

  it('has one state, whichever thread looks at it', () => {
    const { shared, network, sending } = open([100]);
    const first = sending([0]);
    // As it arrives in another thread: shared memory stays shared.
    const elsewhere = new Network(structuredClone(shared));
    const id = network.openFlow([0]);
    const second = elsewhere.flow(id);
    second.start();
    expect([first.rate(), second.rate()]).toEqual([50, 50]);
    second.limit(20);
    expect([first.rate(), network.flow(id).rate()]).toEqual([80, 20]);
    first.rest();
    expect(second.rate()).toBe(20);
  });

  it('starts and rests once, however often it is told to', () => {
    const { shared, sending } = open([100]);
    const flow = sending([0]);
    const version = new Int32Array(shared.state)[0];
    flow.start();
    flow.limit(Infinity);
    expect(new Int32Array(shared.state)[0]).toBe(version);
  });

  it('gives a place to another flow only once the first is closed, and refuses the first then', () => {
    const { network, sending } = open([100], 2);
    const first = network.openFlow([0]);
    const second = sending([0], 30);
    expect(() => network.openFlow([0])).toThrow(
      'all 2 flows that the network has room for are open',
    );
    const stale = network.flow(first);
    stale.close();
    const third = sending([0]);
    for (const call of [
      () => stale.start(),
      () => stale.rest(),
      () => stale.limit(5),
      () => stale.rate(),
      () => stale.frameRate(),
      () => stale.close(),
      () => network.flow(first),
    ]) {
      expect(call).toThrow(`flow ${first} of the network is not open`);
    }
    expect([second.rate(), third.rate()]).toEqual([30, 70]);
  });

  it('gives a flow in a place that was used before no limit of its own', () => {
    const network = new Network(createNetwork([{ name: 'link', bytesPerSecond: 100 }], 1));
    const first = network.flow(network.openFlow([0]));
    first.limit(10);
    first.close();
    const second = network.flow(network.openFlow([0]));
    second.start();
    expect(second.rate()).toBe(100);
  });

  it('refuses what is no path, no limit, no capacity and no number of flows', () => {
    const { network, sending } = open([100, 200]);
    expect(() => network.openFlow([2])).toThrow('there is no link 2; there are 2');
    expect(() => network.openFlow([1, 0, 1])).toThrow('the path goes over the link "link 1" twice');
    expect(() => network.openFlow([0, 1, 0, 1, 0, 1, 0, 1, 0])).toThrow('at most 8 links');
    expect(() => sending([0], 0)).toThrow("a flow's limit is more than 0 bytes a second, not 0");
    expect(() => sending([0], Number.NaN)).toThrow('not NaN');
    expect(() => open([100, 0])).toThrow('the link "link 1" needs a capacity of more than 0');
    expect(() => open([100], 0.5)).toThrow('a whole number of flows, not 0.5');
  });
});
