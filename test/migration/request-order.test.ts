import { describe, expect, it } from 'vitest';
import { plainAccounting } from '../../src/migration/accounting.ts';
import { clarkBursts } from '../../src/migration/limiters.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import type { PageOrder } from '../../src/migration/page-orders/page-order.ts';
import { postcopySource } from '../../src/migration/postcopy.ts';
import type { SourceOptions } from '../../src/migration/source-options.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import { FakeWorld } from '../support/fake-world.ts';
import { Peer } from '../support/peer.ts';

const PAGES = 64;

/** A post-copy that pushes next to nothing: what goes out has been requested. */
function pushing(options: Partial<SourceOptions> = {}, order: PageOrder = cursorOrder(false)) {
  const world = new FakeWorld({
    pages: PAGES,
    zeroShare: 0,
    bytesPerSecond: 10e6,
    latencyNs: 0,
    options: { postcopyBytesPerSecond: 1, ...options },
  });
  const half = world.sourceHalf(postcopySource(world.side, order));
  const peer = new Peer<SourceReport>(world, world.far, half);
  peer.control({ name: 'welcome', body: {} });
  peer.until(() => peer.heard.some(({ name }) => name === 'PAGES'));
  peer.names();
  return peer;
}

const request = (peer: Peer<SourceReport>, ...gfns: number[]): void => {
  for (const gfn of gfns) peer.control({ name: 'request', body: { gfn } });
};

/** The pages that have come, frame by frame. */
const sent = (peer: Peer<SourceReport>): number[][] =>
  peer.heard
    .splice(0)
    .filter(({ name }) => name === 'PAGES')
    .map(({ body }) => body as number[]);

describe('requested pages', () => {
  it('go out in the order in which they were requested, a frame each', () => {
    const peer = pushing();
    request(peer, 40, 7, 63, 8, 41, 20);
    peer.pass(5e6);
    expect(sent(peer)).toEqual([40, 7, 63, 8, 41, 20].map((gfn) => [gfn, 1]));
  });

  it('go out in that order over several batches of requests, also while the link is busy', () => {
    const peer = pushing();
    request(peer, 30, 9);
    // A page takes 0.4 ms of the link, so that the first is still on its way.
    peer.pass(0.3e6);
    request(peer, 8, 50);
    peer.pass(0.3e6);
    request(peer, 5);
    peer.pass(10e6);
    expect(sent(peer).flat()).toEqual([30, 1, 9, 1, 8, 1, 50, 1, 5, 1]);
  });

  it('go out once, however often they are requested', () => {
    const peer = pushing();
    request(peer, 40, 7, 40, 0, 7, 12);
    peer.pass(5e6);
    // Page 0 has been pushed before.
    expect(sent(peer).flat()).toEqual([40, 1, 7, 1, 12, 1]);
  });

  it('go out before the pages that a page order sends with them', () => {
    const order: PageOrder = {
      ...cursorOrder(false),
      readahead: (gfn) => [gfn + 1, gfn + 2],
    };
    const peer = pushing({ postcopyBytesPerSecond: Infinity }, order);
    peer.pass(0.1e6);
    peer.names();
    request(peer, 60, 50);
    peer.pass(30e6);
    const firsts = sent(peer).map(([first]) => first!);
    const at = [60, 50, 61, 62, 51, 52].map((gfn) => firsts.indexOf(gfn));
    expect(at).toEqual(at.toSorted((a, b) => a - b));
    expect(at[1]).toBe(at[0]! + 1);
    expect(at[5]).toBe(at[0]! + 5);
  });

  it('keep their order while a limiter of the policy holds them back', () => {
    const accounting = plainAccounting(4096);
    // 25 pages go out at once; the next burst comes two slots of a second after the start.
    const limiter = clarkBursts(accounting);
    const peer = pushing({ pacing: { accounting, limiter }, postcopyBytesPerSecond: 100 * 1024 });
    peer.pass(200e6);
    peer.names();
    request(peer, 60, 40, 50, 3);
    peer.pass(100e6);
    // Page 3 is among those that have been sent.
    expect(sent(peer)).toEqual([]);
    peer.pass(2000e6);
    expect(sent(peer).flat().slice(0, 6)).toEqual([60, 1, 40, 1, 50, 1]);
  });
});
