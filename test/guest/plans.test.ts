import { describe, expect, it } from 'vitest';
import { hotspot } from '../../src/guest/patterns/hotspot.ts';
import { planMemory, type GuestShape } from '../../src/guest/memory-plan.ts';
import { planGuest } from '../../src/guest/stream-plan.ts';
import { readProgress, writePlan, writeProgress } from '../../src/guest/stream-record.ts';
import { traceShare } from '../../src/guest/trace.ts';
import { checkOwnTrace, TraceError } from '../../src/guest/trace-file.ts';
import {
  BALLOON_EXCHANGE,
  BALLOON_HOLD_NS,
  BALLOON_OWED,
  GUEST_NS,
  loadVcpus,
  MANAGER_SEEN_NS,
  PAUSED_NS,
  saveVcpus,
  stateMismatch,
  THROTTLED,
  vcpuAreaAt,
} from '../../src/guest/vcpu-state.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { partsOf } from '../../src/guest/workload-parts.ts';
import { STREAM_TABLE, STREAM_WRITE_THRESHOLD } from '../../src/memory/kernels/abi.ts';
import { MAX_SLOT_BYTES, slotLayout, streamAt } from '../../src/memory/layout.ts';
import { createGuestSide, openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { aliasTable, zipfWeights } from '../../src/random/alias-table.ts';

const workload: Workload = {
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: 64,
  rate: 1000,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
};
const SLOTS = [
  { firstGfn: 0, pages: 40 },
  { firstGfn: 40, pages: 88 },
];

function open(workloads: readonly Workload[], changes: Partial<GuestShape> = {}) {
  const shape = { memoryBytes: 128 * 4096, pageSize: 4096, vcpus: 2, memslots: 1 };
  const { plan, geometries } = planMemory(
    { ...shape, dirtyLog: 'bitmap', workloads, ...changes },
    1,
  );
  const log = { kind: 'bitmap', ringSize: 1024 } as const;
  const side = openGuestSide(createGuestSide(geometries(0), plan, log));
  for (const slot of side.memory.slots) writePlan(slot, plan);
  return { plan, side };
}

describe("a guest's plan", () => {
  it('splits the rate of a workload over the vCPUs that take part', () => {
    const { streams } = planGuest([workload, { ...workload, vcpu: 2 }], 4, SLOTS.slice(1), 4096, 1);
    const rates = streams.map(({ pace: { pace } }) =>
      pace.kind === 'even' ? pace.perNs * 1e9 : 0,
    );
    for (const rate of rates.slice(0, 4)) expect(rate).toBeCloseTo(250, 9);
    expect(rates[4]).toBeCloseTo(1000, 9);
  });

  it('gives each vCPU and each memslot draws of its own', () => {
    const { streams } = planGuest([workload], 3, SLOTS, 4096, 1);
    const keys = streams.map(({ keyA, keyB }) => [keyA, keyB]);
    expect(new Set(keys.flat()).size).toBe(2 * streams.length);
  });

  it('gives streams over one page different words, and those of disjoint regions the same', () => {
    const beside = { ...workload, firstGfn: 64, vcpu: 0 };
    const { streams } = planGuest(
      [{ ...workload, vcpu: 0 }, beside],
      1,
      [{ firstGfn: 0, pages: 128 }],
      4096,
      1,
    );
    expect(streams.map(({ lane }) => lane)).toEqual([0, 0]);
    const over = planGuest(
      [workload, { ...workload, firstGfn: 63 }],
      1,
      [{ firstGfn: 0, pages: 128 }],
      4096,
      1,
    );
    expect(over.streams.map(({ lane }) => lane)).toEqual([0, 8]);
  });

  it('gives the parts of a hot set their share of the accesses', () => {
    const pattern = { kind: 'hotspot' as const, hotPages: 50, hotAccesses: 0.8 };
    const parts = partsOf({ ...workload, pattern, pages: 128 }, SLOTS, 1);
    // 40 of the 50 hot pages lie in the first slot; the second has the others and all 78 cold ones.
    expect(parts[0]!.share).toBeCloseTo(0.64, 12);
    expect(parts[1]!.share).toBeCloseTo(0.16 + 0.2, 12);
    expect(parts[1]!.pattern).toMatchObject({ kind: 'hotspot', hotPages: 10 });
  });

  it('draws from each part of a Zipf workload by the weights of its own pages', () => {
    const pattern = { kind: 'zipf' as const, theta: 0.99 };
    const parts = partsOf({ ...workload, pattern, pages: 128 }, SLOTS, 7);
    const weights = zipfWeights(128, 0.99, 7);
    expect(parts.map(({ table }) => table)).toEqual([
      aliasTable(weights.subarray(0, 40)),
      aliasTable(weights.subarray(40)),
    ]);
    expect(parts[0]!.share + parts[1]!.share).toBeCloseTo(1, 12);
  });

  it('has at least one hot page in a hot set, and no cold ones when all are hot', () => {
    const of = (hotPages: number) =>
      hotspot.pattern!({ hotPages, hotAccesses: 0.9, rate: 1, writes: 1 } as never, {
        pages: 10,
        pageSize: 4096,
      });
    expect(of(0.001)).toEqual({ kind: 'hotspot', hotPages: 1, hotAccesses: 0.9 });
    expect(of(0.5)).toMatchObject({ hotPages: 5 });
    expect(of(1)).toEqual({ kind: 'uniform' });
  });

  it('has slots that fit into a WASM memory together with their control areas', () => {
    const guest = { memoryBytes: 4 * 2 ** 30, pageSize: 4096, vcpus: 2, memslots: 1 };
    const { geometries } = planMemory({ ...guest, dirtyLog: 'bytemap', workloads: [] }, 1);
    const sizes = geometries(1).map((geometry) => slotLayout(geometry).totalBytes);
    expect(sizes.length).toBe(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_SLOT_BYTES);
  });
});

describe('the records of streams', () => {
  it('point to tables that do not overlap', () => {
    const zipf = { ...workload, pattern: { kind: 'zipf' as const, theta: 0.8 }, pages: 5 };
    const { plan, side } = open([
      zipf,
      { ...zipf, firstGfn: 20, pages: 9 },
      { ...zipf, firstGfn: 50, pages: 33 },
    ]);
    const [slot] = side.memory.slots;
    for (const [stream, { table }] of plan.streams.entries()) {
      const at = slot!.words[(streamAt(slot!.layout, stream) + STREAM_TABLE) >>> 2]!;
      const { entries } = plan.tables[table]!;
      const found = new Uint32Array(slot!.buffer, at, entries.length);
      expect([...found], `stream ${stream}`).toEqual([...entries]);
    }
  });

  it.each([
    [0.5, 2 ** 31],
    [1 - 1e-12, 2 ** 32 - 1],
    [0, 0],
  ])('have a threshold of 32 bits for a share of writes of %d', (writes, threshold) => {
    const { side } = open([{ ...workload, writes }]);
    const [slot] = side.memory.slots;
    const at = streamAt(slot!.layout, 0) + STREAM_WRITE_THRESHOLD;
    expect(slot!.words[at >>> 2]! >>> 0).toBe(threshold);
  });

  it('take over all that a stream has done', () => {
    const { side } = open([workload]);
    const [slot] = side.memory.slots;
    const progress = {
      n: 2 ** 40 + 1,
      writes: 77,
      checksumLow: 0x89abcdef,
      checksumHigh: 0xfedcba98,
    };
    writeProgress(slot!, 1, progress);
    expect(readProgress(slot!, 1)).toEqual(progress);
    expect(readProgress(slot!, 0)).toEqual({ n: 0, writes: 0, checksumLow: 0, checksumHigh: 0 });
  });
});

describe("the vCPUs' state", () => {
  const manager = {
    kernelPages: 0,
    used: [],
    cache: [],
    deflatePages: 1,
    cacheReclaimShare: 0,
    release: 'none' as const,
  };

  it('arrives as it was saved, the memory manager and all', () => {
    const from = open([{ ...workload, vcpu: 0 }], { memoryManager: manager });
    const to = open([{ ...workload, vcpu: 0 }], { memoryManager: manager });
    const fields = [
      GUEST_NS,
      PAUSED_NS,
      THROTTLED,
      MANAGER_SEEN_NS,
      BALLOON_HOLD_NS,
      BALLOON_OWED,
      BALLOON_EXCHANGE,
    ];
    for (const vcpu of [0, 1]) {
      for (const field of fields) {
        from.side.area[vcpuAreaAt(from.plan, vcpu) + field] = 100 * (vcpu + 1) + field;
      }
    }
    const states = saveVcpus(from.side.memory, from.side.area, from.plan);
    expect(stateMismatch(states, to.plan)).toBeUndefined();
    loadVcpus(to.side.memory, to.side.area, to.plan, states);
    expect(saveVcpus(to.side.memory, to.side.area, to.plan)).toEqual(states);
    for (const vcpu of [0, 1]) {
      const at = vcpuAreaAt(to.plan, vcpu);
      expect(fields.map((field) => to.side.area[at + field])).toEqual(
        fields.map((field) => 100 * (vcpu + 1) + field),
      );
    }
  });

  it('is refused with other streams, in another order, or with a pace that is no count', () => {
    const { plan, side } = open([workload, workload]);
    const [first, second] = saveVcpus(side.memory, side.area, plan);
    const streams = first!.streams.toReversed();
    expect(stateMismatch([{ ...first!, streams }, second!], plan)).toMatch(/has other streams/);
    for (const bad of [-1, Infinity, 1e300, Number.NaN]) {
      const [one, ...rest] = first!.streams;
      const paced = [{ ...one!, pace: [0, bad] }, ...rest];
      expect(stateMismatch([{ ...first!, streams: paced }, second!], plan), String(bad)).toMatch(
        /another pacing state/,
      );
    }
    expect(stateMismatch([first!], plan)).toMatch(/has 1 vCPUs, the guest 2/);
  });
});

describe('a trace', () => {
  it('is split by gfn over vCPUs, whatever part of the region a memslot holds', () => {
    const intervals = [Uint32Array.from({ length: 12 }, (_, i) => i)];
    const trace = { intervalNs: 1, endGfn: 12, intervals };
    const shares = [0, 1].map((vcpu) =>
      [
        [0, 5],
        [5, 7],
      ].map(([offset, pages]) =>
        [...traceShare(trace, vcpu, 2, offset, pages).list].map((gfn) => gfn + offset!),
      ),
    );
    expect(shares).toEqual([
      [
        [0, 2, 4],
        [6, 8, 10],
      ],
      [
        [1, 3],
        [5, 7, 9, 11],
      ],
    ]);
  });

  it('has runs that do not overlap', () => {
    const made = (runs: number[]): unknown =>
      checkOwnTrace({ intervalMs: 1, written: [runs] }, 4096);
    expect(made([0, 5, 5, 2])).toBeDefined();
    expect(() => made([0, 5, 4, 2])).toThrow(TraceError);
    expect(() => made([0, 5, 7, 0])).toThrow(TraceError);
  });
});
