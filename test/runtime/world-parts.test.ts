import { afterEach, describe, expect, it, vi } from 'vitest';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { Network } from '../../src/link/network.ts';
import { DESTINATION_FILLER } from '../../src/memory/contents/contents.ts';
import { openMemory } from '../../src/memory/guest-memory.ts';
import { inlineRunner } from '../../src/runtime/common/work.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { DirectorProcess } from '../../src/runtime/virtual/director-process.ts';
import { VirtualHost } from '../../src/runtime/virtual/host.ts';
import {
  type HostedGuest,
  settleGuest,
  takeTarget,
} from '../../src/runtime/virtual/hosted-guest.ts';
import type { HostedMigration } from '../../src/runtime/virtual/hosted-migration.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { VirtualWorld } from '../../src/runtime/virtual/world.ts';
import type { Director, World, WorldMigration } from '../../src/runtime/world/world.ts';
import { virtualRun } from '../support/evacuation.ts';

afterEach(() => vi.restoreAllMocks());

const HOSTS = ['a', 'b'].map((name) => ({ name, cpus: 4, nicBytesPerSecond: 100e6 }));
const worldOf = (): VirtualWorld =>
  new VirtualWorld({ hosts: HOSTS, core: { bytesPerSecond: 100e6, latencyNs: 5e6 } });
/** A guest that nobody writes to, which is through in some 80 ms. */
const still = virtualRun({ guest: { workloads: [] }, migration: { rounds: 1, runAfterNs: 0 } });

/** A director that calls `begin`, and is over when so many migrations have ended; it notes when it was told of each. */
function director(
  begin: (nowNs: number) => void,
  migrations: number,
): Director & { readonly told: (readonly [WorldMigration, number])[] } {
  const told: [WorldMigration, number][] = [];
  return {
    told,
    begin,
    onMigrationEnd: (migration, nowNs) => void told.push([migration, nowNs]),
    watch: () => undefined,
    get isOver() {
      return told.length === migrations;
    },
  };
}

describe('a virtual world', () => {
  it('migrates each guest once, and only guests and hosts that there are', async () => {
    const world: World = worldOf();
    await world.settle([{ name: 'guest', host: 'a', config: still }]);
    const refusals: unknown[] = [];
    const refused = (guest: string, to: string): void => {
      try {
        world.migrate(guest, to);
      } catch (error) {
        refusals.push((error as Error).message);
      }
    };
    const one = director(() => {
      refused('nobody', 'b');
      refused('guest', 'nowhere');
      world.migrate('guest', 'b');
      refused('guest', 'b');
    }, 1);
    await world.play(one);
    refused('guest', 'a');
    expect(refusals).toEqual([
      'there is no guest "nobody"',
      'there is no host "nowhere"',
      'guest "guest" has migrated already',
      'guest "guest" has migrated already',
    ]);
    expect(world.migrations).toHaveLength(1);
  });

  it('begins once every guest has lived for its startAfter', async () => {
    const world = worldOf();
    const guests = [10e6, 70e6, 30e6].map((startAfterNs, i) => ({
      name: `guest-${i}`,
      host: 'a',
      config: { ...still, migration: { ...still.migration, startAfterNs } },
    }));
    await world.settle(guests);
    const begins: number[] = [];
    await world.play(director((nowNs) => void begins.push(nowNs), 0));
    expect(begins).toEqual([70e6]);
  });

  it('tells its director of an end when both halves have come to theirs, and frees flows and workers then', async () => {
    const hired: string[] = [];
    const dismissed: string[] = [];
    const { hire, dismiss } = VirtualHost.prototype;
    vi.spyOn(VirtualHost.prototype, 'hire').mockImplementation(function (this: VirtualHost) {
      hired.push(this.spec.name);
      return hire.call(this);
    });
    vi.spyOn(VirtualHost.prototype, 'dismiss').mockImplementation(function (
      this: VirtualHost,
      worker,
    ) {
      dismissed.push(this.spec.name);
      dismiss.call(this, worker);
    });
    const released = vi.spyOn(VirtualHost.prototype, 'release');
    const opened = vi.spyOn(Network.prototype, 'openFlow');
    const closed: number[] = [];
    const { flow } = Network.prototype;
    vi.spyOn(Network.prototype, 'flow').mockImplementation(function (this: Network, id) {
      const one = flow.call(this, id);
      const close = one.close.bind(one);
      one.close = () => {
        closed.push(id);
        close();
      };
      return one;
    });
    const world = worldOf();
    await world.settle([{ name: 'guest', host: 'a', config: still }]);
    const one = director(() => void world.migrate('guest', 'b'), 1);
    await world.play(one);
    const [migration, toldNs] = one.told[0]!;
    expect(migration.report!.outcome).toBe('completed');
    expect(toldNs).toBeGreaterThanOrEqual(migration.endNs!);
    // The sender works at the source, and the receiver at the target.
    expect([hired, dismissed]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    // The guest has left its source.
    expect((released.mock.contexts as VirtualHost[]).map(({ spec }) => spec.name)).toEqual(['a']);
    const ids = opened.mock.results.map(({ value }) => value as number);
    expect(new Set(closed)).toEqual(new Set(ids));
    expect(ids).toHaveLength(2);
    const ways = opened.mock.calls.map(([path]) => path.map((link) => world.links[link]!.name));
    expect(ways).toEqual([
      ['a up', 'core forth', 'b down'],
      ['b up', 'core back', 'a down'],
    ]);
  });

  it('proves a guest once it has lived for its runAfter with the others on its host', async () => {
    const proofs: number[] = [];
    const world: VirtualWorld = new VirtualWorld(
      { hosts: HOSTS },
      { beforeProof: () => void proofs.push(world.nowNs) },
    );
    const config = { ...still, migration: { ...still.migration, runAfterNs: 40e6 } };
    await world.settle([{ name: 'guest', host: 'a', config }]);
    const one = director(() => void world.migrate('guest', 'b'), 1);
    await world.play(one);
    expect(proofs).toEqual([one.told[0]![1] + 40e6]);
  });

  it('ends a migration whose link dies when what was under way has been read', async () => {
    const cutNs = 60e6;
    const world = new VirtualWorld(
      { hosts: HOSTS, core: { bytesPerSecond: 100e6, latencyNs: 5e6 } },
      { happenings: (parts) => [{ atNs: cutNs, act: () => parts.cutLink() }] },
    );
    // Pages take a long time to install, so the destination is behind with what it has got.
    const costs = { ...COST_PROFILES.kvm, installNs: 60_000 };
    await world.settle([{ name: 'guest', host: 'a', config: { ...still, costs } }]);
    const one = director(() => void world.migrate('guest', 'b'), 1);
    await world.play(one);
    const [migration, toldNs] = one.told[0]!;
    expect(migration.report!.outcome).toBe('failed');
    expect(migration.endNs).toBeGreaterThan(cutNs + 5e6);
    expect(toldNs).toBeGreaterThanOrEqual(migration.endNs!);
  });

  it("fills all of a target's memory with what no migration may leave behind", () => {
    const config = virtualRun({ guest: { memslots: 2 } });
    const { plan, geometries } = planMemory(config.guest, config.seed);
    const side = takeTarget({
      spec: { name: 'guest', host: 'a', config },
      guest: { plan },
      geometries,
    } as unknown as HostedGuest);
    const { slots } = openMemory(side.slots);
    expect(slots).toHaveLength(2);
    for (const { ram } of slots) {
      expect(Buffer.alloc(ram.length, DESTINATION_FILLER).equals(ram)).toBe(true);
    }
  });
});

describe('a guest that settles on a host', () => {
  it.each([0, 10_000, 20_000])(
    'demands the CPU time that %i accesses a second take',
    async (rate) => {
      const [workload] = virtualRun().guest.workloads;
      const workloads = rate > 0 ? [{ ...workload!, rate }] : [];
      const config = virtualRun({ guest: { workloads }, costs: { accessNs: 1000 } });
      const host = new VirtualHost({ name: 'a', cpus: 4 });
      const spec = { name: 'guest', host: 'a', config };
      const { demandCpus } = await settleGuest(spec, host, inlineRunner, false);
      expect(demandCpus).toBeCloseTo(rate * 1e-6, 3);
    },
  );
});

describe('the director of a virtual world', () => {
  it('is told of a migration when its manager has cleaned up, though the world knows of its end before', () => {
    const told: unknown[] = [];
    const process = new DirectorProcess({
      begin: (nowNs) => void told.push(`begin ${nowNs}`),
      onMigrationEnd: (_, nowNs) => void told.push(`end ${nowNs}`),
      watch: (nowNs) => void told.push(`watch ${nowNs}`),
      isOver: false,
    });
    process.step(0);
    const migration: { transferredNs?: number; cleanedUpNs?: number } = {};
    process.follow(
      migration as unknown as HostedMigration,
      (nowNs) => void told.push(`release ${nowNs}`),
    );
    expect(process.nextNs(0)).toBe(100e6);
    // A half computes up to a time that the world has not reached.
    Object.assign(migration, { transferredNs: 150e6, cleanedUpNs: 180e6 });
    process.step(100e6);
    expect(process.nextNs(100e6)).toBe(150e6);
    process.step(150e6);
    expect(process.nextNs(150e6)).toBe(180e6);
    process.step(180e6);
    const ends = ['release 150000000', 'end 180000000'];
    expect(told).toEqual(['begin 0', 'watch 100000000', ...ends]);
  });
});

describe('a host whose CPUs are all taken', () => {
  const guestOf = (state: { isRunning: boolean; untilNs?: number }) => {
    const stolen: number[] = [];
    const crew = { isRunning: () => state.isRunning, steal: (ns: number) => void stolen.push(ns) };
    const guest = { plan: { vcpus: 2 }, untilNs: state.untilNs ?? Infinity, isMigrating: true };
    return { stolen, guest: guest as never, place: { crew } as never };
  };
  const hostWith = (...guests: ReturnType<typeof guestOf>[]): VirtualHost => {
    const host = new VirtualHost({ name: 'a', cpus: 2, nicBytesPerSecond: 1e9 });
    for (const { guest, place } of guests) host.admit(guest, place, 2);
    return host;
  };

  it('has none for vCPUs that stand still', () => {
    const [one, other] = [guestOf({ isRunning: true }), guestOf({ isRunning: false })];
    const host = hostWith(one, other);
    host.step(10e6);
    host.step(20e6);
    expect([one.stolen, other.stolen, host.usedCpuNs]).toEqual([[], [], 20e6]);
  });

  it('takes nothing from a guest whose time is over', () => {
    const [one, other] = [
      guestOf({ isRunning: true }),
      guestOf({ isRunning: true, untilNs: 10e6 }),
    ];
    hostWith(one, other).step(10e6);
    expect([one.stolen, other.stolen]).toEqual([[5e6], []]);
  });
});

describe('a run', () => {
  it('says how long each of its parts took, and on which sides vCPUs run at its end', async () => {
    const clock = { ns: 0, now: (): number => clock.ns };
    const ends: unknown[] = [];
    const { wall } = await runVirtual(still, {
      clock,
      onEnd: (sides) => void ends.push(sides),
      happenings: () => ((clock.ns += 100), []),
      beforeProof: () => void (clock.ns += 1000),
    });
    expect(wall).toMatchObject({ setUpNs: 0, runNs: 100, proofNs: 1000 });
    expect(ends).toEqual([{ source: false, destination: true }]);
  });
});
