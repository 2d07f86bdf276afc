import { describe, expect, it } from 'vitest';
import { FaultRecorder, mergeFaults } from '../../src/guest/faults.ts';
import { FaultBudget, markFresh } from '../../src/guest/fresh.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { Pacer, traceDue } from '../../src/guest/pacing.ts';
import { PendingFaults } from '../../src/guest/pending-faults.ts';
import { readAccesses, writePlan } from '../../src/guest/stream-record.ts';
import { VcpuCore } from '../../src/guest/vcpu-core.ts';
import { BLOCKED_NS, FAULTS, REQUESTED_NS } from '../../src/guest/vcpu-state.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { zeroPages } from '../../src/guest/zeroing.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import { WAITS } from '../../src/memory/gate/gate-layer.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { createHandshake } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { ACCESS_READ_BIT, MARK_BYTE } from '../../src/memory/kernels/abi.ts';
import { accessListAt, writerMapAt } from '../../src/memory/layout.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { PresenceMap } from '../../src/memory/presence/presence-map.ts';
import { createGuestSide, openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { smallSlot } from '../support/slots.ts';

describe('the pace of a workload', () => {
  it('of rate max is due from its start up to its end, and not at it', () => {
    const pacer = new Pacer(
      { fromNs: 10, untilNs: 100, pace: { kind: 'max' } },
      new Float64Array(2),
      0,
    );
    expect([9, 10, 99, 100].map((ns) => pacer.due(ns, 0) > 0)).toEqual([false, true, true, false]);
  });

  it('of a trace that holds has nothing due after its last interval', () => {
    const pace = {
      kind: 'trace' as const,
      intervalNs: 10,
      starts: Uint32Array.of(0, 2, 5),
      loop: false,
    };
    expect([0, 9.9, 10, 19.9, 20, 25, 40, 1000].map((ns) => traceDue(pace, ns))).toEqual([
      1, 2, 3, 5, 5, 5, 5, 5,
    ]);
    expect([20, 40, 45].map((ns) => traceDue({ ...pace, loop: true }, ns))).toEqual([6, 11, 12]);
  });
});

describe('the faults of a vCPU', () => {
  it('are told when all of them were minor', () => {
    const recorder = new FaultRecorder();
    expect(recorder.log()).toBeUndefined();
    recorder.minor();
    expect(mergeFaults([recorder.log()])).toMatchObject({ count: 0, minorCount: 1 });
  });

  it('are major when they were requested between their start and their end', () => {
    const recorder = new FaultRecorder();
    // The request before the start is that of an earlier fault.
    recorder.record(100, 200, 50);
    recorder.record(300, 400, 310);
    recorder.record(500, 600, 0);
    expect(recorder.log()).toMatchObject({ count: 3, majorCount: 1, blockedNs: 300 });
  });

  it('are counted by latency: 2^i to 2^(i+1) microseconds', () => {
    const recorder = new FaultRecorder();
    for (const us of [0.5, 1, 1.9, 2, 3.9, 4, 1000, 1024]) recorder.record(0, us * 1000, -1);
    expect(recorder.log()!.latencyBuckets.slice(0, 12)).toEqual([
      3, 2, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0,
    ]);
  });

  it('stand at their vCPU, also beside vCPUs without any', () => {
    const recorder = new FaultRecorder();
    recorder.record(0, 70, 10);
    expect(mergeFaults([undefined, recorder.log(), undefined])!.blockedNs).toEqual([0, 70, 0]);
  });
});

describe('fresh marks in a byte map', () => {
  it('are those of writes to pages that were not marked', () => {
    const slot = openSlot(smallSlot({ mapUnit: 'byte' }));
    const list = accessListAt(slot.layout, 1);
    const map = writerMapAt(slot.layout, 1, 0);
    slot.words.set([5, 6 | ACCESS_READ_BIT, 7, 5], list >>> 2);
    expect(markFresh(slot, MARK_BYTE, list, 4, map)).toBe(2);
    const bytes = new Uint8Array(slot.buffer, map, 10);
    expect([...bytes]).toEqual([0, 0, 0, 0, 0, 1, 0, 1, 0, 0]);
    expect(markFresh(slot, MARK_BYTE, list, 4, map)).toBe(0);
  });
});

describe('the budget of write faults', () => {
  it('is spent once, and is whole again after the stun has ended', () => {
    const budget = new FaultBudget();
    expect(budget.left(40)).toBe(40);
    budget.had(50);
    expect(budget.left(40)).toBe(0);
    expect(budget.left(0)).toBe(Infinity);
    expect(budget.left(40)).toBe(40);
  });
});

describe('zeroed pages', () => {
  it('with versions are those that were named', () => {
    const slot = openSlot(smallSlot({ pages: 64, backing: 'versions' }));
    slot.ram.fill(1);
    zeroPages(slot, 10, 3);
    const versions = new Uint32Array(slot.buffer, slot.layout.ramOffset, 64);
    const zeros = [...versions].flatMap((version, page) => (version === 0 ? [page] : []));
    expect(zeros).toEqual([10, 11, 12]);
  });
});

describe('a demand fault on a virtual clock', () => {
  function open(buffered: boolean) {
    const memory = memoryOf([openSlot(smallSlot({ pages: 64 }))]);
    const words = new Int32Array(createHandshake(2));
    const presence = new PresenceMap(memory, words, 2);
    presence.discard(0, 64);
    presence.begin(buffered);
    const area = new Float64Array(32);
    const costs = { wakeNs: 5, minorFaultNs: 3 };
    const faults = new PendingFaults({ words, writer: 1, area, at: 0, costs });
    const [slot] = memory.slots;
    const arrive = (page: number): void => {
      presence.claim(slot!, page);
      presence.publish(slot!, page);
    };
    return { faults, presence, area, slot: slot!, arrive };
  }

  it('ends once its page has come, and not before the engine knows of it', () => {
    const { faults, presence, area, slot, arrive } = open(false);
    expect(faults.resolve(slot, 9, true, 100)).toBe(WAITS);
    expect(faults.unannouncedNs).toBe(100);
    expect(faults.settle(150)).toBe(Infinity);
    expect(faults.announce(99)).toBe(false);
    expect(presence.wantedBy(1)).toBe(-1);
    expect(faults.announce(100)).toBe(false);
    expect(presence.wantedBy(1)).toBe(9);
    area[REQUESTED_NS] = 120;
    expect(faults.settle(150)).toBe(Infinity);
    arrive(9);
    expect(faults.settle(200)).toBe(205);
    expect([area[BLOCKED_NS], area[FAULTS]]).toEqual([105, 1]);
    expect(faults.log()).toMatchObject({ count: 1, majorCount: 1, minorCount: 0, blockedNs: 105 });
  });

  it('takes its page out of the buffer, so that no second fault follows', () => {
    const { faults, slot, arrive } = open(true);
    faults.resolve(slot, 9, true, 100);
    faults.announce(100);
    arrive(9);
    faults.settle(200);
    const list = accessListAt(slot.layout, 1);
    slot.words[list >>> 2] = 9;
    expect(slot.kernels.countPlain(list, 1, slot.layout.gates)).toBe(1);
    // A page that came without a fault is still in its buffer, and costs a minor one.
    arrive(10);
    expect(faults.resolve(slot, 10, true, 300)).toBe(3);
    expect(faults.log()).toMatchObject({ count: 1, minorCount: 1 });
  });
});

describe('a vCPU with several workloads', () => {
  it('gives each of them its turn', () => {
    const workload: Workload = {
      pattern: { kind: 'uniform' },
      firstGfn: 0,
      pages: 64,
      rate: Infinity,
      writes: 1,
      wordsPerPage: 1,
      fromNs: 0,
      untilNs: Infinity,
    };
    const shape = { memoryBytes: 64 * 4096, pageSize: 4096, vcpus: 1, memslots: 1 };
    const { plan, geometries } = planMemory(
      { ...shape, dirtyLog: 'bitmap', workloads: [workload, workload, workload] },
      1,
    );
    const side = openGuestSide(
      createGuestSide(geometries(0), plan, { kind: 'bitmap', ringSize: 1024 }),
    );
    const [slot] = side.memory.slots;
    writePlan(slot!, plan);
    const handshake = new WriterHandshake(side.words, 1, side.doorbell);
    handshake.poll();
    const { memory, words, area } = side;
    const marks = marksOf('bitmap', 1);
    const core = new VcpuCore({
      vcpu: 0,
      plan,
      memory,
      words,
      area,
      handshake,
      marks,
      layers: [],
      countsFresh: false,
    });
    for (let turn = 0; turn < 6; turn++) expect(core.next(10)).toBe('made');
    expect([0, 1, 2].map((stream) => readAccesses(slot!, stream))).toEqual([20, 20, 20]);
  });
});
