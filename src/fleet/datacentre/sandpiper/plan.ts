import type { Move } from '../policies/policy.ts';
import type { PlannedHost, PlannedVm } from './ledger.ts';
import { VolumeOrder } from './volume-order.ts';

/** A plan that is complete before anything moves. */
export interface Plan {
  readonly chains: readonly (readonly Move[])[];
  readonly swaps: number;
  /** Whether hotspots are left that no move or swap resolves. */
  readonly isPartial: boolean;
}

/**
 * Plans how hosts get below a threshold (Wood et al., NSDI 2007, section 5): from the busiest hot host the VM goes first
 * that takes most load along for its memory, to the least busy host that has room for it. Where no move helps, VMs are
 * swapped. `scratch` is kept free for swaps. The hosts are changed as planned.
 */
export function planMitigation(
  hosts: readonly PlannedHost[],
  isHot: (host: PlannedHost) => boolean,
  scratch: PlannedHost | undefined,
  threshold: number,
): Plan {
  const chains: Move[][] = [];
  const order = new VolumeOrder(hosts);
  const hot = order.hosts.filter(isHot).toReversed();
  for (const host of hot) {
    for (const vm of host.byVsr) {
      if (host.isCool(threshold)) break;
      const target = order.hosts.find((other) => other !== host && other.fits([vm], [], threshold));
      if (!target) continue;
      host.remove(vm);
      target.add(vm);
      order.update(host);
      order.update(target);
      chains.push([moveOf(vm, target)]);
    }
  }
  let swaps = 0;
  for (const host of hot) {
    while (!host.isCool(threshold)) {
      const swap = swapOf(host, order.hosts, scratch, threshold);
      if (!swap) break;
      order.update(host);
      order.update(swap.other);
      chains.push(swap.moves);
      swaps++;
    }
  }
  return { chains, swaps, isPartial: hot.some((host) => !host.isCool(threshold)) };
}

const moveOf = ({ view }: PlannedVm, to: PlannedHost): Move => ({
  vm: view.name,
  to: to.view.name,
});

/**
 * Swaps one VM of a hot host for as few of another host's as make room for it, in the plan; returns the other host and
 * the moves, or undefined when no swap keeps both hosts below the threshold. The hosts come in the order of their volumes.
 */
function swapOf(
  host: PlannedHost,
  hosts: readonly PlannedHost[],
  scratch: PlannedHost | undefined,
  threshold: number,
): { readonly other: PlannedHost; readonly moves: Move[] } | undefined {
  for (const vm of host.byVsr) {
    for (const other of hosts) {
      if (other === host) continue;
      const out = outOf(other, vm, threshold);
      if (!out || !host.fits(out, [vm], threshold)) continue;
      const moves = inOrder({ vm, host, other, out }, scratch);
      if (!moves) continue;
      host.remove(vm);
      for (const each of out) {
        other.remove(each);
        host.add(each);
      }
      other.add(vm);
      return { other, moves };
    }
  }
  return undefined;
}

/**
 * Returns the VMs that have to leave a host so that another one finds room there: as few as possible, those first that
 * take least load along. Returns undefined where they would bring the other's host as much load as it gets rid of.
 */
function outOf(host: PlannedHost, coming: PlannedVm, threshold: number): PlannedVm[] | undefined {
  const out: PlannedVm[] = [];
  let cpus = 0;
  for (let place = host.byVsr.length - 1; place >= 0; place--) {
    const one = host.byVsr[place]!;
    out.push(one);
    cpus += one.needs.cpus;
    if (!(cpus < coming.use.cpus)) return undefined;
    if (host.fits([coming], out, threshold)) return out;
  }
  return undefined;
}

interface Swap {
  readonly vm: PlannedVm;
  readonly host: PlannedHost;
  readonly other: PlannedHost;
  readonly out: readonly PlannedVm[];
}

/** Returns the moves of a swap in an order in which memory is there for each; undefined when there is none. */
function inOrder(swap: Swap, scratch: PlannedHost | undefined): Move[] | undefined {
  const { vm, host, other, out } = swap;
  const outBytes = out.reduce((sum, { use }) => sum + use.memoryBytes, 0);
  if (scratch && scratch.freeBytes >= outBytes) {
    return [
      ...out.map((one) => moveOf(one, scratch)),
      moveOf(vm, other),
      ...out.map((one) => moveOf(one, host)),
    ];
  }
  // Without a scratch host, whoever finds room on the other host first goes first.
  if (other.freeBytes >= vm.needs.memoryBytes) {
    return [moveOf(vm, other), ...out.map((one) => moveOf(one, host))];
  }
  if (host.freeBytes >= outBytes)
    return [...out.map((one) => moveOf(one, host)), moveOf(vm, other)];
  return undefined;
}
