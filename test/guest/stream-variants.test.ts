import { describe, expect, it } from 'vitest';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { replayStream } from '../../src/guest/replay.ts';
import { StreamVariants } from '../../src/guest/stream-variants.ts';
import { openMemory } from '../../src/memory/guest-memory.ts';
import { createPlace } from '../../src/runtime/common/stage.ts';
import { smallRun } from '../support/run-config.ts';

const PAGES = 16;

function place() {
  const workload = {
    pattern: { kind: 'uniform' as const },
    firstGfn: 0,
    pages: PAGES,
    rate: 1000,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  const { guest, seed } = smallRun({
    guest: { memoryBytes: PAGES * 4096, contents: [], workloads: [workload] },
  });
  const { plan, geometries } = planMemory(guest, seed);
  const memory = openMemory(createPlace(guest, plan, geometries(0)).slots);
  for (const { ram } of memory.slots) ram.fill(0);
  const variants = new StreamVariants(memory, plan);
  const [slot] = memory.slots;
  return { variants, live: (n: number) => replayStream(slot!, 0, n, 0), ram: slot!.ram };
}

describe('the variants of streams', () => {
  it('give other bytes from their divergence on, and the same bytes when they are replayed', () => {
    const [a, b, planned] = [place(), place(), place()];
    for (const one of [a, b]) {
      one.live(100);
      one.variants.diverge(0, 5);
      one.live(200);
    }
    planned.live(200);
    expect(Buffer.compare(a.ram, b.ram)).toBe(0);
    expect(Buffer.compare(a.ram, planned.ram)).not.toBe(0);
    expect(a.variants.divergences).toEqual([{ stream: 0, n: 100, variant: 5 }]);
  });

  it('say by which one an access was made', () => {
    const { variants, live } = place();
    live(10);
    variants.diverge(0, 5);
    live(20);
    variants.diverge(0, 6);
    expect([10, 11, 20, 21].map((access) => variants.at(0, access))).toEqual([0, 5, 5, 6]);
    expect(variants.current[0]).toBe(6);
  });

  it('are taken over with the state of another place, as far as that state goes', () => {
    const [from, to, planned] = [place(), place(), place()];
    to.live(8);
    to.variants.diverge(0, 9);
    to.variants.load(from.variants.current, from.variants.divergences);
    planned.live(8);
    for (const one of [to, planned]) one.live(50);
    expect(to.variants.divergences).toEqual([]);
    expect(Buffer.compare(to.ram, planned.ram)).toBe(0);
  });
});
