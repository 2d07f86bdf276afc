import { describe, expect, it } from 'vitest';
import { liveThrough, threadedProtection } from '../support/threaded-protection.ts';

describe('a protected guest in threads', () => {
  it('goes on from a whole epoch when the threads of its host are terminated', async () => {
    // The buffer of copy-on-write has little room, so that vCPUs wait for it as well.
    const config = threadedProtection({
      replication: { capture: 'copy-on-write', capturePages: 3 },
    });
    const report = await liveThrough(config, [{ what: 'primary', afterEpochs: 4, delayMs: 5 }]);
    const { outcome, takeovers, packets, proofs, pairs } = report;
    expect(outcome).toBe('completed');
    expect(takeovers).toHaveLength(1);
    expect(packets).toMatchObject({ undone: 0, repeated: 0 });
    expect(proofs!.map(({ of }) => of)).toEqual(['image', 'end']);
    for (const { proof, differingBlocks } of proofs!) {
      expect(proof).toMatchObject({ ok: true, differingPages: 0, problems: [] });
      expect(differingBlocks).toBe(0);
    }
    expect(pairs[0]!.epochs.some(({ savedPages }) => savedPages > 0)).toBe(true);
    expect(report.problems).toEqual([]);
  });

  it('goes on without protection when the threads of its backup are terminated', async () => {
    const fates = [{ what: 'backup', afterEpochs: 2, delayMs: 3 }] as const;
    const { outcome, packets, proofs, pairs } = await liveThrough(threadedProtection(), fates);
    expect(outcome).toBe('completed');
    expect(pairs[0]!.end).toBe('dropped');
    expect(packets).toMatchObject({ lost: 0, undone: 0, repeated: 0 });
    expect(proofs!.map(({ of, proof }) => [of, proof.ok])).toEqual([['end', true]]);
  });
});
