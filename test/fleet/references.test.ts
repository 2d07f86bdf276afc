import { describe, expect, it } from 'vitest';
import type { EvacuationConfig } from '../../src/fleet/evacuation/config.ts';
import { runEvacuation } from '../../src/fleet/evacuation/run.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { evacuation, virtualRun, writer } from '../support/evacuation.ts';

const PAGES = 256;
const MIB = 1024 * 1024;

type Migration = Partial<RunConfig['migration']>;

/** A guest of 256 pages: 100 that all guests have, 100 of its own, and zeros. */
function member(
  seed: number,
  migration: Migration = {},
  changes: Partial<RunConfig> = {},
): RunConfig {
  const random = { kind: 'random', zeroShare: 0, pages: 100 } as const;
  const config = virtualRun({
    guest: {
      memoryBytes: MIB,
      contents: [
        { ...random, firstGfn: 0, seed: 77 },
        { ...random, firstGfn: 100 },
      ],
      workloads: [],
    },
    migration: { encodings: ['zero', 'reference'], rounds: 1, startAfterNs: 1e6, ...migration },
    ...changes,
  });
  return { ...config, seed };
}

function evacuate(configs: readonly RunConfig[], changes: Partial<EvacuationConfig> = {}) {
  const host = (name: string) => ({ name, cpus: Infinity, nicBytesPerSecond: 100e6 });
  const hosts = ['old', 'new'].map(host);
  return runEvacuation(
    evacuation(
      configs.map((config) => ({ config })),
      { hosts, ...changes },
    ),
  );
}

const ONE_AT_A_TIME = { outgoing: 1, incoming: 1, cluster: 1, inBatches: false };

type Guests = Awaited<ReturnType<typeof runEvacuation>>['guests'];
const rams = (guests: Guests) => guests.map(({ run }) => buildResult({}, run!).ram);
const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
const areProved = (guests: Guests): boolean =>
  guests.every(({ run }) => run?.source.outcome === 'completed' && run.proof?.ok === true);

describe.each(['precopy', 'stop-and-copy', 'postcopy', 'hybrid'] as const)(
  'with %s',
  (algorithm) => {
    const migration: Migration = { algorithm };

    it('what idle guests have in common is sent once, and no reference fails', async () => {
      const configs = [1, 2, 3].map((seed) => member(seed, migration));
      const { guests, referenceTables } = await evacuate(configs, { limits: ONE_AT_A_TIME });
      expect(areProved(guests)).toBe(true);
      expect(rams(guests)).toMatchObject([
        { normal: 200, duplicate: 56, deduplicated: 0, referenceMisses: 0, referenceBytes: 0 },
        { normal: 100, duplicate: 56, deduplicated: 100, referenceMisses: 0 },
        { normal: 100, duplicate: 56, deduplicated: 100, referenceMisses: 0 },
      ]);
      // A set of the table may be full by chance.
      const [table] = referenceTables;
      expect(table).toMatchObject({ from: 'old', to: 'new', pageSize: 4096 });
      expect(table!.entries).toBeGreaterThan(390);
      expect(table!.entries).toBeLessThanOrEqual(400);
    });
  },
);

describe('guests that move at the same time', () => {
  it('send what they have in common once between them, and wait until it has arrived', async () => {
    const configs = [1, 2, 3].map((seed) => member(seed));
    const { guests } = await evacuate(configs);
    expect(areProved(guests)).toBe(true);
    const found = rams(guests);
    expect(sum(found.map(({ normal }) => normal))).toBe(400);
    expect(sum(found.map(({ deduplicated }) => deduplicated!))).toBe(200);
    expect(sum(found.map(({ referenceMisses }) => referenceMisses!))).toBe(0);
    // Each of them sends some of the pages, and names others.
    for (const { deduplicated } of found) expect(deduplicated).toBeGreaterThan(0);
  });

  it('do not name pages that are still under way', async () => {
    const { guest } = member(2);
    const contents = [{ ...guest.contents[0]!, pages: 60 }];
    let deduplicated = 0;
    for (let startTargetNs = 1e6; startTargetNs < 6e6; startTargetNs += 0.5e6) {
      const around = { startTargetNs, tunnelNs: 0, setupNs: 0, cleanupNs: 0 };
      // Its last common pages are some that the other one has just posted.
      const small = member(
        2,
        { around },
        { guest: { ...guest, memoryBytes: 60 * 4096, contents } },
      );
      const { guests } = await evacuate([member(1), small]);
      const [, ram] = rams(guests);
      expect(ram!.referenceMisses).toBe(0);
      deduplicated += ram!.deduplicated!;
    }
    expect(deduplicated).toBeGreaterThan(200);
  });

  it('leave sooner than without references, but for the time that hashing takes', async () => {
    const leaving = async (encodings: RunConfig['migration']['encodings'], hashNs: number) => {
      const costs = { ...virtualRun().costs, hashNs };
      const report = await evacuate([1, 2].map((seed) => member(seed, { encodings }, { costs })));
      return report.endedNs - report.startedNs;
    };
    const plainNs = await leaving(['zero'], 1e6);
    const [quickNs, slowNs] = [
      await leaving(['zero', 'reference'], 400),
      await leaving(['zero', 'reference'], 1e6),
    ];
    expect(await leaving(['zero'], 400)).toBe(plainNs);
    // A third of the pages of both is not sent, and a page takes 41 us on the link.
    expect(quickNs).toBeLessThan(plainNs - 70 * 41e3);
    expect(slowNs).toBeGreaterThan(plainNs + 100e6);
  });

  it('do not name pages that went to another host', async () => {
    const host = (name: string) => ({ name, cpus: Infinity, nicBytesPerSecond: 100e6 });
    const hosts = ['old', 'new-1', 'new-2'].map(host);
    const { guests, referenceTables } = await evacuate([member(1), member(2)], { hosts });
    expect(rams(guests)).toMatchObject([{ deduplicated: 0 }, { deduplicated: 0 }]);
    expect(referenceTables.map(({ to }) => to)).toEqual(['new-1', 'new-2']);
  });
});

describe('a page that has changed at the destination', () => {
  /** Writes the common pages only once it runs at the destination. */
  const later: Partial<RunConfig> = {
    guest: {
      ...member(1).guest,
      workloads: [{ ...writer(20_000), pages: 50, fromNs: 30e6 }],
    },
  };

  it('is noticed there, and the page itself is sent', async () => {
    const first = member(1, { runAfterNs: 100e6 }, later);
    const around = { startTargetNs: 60e6, tunnelNs: 0, setupNs: 0, cleanupNs: 0 };
    const { guests } = await evacuate([first, member(2, { around })], { limits: ONE_AT_A_TIME });
    expect(areProved(guests)).toBe(true);
    const [, ram] = rams(guests);
    expect(ram!.referenceMisses).toBeGreaterThan(0);
    // Every page was sent once, as a reference or as it is; those whose references failed, once more.
    expect(ram!.normal).toBe(200 - ram!.deduplicated! + ram!.referenceMisses!);
  });
});

describe('a guest that is not there any more', () => {
  it('is not named once a reference to it has failed', async () => {
    const first = member(1, { maxBytesPerSecond: 5e6, timeoutNs: 120e6 });
    const { guests } = await evacuate([first, member(2), member(3)], { limits: ONE_AT_A_TIME });
    expect(guests[0]!.run!.source.outcome).toBe('diverged');
    expect(areProved(guests.slice(1))).toBe(true);
    const [, second, third] = rams(guests);
    expect(second!.referenceMisses).toBe(100);
    expect(third).toMatchObject({ deduplicated: 100, referenceMisses: 0 });
  });
});

describe('a connection of post-copy that is lost', () => {
  it.each([8e6, 9e6, 10e6, 11e6])(
    'takes references and their answers with it, after %d ns',
    async (afterNs) => {
      const link = { ...member(1).link, outages: [{ afterNs, forNs: 10e6 }] };
      const migration = { algorithm: 'postcopy', recoverWithinNs: 1e9 } as const;
      const configs = [member(1, migration), member(2, migration, { link })];
      const { guests } = await evacuate(configs, {
        limits: ONE_AT_A_TIME,
        // What is sent is under way for a while, and so is each answer.
        core: { bytesPerSecond: 100e6, latencyNs: 2e6 },
      });
      expect(areProved(guests)).toBe(true);
      const { postcopy, unsentPages } = guests[1]!.run!.source;
      expect(unsentPages).toBe(0);
      expect(postcopy!.pauses![0]!.resentPages).toBeGreaterThan(0);
    },
  );
});

describe('a guest that moves alone', () => {
  it('sends its own duplicates as references', async () => {
    const contents = [{ firstGfn: 0, pages: PAGES, kind: 'duplicate', zeroShare: 0 }] as const;
    const config = member(1, {}, { guest: { ...member(1).guest, contents } });
    const report = await runVirtual(config);
    expect(report.proof?.ok).toBe(true);
    const { ram, rounds } = buildResult({}, report);
    // There are 64 different pages, some of which have their first duplicate in the same batch.
    expect(ram).toMatchObject({ deduplicated: PAGES - ram.normal, referenceMisses: 0 });
    expect(ram.normal).toBeLessThan(130);
    expect(rounds[0]!.pages).toBe(PAGES);
    expect(ram.referenceBytes).toBeLessThan(PAGES * 60);
    const without = buildResult(
      {},
      await runVirtual({ ...config, migration: { ...config.migration, encodings: ['zero'] } }),
    );
    expect(without.ram).not.toHaveProperty('deduplicated');
    expect(without.ram.transferred).toBeGreaterThan(1.9 * ram.transferred);
  });
});
