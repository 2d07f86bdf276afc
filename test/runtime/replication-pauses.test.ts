import { describe, expect, it } from 'vitest';
import type { ReplicationConfig, ReplicationCosts } from '../../src/replication/config.ts';
import type { EpochRecord } from '../../src/replication/ports.ts';
import { deathsOfThePrimary, protect, smallProtection } from '../support/protection.ts';

type Replication = Partial<Omit<ReplicationConfig, 'costs'>> & {
  readonly costs?: Partial<ReplicationCosts>;
};

/** Returns the epochs of a guest of 64 pages after the first one. */
async function epochsOf({ costs, ...replication }: Replication): Promise<readonly EpochRecord[]> {
  const all = { ...smallProtection().replication.costs, ...costs };
  const config = smallProtection({ replication: { ...replication, costs: all }, isProved: false });
  const { pairs } = await protect(config);
  return pairs[0]!.epochs.slice(1);
}

const pauseNs = ({ pauseNs: fromNs, resumeNs }: EpochRecord): number => resumeNs - fromNs;
const transferNs = ({ sendNs, sentNs }: EpochRecord): number => sentNs - sendNs;

describe('the pause of a checkpoint', () => {
  it('is longer by the time after which the host learns that the guest stands still', async () => {
    const [usual, late] = [await epochsOf({}), await epochsOf({ costs: { suspendNs: 2e6 } })];
    expect(pauseNs(late[0]!) - pauseNs(usual[0]!)).toBeGreaterThan(1.9e6);
  });

  it('is longer by a look at each page of the guest', async () => {
    const [usual] = await epochsOf({ costs: { stagingNs: 0 } });
    for (const epoch of await epochsOf({ costs: { stagingNs: 0, filterNs: 1000 } })) {
      expect(pauseNs(epoch) - pauseNs(usual!)).toBeCloseTo(64_000, 0);
    }
  });

  it('has each dirty page mapped before it is copied to the staging buffer', async () => {
    const epochs = await epochsOf({ costs: { stagingNs: 0, mapNs: 1000 } });
    const [usual] = await epochsOf({ costs: { stagingNs: 0 } });
    for (const epoch of epochs) {
      expect(pauseNs(epoch) - pauseNs(usual!)).toBeCloseTo(1000 * epoch.pages, 0);
    }
  });

  it('has nothing mapped with copy-on-write, whose pages are mapped when they are sent', async () => {
    const usual = await epochsOf({ capture: 'copy-on-write' });
    const mapping = await epochsOf({ capture: 'copy-on-write', costs: { mapNs: 100_000 } });
    const [a, b] = [usual[0]!, mapping[0]!];
    expect(pauseNs(b) / b.pages).toBeCloseTo(pauseNs(a) / a.pages, -3);
    expect(transferNs(a) / a.pages).toBeLessThan(100_000);
    expect(transferNs(b) / b.pages).toBeGreaterThan(100_000);
  });

  it('lasts until all pages have been sent when nothing keeps them', async () => {
    for (const epoch of await epochsOf({ capture: 'none' })) {
      expect(epoch.pages).toBeGreaterThan(10);
      expect(epoch.sentNs).toBeLessThanOrEqual(epoch.resumeNs);
      expect(epoch.resumeNs).toBeLessThan(epoch.ackNs);
    }
  });
});

describe('a guest that stands still until its pages have been sent', () => {
  it('goes on from a whole epoch when its primary dies', async () => {
    for (const report of await deathsOfThePrimary({ replication: { capture: 'none' } }, 12)) {
      expect(report.outcome).toBe('completed');
      for (const { proof, differingBlocks } of report.proofs!) {
        expect(proof.ok).toBe(true);
        expect(differingBlocks).toBe(0);
      }
    }
  });
});
