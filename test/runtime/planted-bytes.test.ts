import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../src/cli/run.ts';
import { EXIT } from '../../src/cli/exit.ts';
import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { PAGE_FREE, PAGE_RELEASED, PAGE_USED } from '../../src/memory/kernels/abi.ts';
import { slotLayout } from '../../src/memory/layout.ts';
import { Generator } from '../../src/random/generator.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

const SEED = Number(process.env['PROOF_SEED'] ?? 1);
const RANDOM_PLACES = 1;

const manager: ManagerConfig = {
  kernelPages: 16,
  used: [{ firstGfn: 16, pages: 20 }],
  cache: [{ firstGfn: 36, pages: 20 }],
  deflatePages: 8,
  cacheReclaimShare: 0.5,
  release: 'free',
  ballooning: { intervalNs: 3e6, share: 0.95, holdOff: 1 },
};

interface Changes {
  readonly verify?: RunConfig['verify'];
  readonly guest?: Partial<RunConfig['guest']>;
  readonly migration?: Partial<RunConfig['migration']>;
}

function configOf({ verify, guest, migration }: Changes): RunConfig {
  const { pageSize = 4096 } = guest ?? {};
  const pages = pageSize === 4096 ? 600 : 24;
  const process = {
    pattern: { kind: 'uniform' as const },
    firstGfn: pageSize === 4096 ? 100 : 6,
    pages: pageSize === 4096 ? 300 : 12,
    rate: 20_000,
    writes: 0.7,
    wordsPerPage: 1,
    vcpu: 0,
    fromNs: 0,
    untilNs: Infinity,
    ...(guest?.memoryManager ? { freesNs: 4e6 } : {}),
  };
  return smallRun({
    runtime: 'virtual',
    ...(verify ? { verify } : {}),
    guest: {
      memoryBytes: pages * pageSize,
      memslots: 2,
      contents: [{ firstGfn: 0, pages, kind: 'random', zeroShare: 0.2 }],
      workloads: [process],
      ...guest,
    },
    migration: { startAfterNs: 10e6, runAfterNs: 10e6, ...migration },
  });
}

const stays = { timeoutNs: 3e6 };
const CASES: readonly (readonly [string, Changes])[] = [
  ['pre-copy', {}],
  ['pre-copy, full', { verify: 'full' }],
  ['post-copy', { migration: { algorithm: 'postcopy' } }],
  ['hybrid, full', { verify: 'full', migration: { algorithm: 'hybrid' } }],
  ['pages of 64 KiB', { guest: { pageSize: 65_536 } }],
  ['versions', { guest: { backing: 'versions' } }],
  ['a guest that stays', { migration: stays }],
  ['a guest that stays, versions', { guest: { backing: 'versions' }, migration: stays }],
  ['a memory manager', { guest: { memoryManager: manager } }],
  ['a memory manager, full', { verify: 'full', guest: { memoryManager: manager } }],
  [
    'a memory manager, post-copy',
    { guest: { memoryManager: manager }, migration: { algorithm: 'postcopy' } },
  ],
  ['a memory manager, a guest that stays', { guest: { memoryManager: manager }, migration: stays }],
];

/** A byte of the side where the guest ended. */
interface Place {
  readonly gfn: number;
  readonly offset: number;
}

/** Runs a migration and changes what `plant` says before the proof; `plant` gets the side where the guest ended. */
function play(config: RunConfig, plant: (rams: readonly Uint8Array[]) => void): Promise<RunReport> {
  const isStaying = config.migration.timeoutNs === stays.timeoutNs;
  return runVirtual(config, {
    beforeProof: (source, destination) => plant(isStaying ? source : destination),
  });
}

/** The slots of a side as the layout has them, and what is at a place. */
function geometry(config: RunConfig) {
  const { geometries } = planMemory(config.guest, config.seed);
  const layouts = geometries(0).map(slotLayout);
  const slotAt = (gfn: number) => layouts.findLast(({ firstGfn }) => firstGfn <= gfn)!;
  const pages = layouts.reduce((sum, layout) => sum + layout.pages, 0);
  return { layouts, slotAt, pages, storedBytes: layouts[0]!.storedBytes };
}

/** The first page in each state of the memory manager, and the last one; none when there is no manager. */
function pagesInStates(config: RunConfig, rams: readonly Uint8Array[]): number[] {
  if (!config.guest.memoryManager) return [];
  const { layouts } = geometry(config);
  return [PAGE_RELEASED, PAGE_FREE, PAGE_USED].flatMap((state) => {
    const gfns = layouts.flatMap(({ index, firstGfn, states, pages, ramOffset }) => {
      const { buffer, byteOffset } = rams[index]!;
      // RAM begins a page later at the destination; what lies before it does not move.
      expect(byteOffset - ramOffset).toBeLessThanOrEqual(4096);
      const map = new Uint8Array(buffer, states, pages);
      return Array.from(map.keys()).flatMap((page) =>
        map[page] === state ? [firstGfn + page] : [],
      );
    });
    return gfns.length === 0 ? [] : [gfns[0]!, gfns.at(-1)!];
  });
}

describe.each(CASES)('a byte that differs after %s', (_, changes) => {
  const config = configOf(changes);
  const { pages, slotAt, storedBytes } = geometry(config);

  it('is found wherever it is, and ends with exit code 3', async () => {
    let states: number[] = [];
    const right = await play(config, (rams) => (states = pagesInStates(config, rams)));
    expect(right.proof).toMatchObject({ ok: true });
    if (config.guest.memoryManager) {
      expect(states.length).toBe(6);
      if (right.source.outcome === 'completed')
        expect(right.source.releasedPages).toBeGreaterThan(0);
    }
    expect(exitCodeOf(buildResult({}, right))).toBe(
      right.source.outcome === 'completed' ? EXIT.done : EXIT.notCompleted,
    );
    const random = new Generator(SEED, pages);
    const places: Place[] = [
      { gfn: 0, offset: 0 },
      { gfn: pages - 1, offset: storedBytes - 1 },
      { gfn: slotAt(pages - 1).firstGfn, offset: 0 },
      { gfn: slotAt(pages - 1).firstGfn - 1, offset: storedBytes - 1 },
      ...states.map((gfn) => ({ gfn, offset: random.below(storedBytes) })),
      ...Array.from({ length: RANDOM_PLACES }, () => ({
        gfn: random.below(pages),
        offset: random.below(storedBytes),
      })),
    ];
    for (const place of places) {
      const mask = 1 + random.below(255);
      let expected = 0;
      const report = await play(config, (rams) => {
        const { index, firstGfn } = slotAt(place.gfn);
        const ram = rams[index]!;
        const at = (place.gfn - firstGfn) * storedBytes + place.offset;
        expected = ram[at]!;
        ram[at] = expected ^ mask;
      });
      const result = buildResult({}, report);
      expect(result.verify, `PROOF_SEED=${SEED}`).toMatchObject({
        ok: false,
        differingPages: 1,
        firstDifference: { ...place, expected, found: expected ^ mask },
      });
      expect(exitCodeOf(result)).toBe(EXIT.differs);
    }
  });
});
