import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planMemory } from '../../src/guest/memory-plan.ts';
import type { Contents } from '../../src/memory/contents/contents.ts';
import { type SlotGeometry, slotLayout } from '../../src/memory/layout.ts';
import { MemoryPool, WASM_PAGE } from '../../src/memory/memory-pool.ts';
import { createSlot, giveBackSlot, type SharedSlot, takeSlot } from '../../src/memory/memslot.ts';
import { fillGuest } from '../../src/runtime/common/fill.ts';
import { guestSideOver } from '../../src/runtime/common/guest-side.ts';
import { inlineRunner } from '../../src/runtime/common/work.ts';

const MIB = 1024 * 1024;

function newPool(mostBytes = 64 * MIB): MemoryPool & { collections: number } {
  let collections = 0;
  const pool = new MemoryPool({ mostBytes, collect: () => void collections++ });
  return Object.defineProperty(pool, 'collections', { get: () => collections }) as never;
}

describe('the pool of memories', () => {
  it('gives a memory out again, and never to two users', () => {
    const pool = newPool();
    const first = pool.take(MIB);
    const other = pool.take(MIB);
    expect(other.memory).not.toBe(first.memory);
    expect([first.isFresh, other.isFresh]).toEqual([true, true]);
    pool.giveBack(first.memory);
    expect(pool.take(MIB)).toEqual({ memory: first.memory, isFresh: false });
    expect(pool.take(MIB)).toMatchObject({ isFresh: true });
    expect([pool.created, pool.reused]).toEqual([3, 1]);
    pool.giveBack(first.memory);
    expect(() => pool.giveBack(first.memory)).toThrow('a memory was given back twice');
  });

  it('gives out the smallest that is large enough, and none that is much too large', () => {
    const pool = newPool();
    const taken = [64, 16, 17].map((pages) => pool.take(pages * WASM_PAGE).memory);
    for (const memory of taken) pool.giveBack(memory);
    expect(pool.take(16 * WASM_PAGE).memory).toBe(taken[1]);
    expect(pool.take(16 * WASM_PAGE).memory).toBe(taken[2]);
    expect(pool.take(16 * WASM_PAGE).isFresh).toBe(true);
    expect(pool.take(64 * WASM_PAGE + 1).isFresh).toBe(true);
  });

  it('keeps no more than it may, those given back last, and has the others collected', () => {
    const pool = newPool(3 * MIB);
    const taken = [1, 2, 3, 4].map(() => pool.take(MIB).memory);
    for (const memory of taken) pool.giveBack(memory);
    expect(pool.freeBytes).toBe(3 * MIB);
    const again = [1, 2, 3].map(() => pool.take(MIB).memory);
    expect(new Set(again)).toEqual(new Set(taken.slice(1)));
    for (const memory of again) pool.giveBack(memory);
    // A large one leaves no room beside it.
    pool.giveBack(pool.take(512 * MIB).memory);
    expect([pool.freeBytes, pool.collections]).toEqual([0, 0]);
    pool.take(512 * MIB);
    expect(pool.collections).toBe(1);
    pool.giveBack(pool.take(MIB).memory);
    pool.empty();
    expect([pool.freeBytes, pool.collections]).toEqual([0, 2]);
  });
});

const shape = fc.record({
  pages: fc.integer({ min: 1, max: 300 }),
  vcpus: fc.integer({ min: 1, max: 4 }),
  backing: fc.constantFrom('bytes' as const, 'versions' as const),
  dirtyLog: fc.constantFrom('bitmap' as const, 'bytemap' as const),
});
type Shape = typeof shape extends fc.Arbitrary<infer Drawn> ? Drawn : never;

const contents: fc.Arbitrary<Contents[]> = fc.array(
  fc.record({
    firstGfn: fc.integer({ min: 0, max: 200 }),
    pages: fc.integer({ min: 1, max: 200 }),
    kind: fc.constantFrom('zero' as const, 'random' as const, 'mixed' as const),
    zeroShare: fc.constantFrom(0, 0.5),
  }),
  { maxLength: 4 },
);

const planOf = ({ pages, vcpus, backing, dirtyLog }: Shape) =>
  planMemory(
    {
      memoryBytes: pages * 4096,
      pageSize: 4096,
      vcpus,
      backing,
      dirtyLog,
      memslots: 1,
      workloads: [],
    },
    1,
  );

/** All bytes of a slot that was taken for a guest of a shape and filled. */
async function filled(slot: SharedSlot, guest: Shape, entries: readonly Contents[]) {
  const side = guestSideOver([slot], planOf(guest).plan, { kind: guest.dirtyLog, ringSize: 1024 });
  await fillGuest(inlineRunner, side, entries, 1, { prefault: false, isUsed: false });
  return new Uint8Array(slot.memory.buffer);
}

const geometryOf = (guest: Shape): SlotGeometry => planOf(guest).geometries(0)[0]!;

type Pool = Pick<MemoryPool, 'take' | 'giveBack'>;

/** Whether a slot over a memory in which every byte was written is like one over a new memory. */
async function isLikeFresh(pool: Pool, before: Shape, now: Shape, entries: readonly Contents[]) {
  const used = takeSlot(geometryOf(before), pool);
  new Uint8Array(used.memory.buffer).fill(0xc3);
  giveBackSlot(used, pool);
  const again = await filled(takeSlot(geometryOf(now), pool), now, entries);
  const fresh = await filled(createSlot(geometryOf(now)), now, entries);
  // Behind the RAM lies nothing that belongs to the slot.
  const { ramOffset, ramBytes } = slotLayout(geometryOf(now));
  const end = ramOffset + ramBytes;
  return Buffer.compare(again.subarray(0, end), fresh.subarray(0, end)) === 0;
}

describe('a slot used again', () => {
  it('is like a fresh one, byte for byte, whatever guest it served before', async () => {
    let reused = 0;
    let draws = 0;
    const property = fc.asyncProperty(shape, shape, contents, async (before, now, entries) => {
      const pool = newPool();
      expect(await isLikeFresh(pool, before, now, entries)).toBe(true);
      draws++;
      reused += pool.reused;
    });
    await fc.assert(property, { numRuns: 150, seed: 1 });
    // Guests of much different sizes share no memory, and prove nothing.
    expect(reused / draws).toBeGreaterThan(0.1);
  });

  it('is not, when nobody clears it: the check sees that', async () => {
    const guest: Shape = { pages: 64, vcpus: 1, backing: 'bytes', dirtyLog: 'bitmap' };
    const pool = newPool();
    expect(await isLikeFresh(pool, guest, guest, [])).toBe(true);
    const careless: Pool = {
      take: (bytes) => ({ memory: pool.take(bytes).memory, isFresh: true }),
      giveBack: (memory) => pool.giveBack(memory),
    };
    expect(await isLikeFresh(careless, guest, guest, [])).toBe(false);
  });
});
