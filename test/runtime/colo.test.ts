import { describe, expect, it } from 'vitest';
import type { ProtectReport } from '../../src/runtime/virtual/replication/report.ts';
import { deathsUnderColo, smallColo } from '../support/colo.ts';
import { protect } from '../support/protection.ts';

const DEATHS = 12;

/** The secondary is slower than the primary and goes its own way now and then. */
const UNLIKE = { divergence: 0.004, secondaryShare: 0.8 };
/** Checkpoints are so frequent that deaths fall into some of them. */
const OFTEN = { intervalNs: 4e6 };

const causesOf = ({ pairs }: ProtectReport) =>
  pairs.flatMap(({ epochs }) => epochs.map(({ colo }) => colo!.cause));

describe('a guest that runs at two hosts', () => {
  it('lets packets leave as soon as both have sent them', async () => {
    const report = await protect(
      smallColo({ latencyNs: 100_000, replication: { intervalNs: 1e9 } }),
    );
    expect(causesOf(report)).toEqual(['first']);
    const { packets, delays } = report;
    expect(packets.released).toBeGreaterThan(80);
    expect(Math.max(...delays.map(({ ns }) => ns))).toBeLessThan(0.5e6);
  });

  it('makes a checkpoint when they have sent different packets', async () => {
    const report = await protect(smallColo({ colo: { divergence: 0.005 } }));
    const causes = causesOf(report);
    expect(causes.filter((cause) => cause === 'difference').length).toBeGreaterThan(2);
    const [pair] = report.pairs;
    for (const { colo, pages } of pair!.epochs.slice(1)) {
      expect(pages).toBeGreaterThanOrEqual(Math.max(colo!.primaryPages, colo!.secondaryPages));
      expect(pages).toBeLessThanOrEqual(colo!.primaryPages + colo!.secondaryPages);
    }
    // Some pages have been dirtied by the secondary alone.
    expect(pair!.epochs.some(({ colo, pages }) => pages > colo!.primaryPages)).toBe(true);
    expect(report.proofs!.every(({ proof }) => proof.ok)).toBe(true);
  });

  it('makes a checkpoint when one of them has not sent a packet for long', async () => {
    const report = await protect(
      smallColo({
        colo: { secondaryShare: 0.5, silenceNs: 4e6 },
        replication: { intervalNs: 1e9 },
      }),
    );
    const causes = causesOf(report);
    expect(causes.slice(1).every((cause) => cause === 'silence')).toBe(true);
    expect(causes.length).toBeGreaterThan(2);
    const longest = Math.max(...report.delays.map(({ ns }) => ns));
    expect(longest).toBeGreaterThan(4e6);
  });

  it('makes a checkpoint at the end of a period', async () => {
    const report = await protect(smallColo());
    expect(causesOf(report)).toEqual(['first', 'period', 'period']);
    expect(report.packets).toMatchObject({ lost: 0, undone: 0, repeated: 0 });
    expect(report.writtenBlocks).toBeGreaterThan(0);
    const places = report.proofs!.map(({ host, of }) => [host, of]);
    expect(places).toEqual([
      [0, 'end'],
      [1, 'image'],
    ]);
    for (const { proof, differingBlocks } of report.proofs!) {
      expect(proof.ok).toBe(true);
      expect(differingBlocks).toBe(0);
    }
  });

  it('gives the same report for the same seed', async () => {
    const troubles = [{ atNs: 25e6, what: 'primary' as const }];
    const config = smallColo({ troubles, spares: 1, colo: UNLIKE });
    const [a, b] = [protect(config), protect(config)];
    expect(JSON.stringify(await a)).toBe(JSON.stringify(await b));
  });
});

describe('a guest that runs at two hosts, of which the primary dies', () => {
  it('has sent nothing that the other host has not sent as well', async () => {
    const reports = [
      ...(await deathsUnderColo({ latencyNs: 1e6, colo: UNLIKE }, DEATHS)),
      ...(await deathsUnderColo({ latencyNs: 1e6, colo: UNLIKE, replication: OFTEN }, DEATHS)),
    ];
    for (const { problems, packets, takeovers } of reports) {
      expect(takeovers).toHaveLength(1);
      expect(problems).toEqual([]);
      expect(packets).toMatchObject({ undone: 0, repeated: 0 });
      expect(packets.released).toBeGreaterThan(0);
    }
    expect(reports.some((report) => causesOf(report).includes('difference'))).toBe(true);
  });

  it('goes on from where the other host is, in memory and on its disk, whatever way that had gone', async () => {
    const reports = [
      ...(await deathsUnderColo({ colo: UNLIKE }, DEATHS)),
      ...(await deathsUnderColo({ colo: UNLIKE, replication: OFTEN }, DEATHS)),
    ];
    for (const { outcome, proofs, takeovers } of reports) {
      expect(outcome).toBe('completed');
      expect(proofs!.map(({ host, of }) => [host, of])).toEqual([
        [1, 'image'],
        [1, 'end'],
      ]);
      for (const { proof, differingBlocks } of proofs!) {
        expect(proof).toMatchObject({ ok: true, differingPages: 0, problems: [] });
        expect(differingBlocks).toBe(0);
      }
      expect(proofs![0]!.epoch).toBe(takeovers[0]!.epoch);
    }
    expect(reports.some(({ takeovers }) => takeovers[0]!.epoch > 1)).toBe(true);
  });

  it('loses no time: nothing is undone, however old the last checkpoint is', async () => {
    const replication = { intervalNs: 1e9 };
    const calm = await protect(smallColo({ replication }));
    const troubles = [{ atNs: 40e6, what: 'primary' as const }];
    const report = await protect(smallColo({ troubles, replication }));
    expect(report.takeovers[0]!.epoch).toBe(0);
    expect(report.accesses).toBeGreaterThan(0.98 * calm.accesses);
  });

  it('is protected again by a third host, which learns in which way it has gone', async () => {
    const troubles = [
      { atNs: 20e6, what: 'primary' as const },
      { atNs: 55e6, what: 'primary' as const },
    ];
    const config = smallColo({ troubles, spares: 1, durationNs: 90e6, colo: { divergence: 0.01 } });
    const { outcome, takeovers, proofs, problems } = await protect(config);
    expect(outcome).toBe('completed');
    expect(problems).toEqual([]);
    expect(takeovers.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    for (const { proof, differingBlocks } of proofs!) {
      expect(proof.ok).toBe(true);
      expect(differingBlocks).toBe(0);
    }
  });

  it('is lost when its first checkpoint has not been whole', async () => {
    const troubles = [{ atNs: 1.5e6, what: 'primary' as const }];
    const report = await protect(smallColo({ troubles }));
    expect(report).toMatchObject({ outcome: 'lost', takeovers: [] });
    expect(report.pairs[0]!.reason).toBe(
      'the primary fell silent before its first checkpoint was whole',
    );
  });
});

describe('a guest that runs at two hosts, which lose each other', () => {
  it('runs on at the primary when the other host dies, and what was held leaves', async () => {
    const troubles = [{ atNs: 25e6, what: 'backup' as const }];
    const report = await protect(smallColo({ troubles }));
    expect(report.outcome).toBe('completed');
    expect(report.packets).toMatchObject({ lost: 0, undone: 0, repeated: 0, held: 0 });
    expect(report.pairs[0]).toMatchObject({
      end: 'dropped',
      reason: 'the secondary has been silent for 0.01 s',
    });
  });

  it('sends from both without a fence, and from one with it', async () => {
    const troubles = [{ atNs: 25e6, what: 'link' as const }];
    const split = await protect(smallColo({ troubles }));
    expect(split).toMatchObject({ outcome: 'split', problems: [] });
    const fence = { leaseNs: 30e6, latencyNs: 100_000 };
    const fenced = await protect(smallColo({ troubles, replication: { fence } }));
    expect(fenced).toMatchObject({ outcome: 'completed', splitNs: 0, problems: [] });
    expect(fenced.packets).toMatchObject({ undone: 0, repeated: 0 });
  });
});
