import { Generator } from '../../../random/generator.ts';
import { book, cpusOf, hasRoom, hotspotsOf, type LoadedHost, loadedHosts } from './loads.ts';
import type { Decision, FleetPolicy, FleetView, Move, VmView } from './policy.ts';

/** Nothing ever moves. */
export const none: FleetPolicy = { name: 'none', decide: () => undefined };

/** Any VM of a hot host goes to any other host that has the memory for it. */
export class RandomPolicy implements FleetPolicy {
  readonly name = 'random';
  readonly #random: Generator;

  constructor(seed: number) {
    this.#random = new Generator(seed, 0xf1ee7);
  }

  decide(view: FleetView): Decision | undefined {
    return relieve(view, this.#pick, this.#pickHost);
  }

  readonly #pick = (vms: readonly VmView[]): VmView | undefined =>
    vms[this.#random.below(Math.max(1, vms.length))];

  readonly #pickHost = (vm: VmView, hosts: readonly LoadedHost[]): LoadedHost | undefined => {
    const all = hosts.filter((host) => hasRoom(host, vm, Infinity));
    return all[this.#random.below(Math.max(1, all.length))];
  };
}

/** The busiest VM of a hot host goes to the least busy host that stays below the threshold. */
export const loadAware: FleetPolicy = {
  name: 'load-aware',
  decide: (view) =>
    relieve(
      view,
      (vms) => best(vms, cpusOf),
      (vm, hosts) => {
        const room = hosts.filter((host) => hasRoom(host, vm, view.hotspot.threshold));
        return best(room, ({ cpu }) => -cpu);
      },
    ),
};

/** Moves one VM off each hot host. */
function relieve(
  view: FleetView,
  pickVm: (vms: readonly VmView[]) => VmView | undefined,
  pickHost: (vm: VmView, hosts: readonly LoadedHost[]) => LoadedHost | undefined,
): Decision | undefined {
  const hotspots = hotspotsOf(view);
  if (hotspots.length === 0) return undefined;
  const hosts = loadedHosts(view);
  const chains: Move[][] = [];
  for (const name of new Set(hotspots.map(({ host }) => host))) {
    const from = hosts.find((host) => host.view.name === name);
    const vm = from && pickVm([...from.vms]);
    const to =
      vm &&
      pickHost(
        vm,
        hosts.filter((host) => host !== from),
      );
    if (!to) continue;
    chains.push([book(vm, from, to)]);
  }
  return { chains, hotspots };
}

/** Returns the first one with the largest value; undefined when there is none. */
export function best<One>(all: readonly One[], valueOf: (one: One) => number): One | undefined {
  let found: One | undefined;
  let most = -Infinity;
  for (const one of all) {
    const value = valueOf(one);
    if (value > most) {
      most = value;
      found = one;
    }
  }
  return found;
}
