import { describe, expect, it } from 'vitest';
import type { Policy } from '../../src/migration/policy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import { FakeWorld } from '../support/fake-world.ts';
import { Peer } from '../support/peer.ts';

const PAGE = 4096;
const DUPLICATES = 100;

/** Harvests once while pages are left, and again when none is, and then stops the guest. */
const harvestsEarly: Policy<number> = {
  name: 'harvests early',
  skipsRedirtied: false,
  initial: 0,
  decide: (syncs, { event, sentPages, pendingPages }) => {
    if (event === 'synced') {
      const kind = syncs === 2 ? 'switchover' : 'continue';
      return { state: syncs, actions: [{ kind }] };
    }
    const isDue = syncs === 0 ? sentPages >= 400 : pendingPages === 0;
    if (event !== 'batch' || !isDue) return { state: syncs, actions: [{ kind: 'continue' }] };
    return { state: syncs + 1, actions: [{ kind: 'sync' }] };
  },
};

describe('references that wait for a frame', () => {
  it('are sent before a harvest, so that none arrives after a newer copy of its page', () => {
    const options = { encodings: ['reference'] as const };
    const world = new FakeWorld({ writesPerSecond: 50_000, zeroShare: 0, options });
    const { ram } = world.source.memory.slots[0]!;
    ram.copyWithin(DUPLICATES * PAGE, 0, DUPLICATES * PAGE);
    const { source, destination } = world.play(precopySource(world.side, harvestsEarly));
    expect([source.outcome, destination?.outcome]).toEqual(['completed', 'completed']);
    expect(source.references!.pages).toBeGreaterThan(DUPLICATES / 2);
    expect(source.rounds.map(({ stopped }) => stopped)).toEqual([false, false, true]);
    const moved = world.target.memory.slots[0]!.ram;
    expect(Buffer.compare(moved, world.frozen!)).toBe(0);
  });
});

describe('answers that do not fit', () => {
  it.each([
    ['a page that no reference was sent for', [5000]],
    ['a page twice', [DUPLICATES, DUPLICATES]],
  ])('end the migration: %s', (_, gfns) => {
    const options = { encodings: ['reference'] as const };
    const world = new FakeWorld({ zeroShare: 0, options });
    const { ram } = world.source.memory.slots[0]!;
    ram.copyWithin(DUPLICATES * PAGE, 0, DUPLICATES * PAGE);
    const half = world.sourceHalf(precopySource(world.side, harvestsEarly));
    const peer = new Peer<SourceReport>(world, world.far, half);
    peer.pass(1e6);
    peer.control({ name: 'welcome', body: {} });
    peer.until(() => peer.heard.some(({ name }) => name === 'REFERENCE'));
    peer.control({ name: 'miss', body: { gfns } });
    peer.pass(20e6);
    const error = 'the destination answered references that it was not sent';
    expect(peer.result).toMatchObject({ outcome: 'failed', error, guestLost: false });
  });
});
