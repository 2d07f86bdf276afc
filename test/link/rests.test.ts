import { describe, expect, it } from 'vitest';
import { ringLink } from '../../src/link/ring-link.ts';
import { createRing } from '../../src/link/ring.ts';
import { createNetwork, Network } from '../../src/link/network.ts';
import { flowBucket, type RateLimiter, tokenBucket } from '../../src/link/rate-limiter.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { plainAccounting, qemuAccounting } from '../../src/migration/accounting.ts';
import { clarkBursts, qemuWindow, type SendLimiter } from '../../src/migration/limiters.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { Policy } from '../../src/migration/policy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import type { Algorithm } from '../../src/migration/ports.ts';
import { GeneratorDriver } from '../../src/runtime/common/driver.ts';
import { FakeWorld, ManualClock } from '../support/fake-world.ts';
import { postNumber } from '../support/frames.ts';
import { tallyOf } from '../support/tally.ts';

const MS = 1e6;

/** Each bucket sends 1 byte a us, and makes up for a delay of up to 10 ms, but not for idle time. */
const BUCKETS: Readonly<Record<string, () => RateLimiter>> = {
  'a token bucket': () => tokenBucket(1e6, 0),
  'the bucket of a flow': () => {
    const network = new Network(createNetwork([{ name: 'own', bytesPerSecond: 1e6 }], 1));
    return flowBucket(network.flow(network.openFlow([0])), 0);
  },
};

describe.each(Object.entries(BUCKETS))('%s', (_, create) => {
  it('that rests begins its next frame when it is sent', () => {
    const bucket = create();
    expect(bucket.take(1000, 0)).toBe(1 * MS);
    bucket.rest();
    expect(bucket.take(1000, 6 * MS)).toBe(7 * MS);
    expect(bucket.readyAtNs()).toBe(7 * MS);
  });

  it('that does not rest makes up for the delay', () => {
    const bucket = create();
    expect(bucket.take(1000, 0)).toBe(1 * MS);
    expect(bucket.take(1000, 6 * MS)).toBe(2 * MS);
  });

  it('that has begun anew rests too', () => {
    const bucket = create();
    bucket.take(1000, 0);
    bucket.restart();
    expect(bucket.take(1000, 6 * MS)).toBe(7 * MS);
  });
});

describe('a link with a limit of the migration', () => {
  const open = () => {
    const clock = new ManualClock();
    clock.ns = 0;
    const doorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(64)), 0);
    const [outgoing, incoming] = [createRing(65_536), createRing(65_536)];
    const parts = { clock, outgoing, incoming, peerDoorbell: doorbell, latencyNs: 0 };
    const link = ringLink({ ...parts, bytesPerSecond: 1e9 });
    link.limit(1e6);
    return { clock, link };
  };

  // The limit lets a frame out when the ones before take less than 1 ms.
  it('lets its limit rest as well', () => {
    const { clock, link } = open();
    postNumber(link, 1, 1000, 'pages');
    link.rest();
    clock.ns = 6 * MS;
    postNumber(link, 2, 1500, 'pages');
    expect(link.creditAtNs('pages')).toBe(6.5 * MS);
  });

  it('makes up for a delay of a sender that had something to send', () => {
    const { clock, link } = open();
    postNumber(link, 1, 1000, 'pages');
    clock.ns = 6 * MS;
    postNumber(link, 2, 1500, 'pages');
    expect(link.creditAtNs('pages')).toBe(1.5 * MS);
  });
});

describe('a sender', () => {
  it('lets its link rest in every wait that is not for credit', () => {
    const world = new FakeWorld({ pages: 8 });
    const rests: string[] = [];
    let waitsFor = '';
    const link = Object.assign(Object.create(world.near) as typeof world.near, {
      rest: () => void rests.push(waitsFor),
      release: () => undefined,
      creditAtNs: () => 0,
      arrivalAtNs: () => 0,
      canReconnect: () => true,
    });
    const waits = [
      { credit: 'pages' as const },
      { frame: true },
      { credit: 'control' as const, frame: true },
      { guest: true },
      { connection: true },
      { credit: 'urgent' as const },
    ];
    function* algorithm(): Algorithm<null> {
      for (const wait of waits) {
        waitsFor = Object.keys(wait).join();
        yield { ...wait, untilNs: 0 };
      }
      return null;
    }
    const parts = { clock: world.clock, link };
    const asks = { isGuestSettled: () => true, isCancelled: () => false };
    const driver = new GeneratorDriver(algorithm(), { ...parts, ...asks });
    driver.begin();
    while (driver.step(world.clock.now()));
    expect(driver.isOver).toBe(true);
    expect(rests).toEqual(['frame', 'guest', 'connection']);
  });

  it('lets its link rest when it pauses the guest, even if the vCPUs stand still at once', () => {
    const world = new FakeWorld({ pages: 8 });
    const calls: string[] = [];
    const { rest, post } = world.near;
    world.near.rest = () => {
      calls.push('rest');
      rest.call(world.near);
    };
    world.near.post = (...given) => {
      calls.push('post');
      post.apply(world.near, given);
    };
    const pause = world.sourceGuest.pause.bind(world.sourceGuest);
    world.sourceGuest.pause = () => {
      calls.push('pause');
      pause();
    };
    world.play(precopySource(world.side, roundsPolicy(1)));
    // The last wait was one for credit, in which the link does not rest.
    const paused = calls.indexOf('pause');
    expect(calls.slice(paused - 2, paused)).toEqual(['post', 'rest']);
  });
});

/** A page and its place in the window in which it was sent: windows and pages of a paced pre-copy. */
function windowsOf(limiter: SendLimiter, windowNs: number): number[] {
  const accounting = plainAccounting(4096);
  const world = new FakeWorld({
    pages: 100,
    zeroShare: 0,
    bytesPerSecond: 1e9,
    latencyNs: 0,
    options: { pacing: { accounting, limiter }, strictRate: true },
  });
  const policy: Policy<null> = {
    ...roundsPolicy(1),
    decide(state, statistics) {
      if (statistics.event !== 'window') return roundsPolicy(1).decide(null, statistics);
      return { state, actions: [{ kind: 'renew' }, { kind: 'continue' }] };
    },
  };
  const pages: number[] = [];
  let kind = '';
  const [room, post] = [world.near.room.bind(world.near), world.near.post.bind(world.near)];
  world.near.room = (bytes, of) => {
    kind = of;
    return room(bytes, of);
  };
  let before = 0;
  world.near.post = (bytes, stored) => {
    post(bytes, stored);
    if (kind !== 'pages') return;
    const window = Math.floor((world.clock.ns - 1e9) / windowNs);
    const count = Math.floor(bytes / 4096);
    pages[window] = (pages[window] ?? 0) + count;
    before += count;
  };
  const { source } = world.play(precopySource(world.side, policy));
  expect(source, source.error).toMatchObject({ outcome: 'completed' });
  expect(before).toBe(100);
  return Array.from(pages, (count) => count ?? 0);
}

describe('a paced sender', () => {
  // 409 600 bytes a second are 10 pages in each 100 ms, and the one with which the budget is exceeded.
  it('rests until the end of QEMU’s window', () => {
    const limiter = qemuWindow(409_600, plainAccounting(4096));
    expect(windowsOf(limiter, 100 * MS)).toEqual([11, 11, 11, 11, 11, 11, 11, 11, 11, 1]);
  });

  // 100 KiB are 25 pages; at 1 MiB a second a slot takes 97.65625 ms.
  it('rests until the end of Clark’s slot', () => {
    const limiter = clarkBursts(plainAccounting(4096));
    limiter.setRate(1024 * 1024);
    expect(windowsOf(limiter, 97.656_25 * MS)).toEqual([25, 25, 25, 25]);
  });

  it.each(['7.2', '10'] as const)('gets no page from QEMU %s before its window is renewed', (v) => {
    const limiter = qemuWindow(4_096_000, qemuAccounting(v, 4096));
    let sent = 0;
    for (let most = limiter.mostPages(); most > 0 && sent < 1000; most = limiter.mostPages()) {
      limiter.take(tallyOf({ raw: 1 }));
      sent++;
    }
    // 409 600 bytes are 99.8 records of 4 104 bytes; QEMU 10 counts them in steps of 32.
    expect(sent).toBe(v === '10' ? 128 : 100);
    expect(limiter.opensAtNs(20 * MS)).toBe(100 * MS);
    expect(limiter.mostPages()).toBe(0);
    limiter.renew(100 * MS);
    expect(limiter.mostPages()).toBeGreaterThan(0);
  });
});
