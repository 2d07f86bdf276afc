import type { HostView, VmView } from '../policies/policy.ts';
import type { Needs } from './needs.ts';
import { volumeOf } from './volume.ts';

/** A VM in a plan. */
export interface PlannedVm {
  readonly view: Pick<VmView, 'name'>;
  /** What it uses now, and what it is to get on another host. */
  readonly use: Needs;
  readonly needs: Needs;
  /** Volume ÷ memory: how much load moves with each byte. */
  readonly vsr: number;
  /** The CPUs that it needs beyond those that it may use where it is; absent: none. */
  readonly shortCpus?: number;
}

/** Returns a VM in a plan; its needs take a while to compute, so that happens only for those that may move. */
export function plannedVm(known: Omit<PlannedVm, 'needs'>, needsOf: () => Needs): PlannedVm {
  let needs: Needs | undefined;
  return {
    ...known,
    get needs() {
      return (needs ??= needsOf());
    },
  };
}

/** What a plan has to know of a host besides its loads. */
export type PlannedView = Pick<HostView, 'name' | 'cpus' | 'nicBytesPerSecond' | 'isScratch'>;

/** A host in a plan: its loads change with each move that is planned. */
export class PlannedHost {
  readonly view: PlannedView;
  readonly vms = new Set<PlannedVm>();
  cpus: number;
  netBytesPerSecond: number;
  freeBytes: number;
  /** Memory that its VMs need and it has not. */
  shortBytes: number;
  /** CPUs that its VMs need beyond those that they may use. */
  shortCpus: number;
  /** A VM on it does not keep its promises, although the host is not too busy. */
  isTroubled: boolean;
  readonly #memoryUse: number;
  #byVsr: readonly PlannedVm[] | undefined;

  constructor(
    view: PlannedView,
    load: {
      readonly cpus: number;
      readonly netBytesPerSecond: number;
      readonly memoryUse: number;
      readonly freeBytes: number;
      readonly shortBytes: number;
      readonly shortCpus?: number;
      readonly isTroubled: boolean;
    },
  ) {
    this.view = view;
    this.cpus = load.cpus;
    this.netBytesPerSecond = load.netBytesPerSecond;
    this.freeBytes = load.freeBytes;
    this.shortBytes = load.shortBytes;
    this.shortCpus = load.shortCpus ?? 0;
    this.isTroubled = load.isTroubled;
    this.#memoryUse = load.memoryUse;
  }

  /** Its VMs, the one first that takes most load along for its memory. */
  get byVsr(): readonly PlannedVm[] {
    return (this.#byVsr ??= [...this.vms].toSorted((a, b) => b.vsr - a.vsr));
  }

  get volume(): number {
    return volumeOf(this.#share('cpus'), this.#share('netBytesPerSecond'), this.#memoryUse);
  }

  /** Whether all of its resources are below the threshold. */
  isCool(threshold: number): boolean {
    return this.#isWithin(threshold) && this.freeBytes >= this.shortBytes && !this.isTroubled;
  }

  /** Whether it is CPUs that it has too few of, also where only the promises of its VMs show it. */
  isPressed(threshold: number): boolean {
    return this.isTroubled || this.#share('cpus') > threshold;
  }

  /** Whether it has the memory that its VMs need when one leaves it and others come. */
  hasMemory(coming: readonly Pick<PlannedVm, 'needs'>[], leaving: PlannedVm): boolean {
    const cameBytes = coming.reduce((sum, { needs }) => sum + needs.memoryBytes, 0);
    const freeBytes = this.freeBytes + leaving.use.memoryBytes - cameBytes;
    return freeBytes >= this.shortBytes - shortBytesOf(leaving);
  }

  /** Whether VMs that need so much find room below the threshold when others have left. */
  fits(
    coming: readonly Pick<PlannedVm, 'needs'>[],
    leaving: readonly Pick<PlannedVm, 'use'>[],
    threshold: number,
  ): boolean {
    let { cpus, netBytesPerSecond, freeBytes } = this;
    for (const { use } of leaving) {
      cpus -= use.cpus;
      netBytesPerSecond -= use.netBytesPerSecond;
      freeBytes += use.memoryBytes;
    }
    for (const { needs } of coming) {
      cpus += needs.cpus;
      netBytesPerSecond += needs.netBytesPerSecond;
      freeBytes -= needs.memoryBytes;
    }
    const { view } = this;
    return (
      cpus <= threshold * view.cpus &&
      netBytesPerSecond <= threshold * view.nicBytesPerSecond &&
      freeBytes >= 0
    );
  }

  add(vm: PlannedVm): void {
    this.vms.add(vm);
    this.#byVsr = undefined;
    this.cpus += vm.needs.cpus;
    this.netBytesPerSecond += vm.needs.netBytesPerSecond;
    this.freeBytes -= vm.needs.memoryBytes;
  }

  remove(vm: PlannedVm): void {
    this.vms.delete(vm);
    this.#byVsr = undefined;
    this.cpus -= vm.use.cpus;
    this.netBytesPerSecond -= vm.use.netBytesPerSecond;
    this.freeBytes += vm.use.memoryBytes;
    this.shortBytes -= shortBytesOf(vm);
    this.shortCpus = Math.max(0, this.shortCpus - (vm.shortCpus ?? 0));
    // The VMs that stay have its CPU time, so their promises are kept as far as the host is cool.
    this.isTroubled = false;
  }

  #isWithin(threshold: number): boolean {
    const cpus = this.#share('cpus', this.shortCpus);
    return cpus <= threshold && this.#share('netBytesPerSecond') <= threshold;
  }

  #share(of: 'cpus' | 'netBytesPerSecond', more = 0): number {
    const { cpus, nicBytesPerSecond } = this.view;
    const capacity = of === 'cpus' ? cpus : nicBytesPerSecond;
    return capacity === Infinity ? 0 : (this[of] + more) / capacity;
  }
}

/** The memory that a VM needs and has not. */
const shortBytesOf = ({ use, needs }: PlannedVm): number => needs.memoryBytes - use.memoryBytes;
