import type { Move } from '../policies/policy.ts';
import type { PlannedHost, PlannedVm } from './ledger.ts';

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
  const hot = byVolume(hosts.filter(isHot)).toReversed();
  for (const host of hot) {
    for (const vm of byVsr(host)) {
      if (host.isCool(threshold)) break;
      const target = byVolume(hosts).find(
        (other) => other !== host && other.fits([vm], [], threshold),
      );
      if (!target) continue;
      host.remove(vm);
      target.add(vm);
      chains.push([moveOf(vm, target)]);
    }
  }
  let swaps = 0;
  for (const host of hot) {
    while (!host.isCool(threshold)) {
      const chain = swapOf(host, hosts, scratch, threshold);
      if (!chain) break;
      chains.push(chain);
      swaps++;
    }
  }
  return { chains, swaps, isPartial: hot.some((host) => !host.isCool(threshold)) };
}

const moveOf = ({ view }: PlannedVm, to: PlannedHost): Move => ({
  vm: view.name,
  to: to.view.name,
});

/** Returns hosts from the least to the most busy; those that are as busy keep their order. */
function byVolume(hosts: readonly PlannedHost[]): PlannedHost[] {
  const volumes = new Map(hosts.map((host) => [host, host.volume]));
  return hosts.toSorted((a, b) => volumes.get(a)! - volumes.get(b)!);
}

/** Returns a host's VMs, the one first that takes most load along for its memory. */
const byVsr = (host: PlannedHost): PlannedVm[] => [...host.vms].toSorted((a, b) => b.vsr - a.vsr);

/**
 * Swaps one VM of a hot host for as few of another host's as make room for it; returns the moves, or undefined when no
 * swap keeps both hosts below the threshold.
 */
function swapOf(
  host: PlannedHost,
  hosts: readonly PlannedHost[],
  scratch: PlannedHost | undefined,
  threshold: number,
): Move[] | undefined {
  for (const vm of byVsr(host)) {
    for (const other of byVolume(hosts)) {
      if (other === host) continue;
      const out: PlannedVm[] = [];
      for (const one of byVsr(other).toReversed()) {
        out.push(one);
        if (!other.fits([vm], out, threshold)) continue;
        // The swap is one only if it takes load off the hot host.
        const isLighter = out.reduce((sum, { needs }) => sum + needs.cpus, 0) < vm.use.cpus;
        const isPossible = isLighter && host.fits(out, [vm], threshold);
        const chain = isPossible ? order({ vm, host, other, out }, scratch) : undefined;
        if (!chain) break;
        host.remove(vm);
        for (const each of out) {
          other.remove(each);
          host.add(each);
        }
        other.add(vm);
        return chain;
      }
    }
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
function order(swap: Swap, scratch: PlannedHost | undefined): Move[] | undefined {
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
