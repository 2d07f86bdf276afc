import { describe, expect, it } from 'vitest';
import type { ProtectReport } from '../../src/runtime/virtual/replication/report.ts';
import { deathsOfThePrimary, protect, smallProtection } from '../support/protection.ts';

/** Enough deaths within two intervals that each step of an epoch is hit. */
const DEATHS = 24;

const imageOf = ({ proofs }: ProtectReport) => proofs!.find(({ of }) => of === 'image')!;

describe('a guest whose primary dies', () => {
  it('has sent nothing whose epoch was not acknowledged', async () => {
    const reports = await deathsOfThePrimary({ latencyNs: 1e6 }, DEATHS);
    for (const { packets, takeovers } of reports) {
      expect(takeovers).toHaveLength(1);
      expect(packets).toMatchObject({ undone: 0, repeated: 0 });
      expect(packets.released).toBeGreaterThan(0);
    }
    // Some deaths fall between the end of an epoch at the backup and its acknowledgement: its packets never left.
    expect(reports.some(({ packets }) => packets.lost > 0)).toBe(true);
  });

  it('goes on from a whole epoch, of which no page and nothing of the next one is missing', async () => {
    for (const report of await deathsOfThePrimary({}, DEATHS)) {
      const { proof, epoch } = imageOf(report);
      expect(epoch).toBe(report.takeovers[0]!.epoch);
      expect(proof).toMatchObject({ ok: true, differingPages: 0, problems: [] });
      expect(report.outcome).toBe('completed');
    }
  });

  it('finds its disk as it was at the end of that epoch', async () => {
    for (const report of await deathsOfThePrimary({}, DEATHS)) {
      expect(imageOf(report).differingBlocks).toBe(0);
      expect(report.proofs!.find(({ of }) => of === 'end')).toMatchObject({ differingBlocks: 0 });
      expect(report.writtenBlocks).toBeGreaterThan(0);
    }
  });

  it('goes on from a whole epoch with copy-on-write, whose pages are saved before their first write', async () => {
    const reports = await deathsOfThePrimary(
      { replication: { capture: 'copy-on-write', capturePages: 3 } },
      DEATHS,
    );
    for (const report of reports) expect(imageOf(report).proof.ok).toBe(true);
    const epochs = reports.flatMap(({ pairs }) => pairs.flatMap((pair) => pair.epochs));
    expect(epochs.some(({ savedPages }) => savedPages === 3)).toBe(true);
  });

  it('runs at its backup after silence, drain and activation, in this order', async () => {
    const atNs = 25e6;
    const troubles = [{ atNs, what: 'primary' as const }];
    const { takeovers } = await protect(smallProtection({ troubles }));
    const [times] = takeovers;
    expect(times).toMatchObject({ from: 0, to: 1, diedNs: atNs });
    const { heardNs, detectedNs, fencedNs, drainedNs, activatedNs, runningNs } = times!;
    expect(heardNs).toBeLessThanOrEqual(atNs + 100_000);
    expect(detectedNs - heardNs).toBe(10e6);
    expect(fencedNs).toBe(detectedNs);
    expect(drainedNs).toBeGreaterThanOrEqual(fencedNs);
    expect(activatedNs - drainedNs).toBeGreaterThanOrEqual(1e6);
    expect(runningNs).toBeGreaterThanOrEqual(activatedNs);
  });

  it('has not moved, and lost no packet, when all ends before its backup runs it', async () => {
    // Silence ends some 10 ms after the death, and the activation takes 1 ms more.
    const troubles = [{ atNs: 25e6, what: 'primary' as const }];
    for (let durationNs = 33e6; durationNs < 39e6; durationNs += 0.5e6) {
      const report = await protect(smallProtection({ troubles, durationNs, latencyNs: 1e6 }));
      const hasMoved = report.takeovers.length === 1;
      expect(report.outcome).toBe(hasMoved ? 'completed' : 'lost');
      if (!hasMoved) expect(report.packets).toMatchObject({ lost: 0, undone: 0 });
      expect(imageOf(report).proof.ok).toBe(true);
    }
  });

  it('is lost when its first epoch has not been whole', async () => {
    const troubles = [{ atNs: 1.5e6, what: 'primary' as const }];
    const report = await protect(smallProtection({ troubles }));
    expect(report).toMatchObject({ outcome: 'lost', takeovers: [] });
    expect(report.pairs[0]!.reason).toBe(
      'the primary fell silent before its first epoch was whole',
    );
  });

  it('is protected again by a third host, and survives the second one as well', async () => {
    const troubles = [
      { atNs: 15e6, what: 'primary' as const },
      { atNs: 45e6, what: 'primary' as const },
    ];
    const config = smallProtection({ troubles, spares: 1, durationNs: 80e6 });
    const { outcome, takeovers, proofs } = await protect(config);
    expect(outcome).toBe('completed');
    expect(takeovers.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    for (const { proof, differingBlocks } of proofs!) {
      expect(proof.ok).toBe(true);
      expect(differingBlocks).toBe(0);
    }
  });
});

describe('a guest whose backup dies', () => {
  it('runs on without protection, and what was held leaves', async () => {
    const troubles = [{ atNs: 25e6, what: 'backup' as const }];
    const report = await protect(smallProtection({ troubles }));
    expect(report.outcome).toBe('completed');
    expect(report.packets).toMatchObject({ lost: 0, undone: 0, repeated: 0, held: 0 });
    expect(report.pairs[0]).toMatchObject({
      end: 'dropped',
      reason: 'the backup has been silent for 0.01 s',
    });
  });
});

describe('two hosts that hear nothing of each other', () => {
  const troubles = [{ atNs: 25e6, what: 'link' as const }];
  const fence = { leaseNs: 30e6, latencyNs: 100_000 };

  it('both run the guest without a fence, and the result says so', async () => {
    const report = await protect(smallProtection({ troubles }));
    expect(report.outcome).toBe('split');
    expect(report.splitNs).toBeGreaterThan(10e6);
    expect(report.problems).toEqual([]);
  });

  it('never both run it with a fence: the primary, which has the lease, goes on', async () => {
    const report = await protect(smallProtection({ troubles, replication: { fence } }));
    expect(report).toMatchObject({ outcome: 'completed', splitNs: 0, takeovers: [] });
    expect(report.pairs[0]!.end).toBe('dropped');
    expect(report.packets).toMatchObject({ lost: 0, undone: 0, repeated: 0 });
  });

  it('never both run it with a fence that the primary no longer reaches: the backup goes on', async () => {
    const cut = [{ atNs: 25e6, what: 'primary-fence' as const }, ...troubles];
    const config = smallProtection({ troubles: cut, replication: { fence }, durationNs: 80e6 });
    const report = await protect(config);
    expect(report).toMatchObject({ outcome: 'completed', splitNs: 0 });
    expect(report.takeovers).toHaveLength(1);
    expect(report.packets).toMatchObject({ undone: 0, repeated: 0 });
    const { detectedNs, fencedNs } = report.takeovers[0]!;
    expect(fencedNs).toBeGreaterThan(detectedNs);
  });
});

describe('switches of a protection', () => {
  it('without the buffer of the network let packets leave at once, so that some belong to a lost state', async () => {
    const reports = await deathsOfThePrimary({ replication: { netBuffer: false } }, 6);
    expect(reports.some(({ packets }) => packets.undone > 0)).toBe(true);
    for (const { problems, delays } of reports) {
      expect(problems).toEqual([]);
      expect(Math.max(...delays.map(({ ns }) => ns))).toBe(0);
    }
  });

  it.each(['raw', 'xor', 'gzip', 'hybrid', 'xen'] as const)(
    'send the same pages with compression %s',
    async (compression) => {
      const report = await protect(smallProtection({ replication: { compression } }));
      const [pair] = report.pairs;
      const { codes, epochs } = pair!;
      const sent = Object.values(codes).reduce((sum, { pages }) => sum + pages, 0);
      const due = epochs.reduce((sum, { pages }) => sum + pages, 0);
      expect(sent).toBeGreaterThanOrEqual(due);
      expect(codes.raw.pages === sent).toBe(compression === 'raw');
      expect(imageOf(report).proof.ok).toBe(true);
    },
  );

  it('counts the blocks of the disk among the bytes of their epoch', async () => {
    const { pairs } = await protect(smallProtection());
    const { blockBytes } = smallProtection().emissions.disk!.shape;
    const { epochs } = pairs[0]!;
    for (const { bytes, pages, blocks } of epochs) {
      expect(bytes).toBeGreaterThan(pages * 4096 + blocks * blockBytes);
    }
    expect(epochs.at(-1)!.blocks).toBeGreaterThan(2);
  });

  it('gives the same report for the same seed', async () => {
    const troubles = [{ atNs: 25e6, what: 'primary' as const }];
    const [a, b] = [1, 2].map(() => protect(smallProtection({ troubles, spares: 1 })));
    expect(JSON.stringify(await a)).toBe(JSON.stringify(await b));
  });
});
