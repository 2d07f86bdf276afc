import type { Process } from '../../clock/process.ts';
import { vcpuDemand } from '../../guest/cpu-demand.ts';
import { createNetwork, Network } from '../../link/network.ts';
import { RackTopology } from '../../link/rack-topology.ts';
import { hashWords } from '../../random/generator.ts';
import { formatDuration } from '../../units/duration.ts';
import { EventLoop } from '../../runtime/virtual/event-loop.ts';
import type { Application, ApplicationSite } from './applications/application.ts';
import { EventApplication } from './applications/events.ts';
import { FluidApplication } from './applications/fluid.ts';
import { BackgroundTraffic } from './background-traffic.ts';
import type { FleetConfig } from './config.ts';
import { Executor, type ExecutorParts } from './executor.ts';
import { FleetHost } from './host.ts';
import { Monitor } from './monitor/monitor.ts';
import { PageMigrations } from './page-migrations.ts';
import { askOwn } from './policies/ask-own.ts';
import type { Decision, FleetPolicy, FleetView } from './policies/policy.ts';
import { Recorder } from './recorder.ts';
import type { DecisionReport } from './report.ts';
import { FleetVm, type VmHost } from './vm.ts';
import { Views } from './views.ts';

/** This number keeps the applications' seeds apart from all else that is drawn from the fleet's seed. */
const APPLICATION_SEEDS = 0xa991;
/** A fleet has room for the flows of so many migrations at a time. */
const MOST_MIGRATIONS = 512;

export interface FleetParts {
  /** Whether the policy is one of the user's own, whose decisions are checked. */
  readonly isOwnPolicy?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly proofSignal?: AbortSignal | undefined;
  /** Called at the end of each interval. */
  readonly onInterval?: ((fleet: Fleet) => void) | undefined;
}

/**
 * A data centre on a virtual clock: hosts, VMs, the applications on them, monitors, a policy, and the migrations that it
 * decides. The same configuration gives the same report, to the bit, on any machine.
 */
export class Fleet implements Process {
  /** Steps come before the hosts and requests that are due at the same time. */
  readonly eventClass = -1;
  readonly config: FleetConfig;
  readonly hosts: readonly FleetHost[];
  readonly vms: readonly FleetVm[];
  readonly applications: readonly Application[];
  readonly topology: RackTopology;
  readonly monitor: Monitor;
  readonly recorder: Recorder;
  readonly migrations: PageMigrations;
  readonly executor: Executor;
  readonly decisions: DecisionReport[] = [];
  /** What is wrong with a policy of the user's own, which has ended the fleet. */
  failure: string | undefined;
  /** Bytes that applications have sent over each link so far. */
  readonly applicationBytes: Float64Array;
  /** Bytes of monitors' reports over each link so far. */
  readonly monitoringBytes: Float64Array;
  readonly policy: FleetPolicy;
  readonly #loop = new EventLoop();
  readonly #traffic: BackgroundTraffic;
  readonly #demand: Float64Array;
  /** The part of the demand that is reports. */
  readonly #reports: Float64Array;
  /** The bytes a second that go over each link in this step. */
  readonly #rates: { readonly applications: Float64Array; readonly reports: Float64Array };
  #countedNs = 0;
  readonly #views: Views;
  readonly #parts: FleetParts;
  readonly #firstTier: ReadonlySet<FleetVm>;
  /** The VMs whose memory in use changes with time. */
  readonly #paging: readonly FleetVm[];
  readonly #named: Pick<ExecutorParts, 'hosts' | 'vms'>;
  /** How many steps it has lived through. */
  steps = 0;

  constructor(config: FleetConfig, policy: FleetPolicy, parts: FleetParts = {}) {
    this.config = config;
    this.policy = policy;
    this.#parts = parts;
    const { network: rates, hosts } = config;
    this.topology = new RackTopology(rates);
    for (const { name, rack, cluster, nicBytesPerSecond } of hosts) {
      this.topology.addHost(name, rack, cluster, nicBytesPerSecond);
    }
    const { links } = this.topology;
    const network = new Network(createNetwork(links, 2 * MOST_MIGRATIONS + links.length));
    this.#traffic = new BackgroundTraffic(network, links.length);
    this.#demand = new Float64Array(links.length);
    this.#reports = new Float64Array(links.length);
    this.#rates = {
      applications: new Float64Array(links.length),
      reports: new Float64Array(links.length),
    };
    this.applicationBytes = new Float64Array(links.length);
    this.monitoringBytes = new Float64Array(links.length);
    this.migrations = new PageMigrations({
      loop: this.#loop,
      network,
      topology: this.topology,
      traffic: this.#traffic,
      isCancelled: () => this.#isCancelled,
      ...(parts.proofSignal ? { proofSignal: parts.proofSignal } : {}),
    });
    const owner = {
      isPoweredOff: config.isPoweredOff,
      vmOf: (guest: Parameters<PageMigrations['vmOf']>[0]) => this.migrations.vmOf(guest),
      wake: (host: FleetHost) => this.#loop.wake(host),
    };
    this.hosts = hosts.map((spec, index) => new FleetHost(spec, index, owner));
    this.vms = config.vms.map((spec, index) => {
      const { workloads, vcpus } = spec.config.guest;
      const { accessNs } = spec.config.costs;
      const demand = spec.isServing ? 0 : vcpuDemand(workloads, vcpus, accessNs);
      return new FleetVm(spec, index, this.hosts[spec.host]!, demand);
    });
    this.#paging = this.vms.filter(({ spec }) => spec.memoryUse);
    this.applications = config.applications.map((spec, index) =>
      config.fidelity === 'events'
        ? new EventApplication(spec, this.#site(index))
        : new FluidApplication(spec, this.#site(index)),
    );
    this.#firstTier = new Set(
      config.applications.flatMap(({ tiers }) => tiers[0]!.vms.map((index) => this.vms[index]!)),
    );
    this.monitor = new Monitor(config, this.hosts, this.vms, this.applications);
    this.recorder = new Recorder(config, this.monitor, this.applications);
    this.#views = new Views(this.monitor);
    this.#named = {
      hosts: new Map(this.hosts.map((host) => [host.name, host])),
      vms: new Map(this.vms.map((vm) => [vm.name, vm])),
    };
    this.executor = new Executor({
      ...this.#named,
      migrations: this.migrations,
      limits: config.limits,
      mostMigrations: MOST_MIGRATIONS,
      isCancelled: () => this.#isCancelled,
      onResized: (vm) => this.#renewVm(vm),
      onDone: (touched) => this.#renew(touched),
    });
  }

  get nowNs(): number {
    return this.#loop.nowNs;
  }

  get events(): number {
    return this.#loop.events;
  }

  get #isCancelled(): boolean {
    return this.failure !== undefined || (this.#parts.signal?.aborted ?? false);
  }

  /** A fleet lives for its duration, and until its last migration is over and proved. */
  get isOver(): boolean {
    const isDue = this.#isCancelled || this.nowNs >= this.config.durationNs;
    return isDue && this.migrations.open === 0 && !this.executor.isBusy;
  }

  async play(): Promise<void> {
    const { migrations } = this;
    this.#loop.add(this);
    while (!this.isOver) {
      await this.#loop.play(() => migrations.isPending || this.isOver);
      await migrations.settle();
    }
    for (const host of this.hosts) host.live(this.nowNs);
    this.#countSent(this.nowNs);
    for (const application of this.applications) application.finish();
  }

  nextNs(): number {
    return this.steps * this.config.stepNs;
  }

  /** Ends a step and begins the next one. */
  step(nowNs: number): void {
    const { stepNs, monitor, fidelity } = this.config;
    this.steps++;
    for (const host of this.hosts) host.live(nowNs);
    for (const vm of this.#paging) vm.page(nowNs);
    for (const application of this.applications) application.endStep(nowNs, stepNs);
    for (const application of this.applications) application.beginStep(nowNs, stepNs);
    this.#send(nowNs);
    if (fidelity === 'events') for (const host of this.hosts) host.changed();
    if (nowNs > 0 && nowNs % monitor.intervalNs === 0) this.#endInterval(nowNs);
  }

  #endInterval(nowNs: number): void {
    const { durationNs, hotspot, monitor } = this.config;
    this.monitor.sample(nowNs);
    this.recorder.record();
    this.#parts.onInterval?.(this);
    if (this.executor.isBusy || this.#isCancelled || nowNs >= durationNs) return;
    const { hosts } = this.#views;
    const decision = this.#ask({ nowNs, hosts, hotspot, intervalNs: monitor.intervalNs });
    if (!decision) return;
    const { chains = [], resizes = [], hotspots = [], swaps = 0, isPartial = false } = decision;
    if (chains.length + resizes.length + hotspots.length === 0) return;
    this.decisions.push({ atNs: nowNs, hotspots, moves: chains.flat(), resizes, swaps, isPartial });
    this.executor.begin(decision, nowNs);
  }

  #ask(view: FleetView): Decision | undefined {
    if (this.#parts.isOwnPolicy !== true) return this.policy.decide(view);
    const { decision, failure } = {
      decision: undefined,
      ...askOwn(this.policy, view, this.#named),
    };
    if (failure !== undefined) {
      const [at, all] = [view.nowNs, this.config.durationNs].map((ns) => formatDuration(ns));
      this.failure = `${failure}; the fleet ended at ${at} of ${all}`;
    }
    return decision;
  }

  /** The loads of these hosts have changed, so that what was read before shows no hotspot. */
  #renew(hosts: ReadonlySet<VmHost>): void {
    for (const host of hosts) {
      const { cpu, net, swap } = this.monitor.hosts.get(host)!;
      for (const series of [cpu, net, swap]) series.renew();
      for (const vm of host.vms) this.#renewInside(vm);
    }
  }

  /** A VM may use another number of CPUs, so that what was read before does not show that these are too few. */
  #renewVm(vm: FleetVm): void {
    this.monitor.vms.get(vm)!.cpu.renew();
    this.#renewInside(vm);
  }

  #renewInside(vm: FleetVm): void {
    const { inside } = this.monitor.vms.get(vm)!;
    inside?.responseS.renew();
    inside?.drops.renew();
  }

  /** Works out what applications and monitors send over each link in the step that begins. */
  #send(nowNs: number): void {
    this.#countSent(nowNs);
    const { dom0NsPerByte, isReportSent, cpuNsPerVm, intervalNs } = this.config.monitor;
    const demand = this.#demand;
    const reports = this.#reports;
    demand.fill(0);
    reports.fill(0);
    for (const host of this.hosts) {
      let bytes = 0;
      let outside = 0;
      let reported = 0;
      let monitoringCpus = (host.vms.size * cpuNsPerVm) / intervalNs;
      for (const vm of host.vms) {
        bytes += vm.sentBytesPerSecond;
        monitoringCpus += vm.samplingCpus;
        if (this.#firstTier.has(vm)) outside += vm.sentBytesPerSecond;
        if (isReportSent) reported += (this.monitor.reportBytesOf(vm) * 1e9) / intervalNs;
      }
      host.sentBytesPerSecond = bytes;
      monitoringCpus += (reported * dom0NsPerByte) / 1e9;
      host.demandDom0((bytes * dom0NsPerByte) / 1e9, monitoringCpus);
      if (!(bytes + reported > 0)) continue;
      const [own, ...further] = this.topology.toRouter(host.name).out;
      demand[own!]! += bytes + reported;
      reports[own!]! += reported;
      // What is not sent to users stays within the cluster; the one who reads the reports is beyond the router.
      for (const link of further) {
        demand[link]! += outside + reported;
        reports[link]! += reported;
      }
    }
    this.#traffic.set(demand);
    for (let link = 0; link < demand.length; link++) {
      const { bytesPerSecond } = this.topology.links[link]!;
      const rate = Math.min(demand[link]!, this.#traffic.rateOf(link, bytesPerSecond));
      const reported = demand[link]! > 0 ? (rate * reports[link]!) / demand[link]! : 0;
      this.#rates.applications[link] = rate - reported;
      this.#rates.reports[link] = reported;
    }
  }

  /** Counts what has gone over each link since the last step began. */
  #countSent(nowNs: number): void {
    const ns = nowNs - this.#countedNs;
    this.#countedNs = nowNs;
    const { applications, reports } = this.#rates;
    for (let link = 0; link < applications.length; link++) {
      this.applicationBytes[link]! += (applications[link]! * ns) / 1e9;
      this.monitoringBytes[link]! += (reports[link]! * ns) / 1e9;
    }
  }

  #site(index: number): ApplicationSite {
    const { seed, fidelity } = this.config;
    return {
      fidelity,
      seed: hashWords(seed, index, APPLICATION_SEEDS),
      vms: this.vms,
      add: (process) => this.#loop.add(process),
      sendRate: (vm) => this.#sendRate(vm),
    };
  }

  /** Returns what a VM can send in a second: all of the network card's rest, or its part if that is too little for all. */
  #sendRate({ host, sentBytesPerSecond }: FleetVm): number {
    const { up } = this.topology.nicOf(host.name);
    const rate = this.#traffic.rateOf(up, host.spec.nicBytesPerSecond);
    const all = host.sentBytesPerSecond;
    return all > rate ? (rate * sentBytesPerSecond) / all : rate;
  }
}
