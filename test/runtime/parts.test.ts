import { describe, expect, it } from 'vitest';
import type { CpuUser } from '../../src/guest/cpu.ts';
import { readProgress, slotOfStream, writeProgress } from '../../src/guest/stream-record.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { GUEST_NS, vcpuAreaAt } from '../../src/guest/vcpu-state.ts';
import { openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { linkFacts } from '../../src/runtime/common/link-facts.ts';
import { achievedRates } from '../../src/runtime/common/measures.ts';
import { createPlace } from '../../src/runtime/common/stage.ts';
import { inlineRunner } from '../../src/runtime/common/work.ts';
import { VirtualHost } from '../../src/runtime/virtual/host.ts';
import { VirtualWorker } from '../../src/runtime/virtual/virtual-worker.ts';
import { smallRun } from '../support/run-config.ts';

const [workload] = smallRun().guest.workloads;
const region = (firstGfn: number, pages: number, writes = 1) => ({
  ...workload!,
  firstGfn,
  pages,
  writes,
});

describe('what the closed formulas know of a run', () => {
  it('counts a page that several workloads write once, and those that are only read not at all', () => {
    const pagesOf = (...workloads: ReturnType<typeof region>[]): number =>
      linkFacts(smallRun({ guest: { workloads } })).workingSetPages;
    expect(pagesOf(region(100, 50), region(200, 50))).toBe(100);
    expect(pagesOf(region(120, 50), region(100, 50))).toBe(70);
    expect(pagesOf(region(100, 100), region(120, 10), region(150, 100))).toBe(150);
    expect(pagesOf(region(100, 50), region(150, 50, 0))).toBe(50);
  });
});

describe('the rates that workloads have achieved', () => {
  it('are those of their own streams, over the time of the vCPU of each', () => {
    const config = smallRun({ guest: { memslots: 2, workloads: [region(0, 9), region(50, 9)] } });
    const { plan, geometries } = planMemory(config.guest, config.seed);
    const side = openGuestSide(createPlace(config.guest, plan, geometries(0)));
    expect(plan.streams.map(({ workload: of, vcpu }) => [of, vcpu])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    expect(achievedRates(side, plan)).toEqual([0, 0]);
    for (const stream of plan.streams.keys()) {
      const slot = slotOfStream(side.memory, plan, stream);
      writeProgress(slot, stream, { ...readProgress(slot, stream), n: 10 ** stream });
    }
    side.area[vcpuAreaAt(plan, 0) + GUEST_NS] = 2e9;
    side.area[vcpuAreaAt(plan, 1) + GUEST_NS] = 1e9;
    expect(achievedRates(side, plan)).toEqual([0.5 + 10, 50 + 1000]);
  });
});

describe("the destination's memory", () => {
  it('is filled before a run, every byte of it', async () => {
    const config = smallRun({ guest: { memslots: 2 } });
    const { plan, geometries } = planMemory(config.guest, config.seed);
    const place = createPlace(config.guest, plan, geometries(0));
    const { memory } = openGuestSide(place);
    for (const { ram } of memory.slots) ram.fill(0);
    await inlineRunner.run('prefault', { guestSide: place, slot: 1, firstPage: 10, pages: 7 });
    const [low, high] = memory.slots;
    expect(low!.ram.every((byte) => byte === 0)).toBe(true);
    const filled = [...high!.ram.keys()].filter((at) => high!.ram[at] !== 0);
    expect([filled[0], filled.at(-1), filled.length]).toEqual([40_960, 69_631, 28_672]);
  });
});

describe('a host of a virtual world', () => {
  const guestOf = (vcpus: number) => {
    const stolen: number[] = [];
    const crew = { isRunning: () => true, steal: (ns: number) => void stolen.push(ns) };
    const guest = { plan: { vcpus }, untilNs: Infinity, isMigrating: true };
    return { stolen, guest: guest as never, place: { crew } as never };
  };
  const hostOf = (cpus: number) => new VirtualHost({ name: 'a', cpus, nicBytesPerSecond: 1e9 });

  it('steals from its guests what they lack, until one has left', () => {
    const host = hostOf(2);
    const [one, other] = [guestOf(2), guestOf(2)];
    host.admit(one.guest, one.place, 2);
    host.admit(other.guest, other.place, 2);
    host.step(10e6);
    expect([one.stolen, other.stolen]).toEqual([[5e6], [5e6]]);
    host.release(other.guest);
    host.step(20e6);
    expect([one.stolen, other.stolen]).toEqual([[5e6], [5e6]]);
    expect(host.usedCpuNs).toBe(20e6);
  });

  it('counts the CPU time of a slice by the demands of that slice', () => {
    const host = hostOf(2);
    const worker = host.hire()!;
    worker.work(10e6);
    host.step(10e6);
    expect(host.usedCpuNs).toBe(0);
    host.step(20e6);
    expect(host.usedCpuNs).toBe(5e6);
  });

  it('has a worker demand half of what it did last and half of what it demanded before', () => {
    const demands: number[] = [];
    const user = { slowdown: 1, demand: (cpus: number) => void demands.push(cpus) };
    const worker = new VirtualWorker(user as unknown as CpuUser);
    for (const busyNs of [10e6, 10e6, 0, 40e6]) {
      worker.work(busyNs);
      worker.settle(10e6);
    }
    expect(demands).toEqual([0.5, 0.75, 0.375, 0.6875]);
  });
});
