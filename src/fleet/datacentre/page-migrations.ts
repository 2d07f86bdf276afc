import { OneEvent } from '../../clock/process.ts';
import type { Network } from '../../link/network.ts';
import type { RackTopology } from '../../link/rack-topology.ts';
import { inlineRunner } from '../../runtime/common/work.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { RunReport } from '../../runtime/report.ts';
import { beginMigration } from '../../runtime/virtual/begin-migration.ts';
import type { EventLoop } from '../../runtime/virtual/event-loop.ts';
import type { VirtualGuest } from '../../runtime/virtual/guest.ts';
import { settleGuest } from '../../runtime/virtual/hosted-guest.ts';
import { HostedMigration } from '../../runtime/virtual/hosted-migration.ts';
import type { VirtualMigration } from '../../runtime/virtual/migration.ts';
import { aroundNs } from '../../migration/spec/common-spec.ts';
import type { BackgroundTraffic } from './background-traffic.ts';
import type { FleetVm, VmHost } from './vm.ts';

/** A migration of a fleet's VM. */
export interface FleetMigration {
  readonly vm: FleetVm;
  readonly from: VmHost;
  readonly to: VmHost;
  readonly askedNs: number;
  /** When it began, over links of which capacity at least, and with how much memory; absent until then. */
  begun?: {
    readonly startNs: number;
    readonly bytesPerSecond: number;
    readonly memoryBytes: number;
  };
  /** When the last frame had been dealt with. */
  endNs?: number;
  /** Whether the VM runs at its target now. */
  isMoved: boolean;
  sentBytes: number;
  /** The migration as a run of this guest alone would report it, with its proof, once that has been made. */
  report?: RunReport;
}

/** A migration that is under way. */
interface Running {
  readonly of: FleetMigration;
  readonly hosted: HostedMigration;
  readonly process: VirtualMigration;
  readonly onEnd: (migration: FleetMigration) => void;
}

export interface PageMigrationParts {
  readonly loop: EventLoop;
  readonly network: Network;
  readonly topology: RackTopology;
  readonly traffic: BackgroundTraffic;
  readonly isCancelled: () => boolean;
  /** Aborting it gives up the proofs to come. */
  readonly proofSignal?: AbortSignal;
}

/** A guest that has run for longer than this is brought there at one go, without samples for its timeline. */
const LEAP_NS = 60e9;

/**
 * Migrates VMs page by page. A VM's guest gets its pages when its migration begins: they follow from how long its vCPUs
 * have run. After the proof they are given back, and the VM is a few counters again.
 */
export class PageMigrations {
  /** All migrations so far, in the order in which they were asked for. */
  readonly all: FleetMigration[] = [];
  readonly #parts: PageMigrationParts;
  readonly #vms = new Map<VirtualGuest, FleetVm>();
  #asked: { readonly of: FleetMigration; readonly onEnd: Running['onEnd'] }[] = [];
  #due: Running[] = [];
  readonly #running = new Set<Running>();
  #settling: FleetVm | undefined;

  constructor(parts: PageMigrationParts) {
    this.#parts = parts;
  }

  /** Whether something is to be done that can't be done within an event. */
  get isPending(): boolean {
    return this.#asked.length > 0 || this.#due.length > 0;
  }

  /** How many migrations are under way or not yet proved. */
  get open(): number {
    return this.#asked.length + this.#running.size;
  }

  /** The pages that each migration under way has yet to send. */
  *progress(): Iterable<{ readonly of: FleetMigration; readonly pagesLeft: number }> {
    for (const { of, process } of this.#running) yield { of, pagesLeft: process.pagesLeft };
  }

  /** Returns the VM of a guest. A guest that is being made is admitted to its host before anybody knows it. */
  vmOf(guest: VirtualGuest): FleetVm {
    return this.#vms.get(guest) ?? this.#settling!;
  }

  /** Asks for a migration, whose target keeps memory for it from now on; `onEnd` is called when it is over. */
  ask(vm: FleetVm, to: VmHost, nowNs: number, onEnd: Running['onEnd']): FleetMigration {
    const { host: from } = vm;
    const of: FleetMigration = { vm, from, to, askedNs: nowNs, isMoved: false, sentBytes: 0 };
    vm.isMigrating = true;
    to.incoming.add(vm);
    this.all.push(of);
    this.#asked.push({ of, onEnd });
    return of;
  }

  /** Does what is pending at the present time: proves migrations that are over, makes guests and begins their migrations. */
  async settle(): Promise<void> {
    // A VM may be asked to move again as soon as it has moved, so its guest gives its pages back first.
    for (let one = this.#due.shift(); one; one = this.#due.shift()) await this.#prove(one);
    for (let one = this.#asked.shift(); one; one = this.#asked.shift()) {
      await this.#begin(one.of, one.onEnd);
    }
  }

  async #begin(of: FleetMigration, onEnd: Running['onEnd']): Promise<void> {
    const { loop } = this.#parts;
    const { vm, from, to } = of;
    const nowNs = loop.nowNs;
    from.live(nowNs);
    const path = this.#parts.topology.route(from.name, to.name);
    const back = this.#parts.topology.route(to.name, from.name);
    const config = configOf(vm, this.#leastOf(path));
    const { bytesPerSecond } = config.link;
    of.begun = { startNs: nowNs, bytesPerSecond, memoryBytes: config.guest.memoryBytes };
    this.#settling = vm;
    const spec = { name: vm.name, host: from.name, config };
    const hostedGuest = await settleGuest(spec, from, inlineRunner, false);
    const { guest } = hostedGuest;
    this.#vms.set(guest, vm);
    this.#settling = undefined;
    const leapNs = nowNs > LEAP_NS || vm.ranNs < nowNs ? nowNs : 0;
    if (leapNs > 0) guest.leap(Math.min(vm.ranNs, leapNs), leapNs);
    const { after: afterNs } = aroundNs(config.migration.around);
    const planned = { hostedGuest, from, to, path, startNs: nowNs, afterNs };
    const hosted = new HostedMigration(planned);
    vm.migrations++;
    const links = [...path, ...back];
    this.#parts.traffic.open(links);
    const { network } = this.#parts;
    const process = beginMigration(hosted, {
      startNs: nowNs,
      config,
      isCancelled: this.#parts.isCancelled,
      onOver: ({ endNs }) => {
        loop.add(new OneEvent(endNs, () => this.#release(running, links)));
      },
      openFlows: () => ({
        forward: network.flow(network.openFlow(path)),
        backward: network.flow(network.openFlow(back)),
      }),
    });
    const running: Running = { of, hosted, process, onEnd };
    this.#running.add(running);
    from.beginSlice(vm, nowNs);
    loop.add(process);
  }

  /** The migration itself is over: its links and CPUs are free again, and the VM has one place. */
  #release(running: Running, links: readonly number[]): void {
    const { of, hosted, process, onEnd } = running;
    const { loop, traffic } = this.#parts;
    const { vm, from, to } = of;
    const nowNs = loop.nowNs;
    from.live(nowNs);
    to.live(nowNs);
    of.isMoved = process.result!.outcome === 'completed';
    const place = of.isMoved ? to : from;
    if (vm.host !== place) vm.moveTo(place);
    to.incoming.delete(vm);
    of.endNs = nowNs;
    of.sentBytes = process.postedBytes;
    hosted.release(nowNs);
    place.demand(vm, vm.demandCpus);
    for (const host of [from, to]) host.changed();
    traffic.close(links);
    this.#due.push(running);
    vm.isMigrating = false;
    vm.migratedNs = nowNs;
    onEnd(of);
  }

  /** Proves a migration that is over, and gives the pages of its guest back. */
  async #prove(running: Running): Promise<void> {
    const { of, hosted } = running;
    const { vm } = of;
    const { hostedGuest } = hosted.planned;
    const { guest } = hostedGuest;
    vm.host.live(this.#parts.loop.nowNs);
    vm.ranNs = ranNsOf(hostedGuest, vm);
    const { proofSignal } = this.#parts;
    of.report = await hosted.settle(proofSignal ? { proofSignal } : {});
    vm.host.release(guest);
    this.#vms.delete(guest);
    this.#running.delete(running);
  }

  /** Returns the least capacity of some links, in bytes a second. */
  #leastOf(links: readonly number[]): number {
    const { topology } = this.#parts;
    return Math.min(...links.map((link) => topology.links[link]!.bytesPerSecond));
  }
}

/** Returns a VM's configuration with the memory that it has now and the least capacity of the links that it goes over. */
function configOf({ spec: { config }, memoryBytes }: FleetVm, bytesPerSecond: number): RunConfig {
  const { pageSize } = config.guest;
  return {
    ...config,
    guest: { ...config.guest, memoryBytes: Math.ceil(memoryBytes / pageSize) * pageSize },
    link: { ...config.link, bytesPerSecond },
    // It lives on in the fleet, not in its migration.
    migration: { ...config.migration, runAfterNs: 0 },
  };
}

/**
 * Returns for how long a guest's vCPUs have run, as its accesses tell: a migration's pauses, faults and throttles cost it
 * some. Where the accesses do not say it, the VM's own account holds.
 */
function ranNsOf(
  { guest, spec: { config } }: HostedMigration['planned']['hostedGuest'],
  { ranNs }: FleetVm,
): number {
  const { workloads } = config.guest;
  const isEven = workloads.every(
    ({ pattern, rate, tickNs, fromNs, untilNs }) =>
      pattern.kind !== 'trace' &&
      rate !== Infinity &&
      tickNs === undefined &&
      fromNs === 0 &&
      untilNs === Infinity,
  );
  const rate = workloads.reduce((sum, one) => sum + one.rate, 0);
  if (!isEven || rate === 0) return ranNs;
  // The access that comes next has been due for some time; half of its gap keeps the count in spite of rounding.
  return ((guest.place.crew.accesses() + 0.5) / rate) * 1e9;
}
