import { describe, expect, it } from 'vitest';
import { Executor } from '../../../src/fleet/datacentre/executor.ts';
import type { FleetMigration } from '../../../src/fleet/datacentre/page-migrations.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import type { FleetVm, VmHost } from '../../../src/fleet/datacentre/vm.ts';
import type { ParallelLimits } from '../../../src/fleet/evacuation/config.ts';
import { fleetOf, moveAt } from './fleets.ts';

/** An executor of guests on host h0, whose migrations end when the test says so. */
class Bench {
  /** The migrations that are under way, each as "guest to host". */
  readonly running = new Map<string, () => void>();
  isCancelled = false;
  readonly executor: Executor;

  constructor(limits: Partial<ParallelLimits>, guests = 6, mostMigrations = Infinity) {
    const hosts = Array.from(
      { length: 4 },
      (_, i) => ({ name: `h${i}`, freeBytes: Infinity }) as VmHost,
    );
    const vms = Array.from(
      { length: guests },
      (_, i) => ({ name: `g${i}`, host: hosts[0]!, memoryBytes: 1, isMigrating: false }) as FleetVm,
    );
    this.executor = new Executor({
      hosts: new Map(hosts.map((host) => [host.name, host])),
      vms: new Map(vms.map((vm) => [vm.name, vm])),
      migrations: { ask: (vm, to, nowNs, onEnd) => this.#ask(vm, to, nowNs, onEnd) },
      limits: {
        outgoing: Infinity,
        incoming: Infinity,
        cluster: Infinity,
        inBatches: false,
        ...limits,
      },
      mostMigrations,
      isCancelled: () => this.isCancelled,
      onResized: () => {},
      onDone: () => {},
    });
  }

  #ask(vm: FleetVm, to: VmHost, askedNs: number, onEnd: (of: FleetMigration) => void) {
    const of: FleetMigration = { vm, from: vm.host, to, askedNs, isMoved: false, sentBytes: 0 };
    const name = `${vm.name} to ${to.name}`;
    this.running.set(name, () => {
      this.running.delete(name);
      vm.host = to;
      onEnd({ ...of, isMoved: true, endNs: askedNs });
    });
    return of;
  }

  /** Begins chains, in each of which the guest with its index goes to these hosts one after another. */
  begin(...chains: readonly (readonly string[])[]): this {
    const moves = chains.map((hosts, i) => hosts.map((to) => ({ vm: `g${i}`, to })));
    this.executor.begin({ chains: moves }, 0);
    return this;
  }

  get names(): string[] {
    return [...this.running.keys()];
  }

  end(name: string): this {
    this.running.get(name)!();
    return this;
  }
}

describe('an executor', () => {
  it('goes on with each chain as soon as it can', () => {
    const bench = new Bench({ cluster: 2 }).begin(['h1', 'h2'], ['h1'], ['h3']);
    expect(bench.names).toEqual(['g0 to h1', 'g1 to h1']);
    expect(bench.end('g0 to h1').names).toEqual(['g1 to h1', 'g0 to h2']);
    expect(bench.end('g1 to h1').names).toEqual(['g0 to h2', 'g2 to h3']);
    bench.end('g0 to h2').end('g2 to h3');
    expect(bench.executor.isBusy).toBe(false);
  });

  it('waits for all of a batch before it begins the next one', () => {
    const bench = new Bench({ cluster: 2, inBatches: true }).begin(['h1', 'h2'], ['h1'], ['h3']);
    expect(bench.end('g0 to h1').names).toEqual(['g1 to h1']);
    expect(bench.end('g1 to h1').names).toEqual(['g0 to h2', 'g2 to h3']);
  });

  it('has no more migrations under way than there is room for', () => {
    const bench = new Bench({}, 6, 4).begin(['h1'], ['h1'], ['h1'], ['h1'], ['h2'], ['h2']);
    expect(bench.names.length).toBe(4);
    expect(bench.end('g0 to h1').names.length).toBe(4);
  });

  it('begins nothing more once it has been cancelled', () => {
    const bench = new Bench({ cluster: 2 }).begin(['h1', 'h2'], ['h1'], ['h3']);
    bench.isCancelled = true;
    expect(bench.end('g0 to h1').names).toEqual(['g1 to h1']);
    expect(bench.end('g1 to h1').names).toEqual([]);
    expect(bench.executor.isBusy).toBe(false);
    expect(bench.executor.refused).toBe(0);
  });
});

describe('a fleet that is ended', () => {
  it('begins no migration that has waited for another', async () => {
    const { config } = fleetOf(`duration: 60s
monitor: { interval: 5s }
hosts: [{ name: pm, count: 2, cpus: 1, memory: 64MiB, nic: 8Mbit/s }]
guests: [{ name: web, count: 3, host: pm-1, guest: { memory: 8MiB, vcpus: 1 } }]
parallel: { outgoing: 1 }
`);
    const end = new AbortController();
    const report = await runFleet(config, {
      policy: moveAt(['web-1', 'web-2', 'web-3'].map((vm) => [5, vm, 'pm-2'])),
      signal: end.signal,
      onProgress: ({ nowNs }) => {
        if (nowNs === 10e9) end.abort();
      },
    });
    expect(report.outcome).toBe('cancelled');
    expect(report.migrations.map(({ vm, isMoved }) => [vm, isMoved])).toEqual([['web-1', false]]);
    expect(report.vms.map(({ host }) => host)).toEqual(['pm-1', 'pm-1', 'pm-1']);
  });
});
