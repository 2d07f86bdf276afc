import { OneEvent } from '../../../clock/process.ts';
import { Generator } from '../../../random/generator.ts';
import type { ApplicationSpec } from '../config.ts';
import type { FleetVm } from '../vm.ts';
import type { Application, ApplicationSite, ServedFigures } from './application.ts';
import { Arrivals } from './arrivals.ts';
import { draw, exponential, meanOf } from './distribution.ts';
import { JobQueue } from './job-queue.ts';
import { rateAt } from './load.ts';
import { ApplicationStats } from './stats.ts';

/** These numbers keep an application's draws apart from each other. */
const ARRIVALS = 1;
const SERVICES = 2;
const THOUGHTS = 3;

interface Server {
  readonly vm: FleetVm;
  /** When its network card has sent all that it was given. */
  sentNs: number;
  arrived: number;
  served: number;
  dropped: number;
  responseSumNs: number;
}

/** An application each of whose requests is an event: it comes, shares a VM's CPUs tier after tier, and goes back. */
export class EventApplication implements Application {
  readonly spec: ApplicationSpec;
  readonly stats = new ApplicationStats();
  queued = 0;
  readonly travelling = 0;
  readonly #site: ApplicationSite;
  readonly #tiers: readonly (readonly Server[])[];
  readonly #byVm = new Map<FleetVm, Server>();
  readonly #turns: number[];
  readonly #arrivals: Arrivals;
  readonly #services: Generator;
  readonly #thoughts: Generator;
  #offered = 0;
  #dropped = 0;
  #responses: number[] = [];

  constructor(spec: ApplicationSpec, site: ApplicationSite) {
    this.spec = spec;
    this.#site = site;
    this.#services = new Generator(site.seed, SERVICES);
    this.#thoughts = new Generator(site.seed, THOUGHTS);
    this.#turns = spec.tiers.map(() => 0);
    this.#tiers = spec.tiers.map(({ vms }) =>
      vms.map((index): Server => {
        const vm = site.vms[index]!;
        vm.queue = new JobQueue();
        return { vm, sentNs: 0, arrived: 0, served: 0, dropped: 0, responseSumNs: 0 };
      }),
    );
    for (const server of this.#tiers.flat()) this.#byVm.set(server.vm, server);
    const random = new Generator(site.seed, ARRIVALS);
    this.#arrivals = new Arrivals(spec.arrivals === 'even', random, (nowNs) => this.#send(nowNs));
  }

  endStep(nowNs: number, stepNs: number): void {
    if (nowNs > 0) this.#note(nowNs, stepNs);
  }

  beginStep(nowNs: number, stepNs: number): void {
    const { load } = this.spec;
    if (load.kind === 'closed') {
      if (nowNs === 0) for (let user = 0; user < load.users; user++) this.#think(nowNs);
      return;
    }
    this.#arrivals.begin(nowNs, nowNs + stepNs, rateAt(load, nowNs + stepNs / 2));
    this.#site.add(this.#arrivals);
  }

  finish(): void {
    // Every request has been counted when it was answered.
  }

  takeServed(vm: FleetVm): ServedFigures {
    const server = this.#byVm.get(vm)!;
    const { arrived, served, dropped, responseSumNs } = server;
    server.arrived = server.served = server.dropped = server.responseSumNs = 0;
    return { arrived, served, dropped, responseNs: served > 0 ? responseSumNs / served : 0 };
  }

  /** A user of a closed load thinks, and then sends a request. */
  #think(nowNs: number): void {
    const { load } = this.spec;
    if (load.kind !== 'closed') return;
    const atNs = nowNs + load.thinkNs * exponential(this.#thoughts);
    this.#site.add(new OneEvent(atNs, (sentNs) => this.#send(sentNs)));
  }

  #send(nowNs: number): void {
    this.#offered++;
    this.queued++;
    this.#later(nowNs + this.spec.latencyNs, (atNs) => this.#enter(0, nowNs, atNs));
  }

  /** A request of `sentNs` comes to a tier, whose VMs take turns. */
  #enter(tier: number, sentNs: number, nowNs: number): void {
    const servers = this.#tiers[tier]!;
    const turn = this.#turns[tier]!;
    this.#turns[tier] = (turn + 1) % servers.length;
    const server = servers[turn]!;
    const { vm } = server;
    server.arrived++;
    const { host, queue } = vm;
    host.live(nowNs);
    if (queue!.length >= this.spec.queueLimit) {
      server.dropped++;
      this.#dropped++;
      this.queued--;
      this.#think(nowNs);
      return;
    }
    const needNs = draw(this.spec.tiers[tier]!.service, this.#services);
    queue!.push(needNs, (doneNs) =>
      this.#leave(server, tier, { sentNs, enteredNs: nowNs }, doneNs),
    );
    host.demand(vm, Math.min(vm.vcpus, queue!.length));
    host.changed();
  }

  /** A request has had its CPU time at a tier; its answer waits for the network card, and goes on. */
  #leave(
    server: Server,
    tier: number,
    { sentNs, enteredNs }: { readonly sentNs: number; readonly enteredNs: number },
    nowNs: number,
  ): void {
    const { response } = this.spec.tiers[tier]!;
    const bytes = draw(response, this.#services);
    const sendNs = bytes > 0 ? (bytes / this.#site.sendRate(server.vm)) * 1e9 : 0;
    server.sentNs = Math.max(server.sentNs, nowNs) + sendNs;
    server.served++;
    server.responseSumNs += server.sentNs - enteredNs;
    const { latencyNs } = this.spec;
    this.#later(server.sentNs + latencyNs, (atNs) => {
      server.vm.send(bytes);
      if (tier + 1 < this.#tiers.length) {
        this.#enter(tier + 1, sentNs, atNs);
        return;
      }
      this.queued--;
      const ns = atNs - sentNs;
      this.#responses.push(ns);
      this.stats.responses.add(ns);
      this.#think(atNs);
    });
  }

  #later(atNs: number, act: (nowNs: number) => void): void {
    this.#site.add(new OneEvent(atNs, act));
  }

  #note(nowNs: number, stepNs: number): void {
    const responses = Float64Array.from(this.#responses).toSorted();
    this.#responses = [];
    let sumNs = 0;
    for (const ns of responses) sumNs += ns;
    const served = responses.length;
    let isMigrating = false;
    for (const [tier, servers] of this.#tiers.entries()) {
      const bytes = meanOf(this.spec.tiers[tier]!.response);
      for (const { vm } of servers) {
        isMigrating ||= vm.hasMigrated(nowNs - stepNs);
        vm.sentBytesPerSecond = ((served / servers.length) * bytes * 1e9) / stepNs;
      }
    }
    if (isMigrating) for (const ns of responses) this.stats.migratingResponses.add(ns);
    const p99Ns = served > 0 ? responses[Math.min(served - 1, Math.floor(served * 0.99))]! : 0;
    const meanNs = served > 0 ? sumNs / served : 0;
    const [offered, dropped] = [this.#offered, this.#dropped];
    this.#offered = this.#dropped = 0;
    this.stats.add({ offered, served, dropped, meanNs, p99Ns, isMigrating }, stepNs, this.spec.sla);
  }
}
