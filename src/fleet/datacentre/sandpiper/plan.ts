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
      const out = outOf(host, vm, other, threshold);
      if (!out) continue;
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

/** Returns the VMs that change places with one of a hot host; undefined when none bring both hosts below the threshold. */
function outOf(
  host: PlannedHost,
  vm: PlannedVm,
  other: PlannedHost,
  threshold: number,
): PlannedVm[] | undefined {
  const isForCpus = host.isPressed(threshold);
  // A host that needs CPUs gets none by a swap that brings it as much load as it gets rid of.
  for (const out of choicesOf(other, isForCpus ? vm.use.cpus : Infinity)) {
    if (!other.fits([vm], out, threshold)) continue;
    const isRelief = isForCpus || host.hasMemory(out, vm);
    if (isRelief && host.fits(out, [vm], threshold)) return [...out];
  }
  return undefined;
}

/**
 * Yields VMs that may leave a host together: as few as possible, those first that take least load along, and less than
 * `mostCpus`. If CPUs do not matter, each of them alone comes after that: one that sends much takes more load along
 * than one that computes, but may be the one that makes room on the network card. What is yielded changes afterwards.
 */
function* choicesOf({ byVsr }: PlannedHost, mostCpus: number): Iterable<readonly PlannedVm[]> {
  const out: PlannedVm[] = [];
  let cpus = 0;
  for (const one of byVsr.toReversed()) {
    out.push(one);
    cpus += one.needs.cpus;
    if (!(cpus < mostCpus)) return;
    yield out;
  }
  if (mostCpus < Infinity) return;
  for (const one of byVsr.slice(0, -1).toReversed()) yield [one];
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
