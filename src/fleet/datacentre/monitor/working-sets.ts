import { ActiveMemory, DEFAULT_SAMPLING } from '../../../overcommit/active-memory.ts';
import { Generator } from '../../../random/generator.ts';
import type { WorkingSetSpec } from '../config.ts';
import type { FleetVm } from '../vm.ts';
import { touchedPages } from './page-samples.ts';
import { Series } from './series.ts';

/** This number keeps the picks of pages apart from all else that is drawn from the guests' seeds. */
const PICKS = 0x3a3;

/** What is known of a VM's working set, and the sample that is being taken. */
interface Sampled {
  readonly active: ActiveMemory;
  readonly random: Generator;
  /** The estimate in bytes at the end of each interval, once a first period is over. */
  readonly readings: Series;
  /** For how long its vCPUs had run when the period began. */
  fromNs: number;
}

/**
 * Estimates working sets from outside, as ESX does (Waldspurger, OSDI 2002, section 5.3): in each period some pages of a
 * VM, picked at random, are taken away from it, and those that it touches are counted, each of which costs a fault.
 */
export class WorkingSets {
  readonly #spec: WorkingSetSpec;
  readonly #vms: ReadonlyMap<FleetVm, Sampled>;
  #endNs: number;

  constructor(spec: WorkingSetSpec, vms: readonly FleetVm[], window: number) {
    this.#spec = spec;
    this.#endNs = spec.periodNs;
    this.#vms = new Map(
      vms.map((vm) => {
        const random = new Generator(vm.spec.config.seed, PICKS);
        const active = new ActiveMemory(DEFAULT_SAMPLING);
        return [vm, { active, random, readings: new Series(window), fromNs: vm.ranNs }];
      }),
    );
  }

  readingsOf(vm: FleetVm): Series {
    return this.#vms.get(vm)!.readings;
  }

  /** Takes the readings of the interval that ends now. Hosts must have lived up to now. */
  sample(nowNs: number): void {
    const isOver = nowNs >= this.#endNs;
    if (isOver) this.#endNs += this.#spec.periodNs;
    for (const [vm, sampled] of this.#vms) {
      if (isOver) this.#endPeriod(vm, sampled);
      const isKnown = isOver || sampled.readings.length > 0;
      if (isKnown) sampled.readings.push(sampled.active.fraction * vm.memoryBytes);
    }
  }

  /** Finds which of a period's pages the VM has touched, which its host pays for in the next period. */
  #endPeriod(vm: FleetVm, sampled: Sampled): void {
    const { samples, periodNs, faultNs } = this.#spec;
    const { config } = vm.spec;
    const { pageSize } = config.guest;
    const memoryBytes = Math.ceil(vm.memoryBytes / pageSize) * pageSize;
    const picked = pick(
      sampled.random,
      Math.min(samples, memoryBytes / pageSize),
      memoryBytes / pageSize,
    );
    const guest = { ...config.guest, memoryBytes };
    const touched = touchedPages({ guest, seed: config.seed }, sampled.fromNs, vm.ranNs, picked);
    sampled.active.endPeriod(touched.size / picked.size);
    sampled.fromNs = vm.ranNs;
    vm.samplingCpus = (touched.size * faultNs) / periodNs;
  }
}

/** Picks so many different pages. */
function pick(random: Generator, count: number, pages: number): Set<number> {
  const picked = new Set<number>();
  while (picked.size < count) picked.add(random.below(pages));
  return picked;
}
