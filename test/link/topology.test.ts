import { describe, expect, it } from 'vitest';
import { createNetwork, Network } from '../../src/link/network.ts';
import { Topology } from '../../src/link/topology.ts';

function star() {
  const topology = new Topology();
  topology.addHost('a', 100);
  topology.addHost('b', 80);
  topology.addHost('c', 60);
  return topology;
}

describe('a topology', () => {
  it('routes over an uplink, the core and a downlink', () => {
    const topology = star();
    topology.core(50);
    const namesOf = (path: readonly number[]): string[] =>
      path.map((link) => topology.links[link]!.name);
    expect(namesOf(topology.route('a', 'c'))).toEqual(['a up', 'core forth', 'c down']);
    expect(namesOf(topology.route('c', 'a'))).toEqual(['c up', 'core back', 'a down']);
    expect(topology.route('b', 'b')).toEqual([]);
  });

  it('has no core that holds anybody back unless it was given one', () => {
    const topology = star();
    expect(topology.route('a', 'b').map((link) => topology.links[link]!.bytesPerSecond)).toEqual([
      100, 80,
    ]);
  });

  it('shares the core between those that send over it, and leaves the way back free', () => {
    const topology = star();
    topology.core(50);
    const network = new Network(createNetwork(topology.links, 3));
    const flows = [
      topology.route('a', 'c'),
      topology.route('b', 'c'),
      topology.route('c', 'a'),
    ].map((path) => network.flow(network.openFlow(path)));
    for (const flow of flows) flow.start();
    expect(flows.map((flow) => flow.rate())).toEqual([25, 25, 50]);
  });

  it('refuses unknown hosts, two of one name, and a second core', () => {
    const topology = star();
    expect(() => topology.route('a', 'x')).toThrow('there is no host "x"; the hosts are: a, b, c');
    expect(() => topology.route('x', 'a')).toThrow('there is no host "x"');
    expect(() => topology.addHost('a', 1)).toThrow('there are two hosts of the name "a"');
    topology.core(1);
    expect(() => topology.core(2)).toThrow('has a core already');
  });
});
