import type { ApplicationSpec } from '../config.ts';
import type { FleetVm } from '../vm.ts';
import type { Application, ApplicationSite, ServedFigures } from './application.ts';
import { meanOf, varianceOf } from './distribution.ts';
import { rateAt } from './load.ts';
import { NORMAL_99, percentileNs, responseNs, responseVariation } from './queueing.ts';
import { ResponseSpread } from './response-spread.ts';
import { ApplicationStats } from './stats.ts';

/** A VM's part in a tier, as a flow of requests. */
interface Server {
  readonly vm: FleetVm;
  readonly serviceNs: number;
  readonly bytes: number;
  /** The squared coefficient of variation of its service times. */
  readonly variation: number;
  /** Requests that came in this step, and that wait for CPU time. */
  arriving: number;
  backlog: number;
  /** Its VM's CPU time and standstill when the step began. */
  cpuNs: number;
  stoppedNs: number;
  arrived: number;
  served: number;
  dropped: number;
  responseSumNs: number;
  /** What it did in the step that has ended. */
  stepServed: number;
  stepDropped: number;
  stepResponseNs: number;
  stepStalledNs: number;
}

/**
 * An application whose requests are flows: in each step a VM serves as many as its CPU time allows, and formulas of
 * queueing theory say how long they take. It costs the same whatever the number of requests.
 */
export class FluidApplication implements Application {
  readonly spec: ApplicationSpec;
  readonly stats = new ApplicationStats();
  readonly #site: ApplicationSite;
  readonly #tiers: readonly (readonly Server[])[];
  readonly #byVm = new Map<FleetVm, Server>();
  readonly #spread = new ResponseSpread(this.stats.responses);
  readonly #migratingSpread = new ResponseSpread(this.stats.migratingResponses);
  /** What each tier has served in the step that has ended. */
  readonly #served: number[];
  #offered = 0;
  #lastResponseNs = 0;

  constructor(spec: ApplicationSpec, site: ApplicationSite) {
    this.spec = spec;
    this.#site = site;
    this.#tiers = spec.tiers.map(({ vms, service, response }) =>
      vms.map((index): Server => {
        const counts = { arriving: 0, backlog: 0, cpuNs: 0, stoppedNs: 0, arrived: 0, served: 0 };
        const vm = site.vms[index]!;
        const serviceNs = meanOf(service);
        const variation = varianceOf(service) / (serviceNs * serviceNs);
        const costs = { serviceNs, variation, bytes: meanOf(response) };
        const ofStep = { stepServed: 0, stepDropped: 0, stepResponseNs: 0, stepStalledNs: 0 };
        return { vm, ...costs, ...counts, ...ofStep, dropped: 0, responseSumNs: 0 };
      }),
    );
    this.#served = this.#tiers.map(() => 0);
    for (const server of this.#tiers.flat()) this.#byVm.set(server.vm, server);
  }

  get queued(): number {
    let queued = 0;
    for (const tier of this.#tiers) for (const { backlog } of tier) queued += backlog;
    return queued;
  }

  /** What a tier has served in a step comes to the next one in the step after it. */
  get travelling(): number {
    let travelling = 0;
    for (const tier of this.#tiers.slice(1))
      for (const { arriving } of tier) travelling += arriving;
    return travelling;
  }

  endStep(nowNs: number, stepNs: number): void {
    let meanNs = 2 * this.spec.latencyNs;
    let varianceNs2 = 0;
    let stallNs = 0;
    let isMigrating = false;
    let dropped = 0;
    for (const [index, tier] of this.#tiers.entries()) {
      let tierServed = 0;
      let tierNs = 0;
      let tierVariation = 0;
      for (const server of tier) {
        this.#account(server, stepNs);
        const { stepServed } = server;
        tierServed += stepServed;
        tierNs += stepServed * server.stepResponseNs;
        tierVariation += stepServed * responseVariation(server.variation, useOf(server.vm));
        dropped += server.stepDropped;
        stallNs = Math.max(stallNs, server.stepStalledNs);
        isMigrating ||= server.vm.hasMigrated(nowNs - stepNs);
      }
      const mean = tierServed > 0 ? tierNs / tierServed : 0;
      meanNs += mean + (index === 0 ? 0 : this.spec.latencyNs);
      varianceNs2 += tierServed > 0 ? (mean * mean * tierVariation) / tierServed : 0;
      this.#served[index] = tierServed;
    }
    this.#lastResponseNs = meanNs;
    const passing = this.#served.at(-1)!;
    if (nowNs > 0)
      this.#note({ passing, dropped, meanNs, varianceNs2, stallNs, isMigrating }, stepNs);
  }

  finish(): void {
    this.#spread.flush();
    this.#migratingSpread.flush();
  }

  takeServed(vm: FleetVm): ServedFigures {
    const server = this.#byVm.get(vm)!;
    const { arrived, served, dropped, responseSumNs } = server;
    server.arrived = server.served = server.dropped = server.responseSumNs = 0;
    return { arrived, served, dropped, responseNs: served > 0 ? responseSumNs / served : 0 };
  }

  /** Accounts for what a VM has served in the step that ends. */
  #account(server: Server, stepNs: number): void {
    const { vm, serviceNs, arriving } = server;
    const given = (vm.cpuNs - server.cpuNs) / serviceNs;
    const stalledNs = vm.stoppedNs - server.stoppedNs;
    const all = server.backlog + arriving;
    const served = Math.min(all, given);
    const left = all - served;
    const dropped = Math.max(0, left - this.spec.queueLimit);
    server.backlog = left - dropped;
    server.cpuNs = vm.cpuNs;
    server.stoppedNs = vm.stoppedNs;
    const cpus = vm.host.ceilingOf(vm);
    // What waits is served at the rate of the CPUs that the VM gets, and a request waits for what was there before it.
    const waitNs = cpus > 0 ? (server.backlog * serviceNs) / Math.max(cpus, 1e-6) : stepNs;
    const stallMeanNs = (stalledNs * stalledNs) / (2 * stepNs);
    const freelyNs = responseNs(serviceNs, cpus, (arriving * serviceNs) / stepNs) + waitNs;
    // Whoever gets in finds at most a full queue there, and shares the CPUs with it.
    const fullNs = serviceNs * Math.max(1, (this.spec.queueLimit + 1) / Math.max(cpus, 1e-6));
    const ns = Math.min(freelyNs, fullNs) + stallMeanNs;
    vm.send(served * server.bytes);
    server.arrived += arriving;
    server.served += served;
    server.dropped += dropped;
    server.responseSumNs += served * ns;
    server.stepServed = served;
    server.stepDropped = dropped;
    server.stepResponseNs = ns;
    server.stepStalledNs = stalledNs;
  }

  #note(
    {
      passing,
      dropped,
      meanNs,
      varianceNs2,
      stallNs,
      isMigrating,
    }: {
      readonly passing: number;
      readonly dropped: number;
      readonly meanNs: number;
      readonly varianceNs2: number;
      readonly stallNs: number;
      readonly isMigrating: boolean;
    },
    stepNs: number,
  ): void {
    const { stats, spec } = this;
    const fixedNs = (spec.tiers.length + 1) * spec.latencyNs;
    const variableNs = Math.max(0, meanNs - fixedNs);
    // Requests that came while a VM stood still waited for the rest of that time: 1 % of all for this long.
    const longestNs = Math.max(0, stallNs - 0.01 * stepNs);
    const p99Ns = Math.max(percentileNs(variableNs, varianceNs2, NORMAL_99), longestNs) + fixedNs;
    const figures = {
      offered: this.#offered,
      served: passing,
      dropped,
      meanNs,
      p99Ns,
      isMigrating,
    };
    stats.add(figures, stepNs, spec.sla);
    if (!(passing > 0)) return;
    const lateShare = Math.min(1, stallNs / stepNs);
    this.#spread.add(passing * (1 - lateShare), variableNs, varianceNs2, fixedNs);
    if (lateShare > 0) stats.responses.add(stallNs / 2 + meanNs, passing * lateShare);
    if (!isMigrating) return;
    this.#migratingSpread.add(passing * (1 - lateShare), variableNs, varianceNs2, fixedNs);
    if (lateShare > 0) stats.migratingResponses.add(stallNs / 2 + meanNs, passing * lateShare);
  }

  /** Deals the next step's requests to the VMs, which demand CPUs for them and for those that wait. */
  beginStep(nowNs: number, stepNs: number): void {
    const { load, latencyNs } = this.spec;
    const seconds = stepNs / 1e9;
    let arriving =
      load.kind === 'closed'
        ? (Math.max(0, load.users - this.queued) * stepNs) /
          (load.thinkNs + Math.max(this.#lastResponseNs, latencyNs, 1))
        : rateAt(load, nowNs + stepNs / 2) * seconds;
    this.#offered = arriving;
    for (const [index, tier] of this.#tiers.entries()) {
      if (index > 0) arriving = this.#served[index - 1]!;
      const each = arriving / tier.length;
      for (const server of tier) {
        const { vm, serviceNs, bytes } = server;
        server.arriving = each;
        const due = each + server.backlog;
        vm.sentBytesPerSecond = (each / seconds) * bytes;
        // A network card that can't carry the answers holds the requests back.
        const sendable = bytes > 0 ? (this.#site.sendRate(vm) / bytes) * seconds : Infinity;
        vm.host.demand(vm, Math.min(vm.vcpus, (Math.min(due, sendable) * serviceNs) / stepNs));
      }
    }
  }
}

/**
 * Returns the share in use of the CPUs that a VM's requests have to do with: those of its host, which others use as well,
 * and those that the VM may use, if that is fewer than it has vCPUs.
 */
function useOf({ host, user, cpus, vcpus }: FleetVm): number {
  const ofHost = host.spec.cpus === Infinity ? 0 : host.busyCpus / host.spec.cpus;
  const ofOwn = cpus < vcpus ? user.sharedCpus / cpus : 0;
  return Math.min(0.999, Math.max(ofHost, ofOwn));
}
