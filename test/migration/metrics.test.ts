import { describe, expect, it } from 'vitest';
import { TransferMetrics } from '../../src/migration/metrics.ts';
import { tallyOf } from '../support/tally.ts';

const batch = (length: number, raw: number, zero = 0) => ({
  length,
  storedLength: length,
  tally: tallyOf({ raw, zero }),
});

describe('the counters of a source', () => {
  it('count what is sent before the pause apart from what is sent in it', () => {
    const metrics = new TransferMetrics();
    metrics.sent(batch(1000, 1), 0, 0, 10);
    metrics.sent(batch(500, 0, 3), 20, 20, 30);
    metrics.synced(7, 4096, 40);
    metrics.openRound(true, 50);
    metrics.sent(batch(300, 2), 60, 60, 70);
    metrics.closeRound(80);
    metrics.pushed(batch(200, 1));
    expect([metrics.liveBytes, metrics.stoppedBytes, metrics.postcopy.bytes]).toEqual([
      1500, 300, 200,
    ]);
    expect(metrics.bytes).toBe(2000);
    expect(metrics.sentPages).toBe(6);
    expect(
      metrics.rounds.map(({ index, stopped, startNs, endNs, bytes }) => [
        index,
        stopped,
        startNs,
        endNs,
        bytes,
      ]),
    ).toEqual([
      [1, false, 0, 40, 1500],
      [2, true, 50, 80, 300],
    ]);
  });

  it('note the largest throttle in force in a round, of all vCPUs or of one', () => {
    const metrics = new TransferMetrics();
    const sendRound = (atNs: number, act: () => void = () => undefined): void => {
      metrics.sent(batch(100, 1), atNs, atNs, atNs + 1);
      act();
      metrics.synced(1, 4096, atNs + 2);
    };
    sendRound(0);
    metrics.throttled(0.2);
    sendRound(10);
    sendRound(20, () => metrics.throttled(0.5, 1));
    sendRound(30, () => metrics.throttled(0.1, 1));
    sendRound(40);
    metrics.throttled(0);
    sendRound(50);
    metrics.throttled(0.9);
    metrics.openRound(true, 60);
    metrics.closeRound(70);
    const throttles = metrics.rounds.map(({ throttle }) => throttle);
    expect(throttles).toEqual([undefined, 0.2, 0.5, 0.5, 0.2, undefined, undefined]);
  });

  it('count the pages that a harvest finds for the round that it ends', () => {
    const metrics = new TransferMetrics();
    metrics.sent(batch(1000, 1), 0, 0, 10);
    metrics.synced(7, 0, 20);
    metrics.sent(batch(1000, 1), 30, 30, 40);
    metrics.synced(5, 0, 50);
    // The harvest in the pause counts for the last live round as well.
    metrics.synced(2, 0, 60);
    expect(metrics.rounds.map(({ dirtiedPages }) => dirtiedPages)).toEqual([7, 7]);
    expect([metrics.dirtySyncCount, metrics.lastDirtiedPages]).toEqual([3, 2]);
  });

  it('expect a downtime at the rate of the link, whatever time the round took', () => {
    const metrics = new TransferMetrics();
    // 1000 bytes keep the link busy for 10 ns, in a round of 1000 ns.
    metrics.sent(batch(400, 1), 0, 100, 104);
    metrics.sent(batch(600, 1), 500, 104, 110);
    metrics.synced(3, 5000, 1000);
    expect(metrics.rounds[0]).toMatchObject({ linkNs: 10, expectedDowntimeNs: 50 });
  });

  it('count skipped pages for the round in which they were skipped', () => {
    const metrics = new TransferMetrics();
    metrics.skipped(0, 5);
    expect([metrics.rounds.length, metrics.round]).toEqual([0, 1]);
    metrics.skipped(4, 5);
    metrics.skipped(2, 6);
    expect(metrics.skippedPages).toBe(6);
    metrics.synced(0, 0, 10);
    expect(metrics.rounds).toMatchObject([{ skippedPages: 6, startNs: 5, endNs: 10 }]);
    expect([metrics.skippedPages, metrics.round]).toEqual([0, 1]);
  });
});
