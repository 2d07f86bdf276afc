import { describe, expect, it } from 'vitest';
import type { DeviceSpec } from '../../src/guest/devices/device.ts';
import { SourceDevices } from '../../src/migration/devices/source-devices.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { qemuPolicy } from '../../src/migration/policies/qemu.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { PolicyStatistics } from '../../src/migration/policy.ts';
import { hybridSource, postcopySource } from '../../src/migration/postcopy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import { stopAndCopySource } from '../../src/migration/stop-and-copy.ts';
import { device } from '../support/devices.ts';
import { FakeWorld, type FakeWorldOptions, ramOf } from '../support/fake-world.ts';

const PAGES = 64;
const WORLD: FakeWorldOptions = { pages: PAGES, bytesPerSecond: 1e9, latencyNs: 0, zeroShare: 0 };

const worldOf = (devices: readonly DeviceSpec[], more: FakeWorldOptions = {}): FakeWorld =>
  new FakeWorld({ ...WORLD, ...more, devices });

/** How long the parts of a downtime were, in ms. */
function partsOf({ stop, running }: SourceReport) {
  return {
    statesMs: (running!.stateNs - running!.pagesNs) / 1e6,
    handoverMs: (running!.runningNs - running!.stateNs) / 1e6,
    downtimeMs: (running!.runningNs - stop.pauseAskedNs!) / 1e6,
  };
}

describe('the downtime of a guest with devices', () => {
  it('has the times of a device that is saved, sent, loaded and connected again', () => {
    const one = device({
      kind: 'virtio-net',
      stateBytes: 1_000_000,
      saveNs: 7e6,
      loadNs: 13e6,
      reconnectNs: 5e6,
      reconnectStops: true,
    });
    const world = worldOf([one]);
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(source.outcome).toBe('completed');
    const { statesMs, handoverMs } = partsOf(source);
    // 7 ms of saving, 1 ms of link for a megabyte, 13 ms of loading. The save begins while the last pages, which
    // take 0.26 ms of the link, are on their way.
    expect(statesMs).toBeGreaterThan(20.7);
    expect(statesMs).toBeLessThan(20.8);
    expect(handoverMs).toBeGreaterThanOrEqual(5);
    expect(handoverMs).toBeLessThan(5.1);
    const { list, precopyBytes } = source.devices!;
    expect(precopyBytes).toBe(0);
    expect(list).toMatchObject([
      { kind: 'virtio-net', loadNs: 13e6, reconnectNs: 5e6, stoppedBytes: 1_000_000 },
    ]);
    expect(list[0]!.saveNs).toBeGreaterThanOrEqual(7e6);
    expect(list[0]!.saveNs).toBeLessThan(8.1e6);
  });

  it('overlaps what one side does with what the other does', () => {
    const slow = device({ stateBytes: 64, saveNs: 10e6, loadNs: 10e6 });
    const world = worldOf([slow, slow, slow]);
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    // Three are saved one after the other; each but the last is loaded while the next is saved.
    expect(partsOf(source).statesMs).toBeGreaterThan(39.7);
    expect(partsOf(source).statesMs).toBeLessThan(39.8);
  });

  it('does not hold the vCPUs for a backend that they do not wait for', () => {
    const world = worldOf([device({ stateBytes: 64, reconnectNs: 700e6 })]);
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(partsOf(source).handoverMs).toBeLessThan(0.1);
    expect(source.devices!.list).toMatchObject([{ reconnectNs: 700e6, reconnectStops: false }]);
  });

  it('waits for all backends at the same time', () => {
    const [a, b] = [3e6, 8e6].map((reconnectNs) =>
      device({ reconnectNs, reconnectStops: true, loadNs: 1e6 }),
    );
    const world = worldOf([a!, b!]);
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(partsOf(source).handoverMs).toBeGreaterThanOrEqual(8);
    expect(partsOf(source).handoverMs).toBeLessThan(8.1);
    // Devices without state are loaded as well.
    expect(source.devices!.list.map(({ loadNs }) => loadNs)).toEqual([1e6, 1e6]);
  });

  it('keeps to the rate at which a device can be read', () => {
    const world = worldOf([device({ stateBytes: 1_000_000, bytesPerSecond: 50e6 })]);
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(partsOf(source).statesMs).toBeGreaterThan(19.7);
    expect(partsOf(source).statesMs).toBeLessThan(19.8);
  });

  it('counts none of their bytes as pages, but all as bytes of the link', () => {
    const bare = new FakeWorld(WORLD);
    const without = bare.play(stopAndCopySource(bare.side, roundsPolicy(1))).source;
    const world = worldOf([device({ stateBytes: 500_000 })]);
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(without.devices).toBeUndefined();
    expect(source.downtimeBytes).toBe(without.downtimeBytes);
    const { stoppedBytes } = source.devices!;
    expect(stoppedBytes).toBeGreaterThan(500_000);
    expect(stoppedBytes).toBeLessThan(501_000);
    const hello = source.linkBytes - without.linkBytes - stoppedBytes;
    expect(hello).toBeGreaterThan(0);
    expect(hello).toBeLessThan(200);
  });
});

describe('pre-copy data of devices', () => {
  const vfio = device({
    kind: 'vfio',
    initialBytes: 100_000,
    loadInitialNs: 50e6,
    precopyBytes: 200_000,
    stateBytes: 300_000,
    isPending: true,
  });

  it('goes while the guest runs, and its load takes none of the downtime', () => {
    const world = worldOf([vfio], { options: { switchoverAck: true } });
    const { source } = world.play(precopySource(world.side, roundsPolicy(2)));
    expect(source.outcome).toBe('completed');
    expect(source.devices!.list).toMatchObject([
      { precopyBytes: 300_000, stoppedBytes: 300_000, loadInitialNs: 50e6 },
    ]);
    expect(source.devices!.ackedNs! - source.startNs).toBeGreaterThanOrEqual(50e6);
    expect(source.stop.pauseAskedNs).toBeGreaterThanOrEqual(source.devices!.ackedNs!);
    expect(partsOf(source).downtimeMs).toBeLessThan(1);
    expect(Buffer.compare(ramOf(world.target), world.frozen!)).toBe(0);
  });

  it('is awaited of every device, not of the first one that has loaded its own', () => {
    // The second device's initial bytes are on the link for 10 ms and load for 50 ms; those of the first are there at once.
    const late = { ...vfio, initialBytes: 10_000_000 };
    const world = worldOf([{ ...vfio, loadInitialNs: 0 }, late], {
      options: { switchoverAck: true },
    });
    const { source } = world.play(precopySource(world.side, roundsPolicy(2)));
    expect(source.outcome).toBe('completed');
    expect(source.devices!.ackedNs! - source.startNs).toBeGreaterThanOrEqual(60e6);
    expect(source.stop.pauseAskedNs).toBeGreaterThanOrEqual(source.devices!.ackedNs!);
  });

  it('is loaded in the downtime when nobody waits for ACK', () => {
    const world = worldOf([vfio]);
    const { source } = world.play(precopySource(world.side, roundsPolicy(2)));
    expect(source.devices!.ackedNs).toBeUndefined();
    expect(partsOf(source).downtimeMs).toBeGreaterThan(45);
  });

  it('goes with the rest when the guest stands still from the start', () => {
    const world = worldOf([vfio], { options: { switchoverAck: false } });
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(source.devices!.list).toMatchObject([{ precopyBytes: 0, stoppedBytes: 600_000 }]);
    expect(partsOf(source).statesMs).toBeGreaterThanOrEqual(50);
  });

  it.each([
    ['hybrid', true],
    ['post-copy', false],
  ])('goes with %s as well', (_, isHybrid) => {
    const world = worldOf([vfio], { options: { switchoverAck: isHybrid } });
    const policy = {
      ...roundsPolicy(1),
      decide: (state: unknown, now: PolicyStatistics) => ({
        state,
        actions: [{ kind: now.pendingPages === 0 ? 'postcopy' : 'continue' } as const],
      }),
    };
    const order = cursorOrder(false);
    const { source } = world.play(
      isHybrid ? hybridSource(world.side, policy, order) : postcopySource(world.side, order),
    );
    expect(source.outcome).toBe('completed');
    expect(source.devices!.list[0]).toMatchObject({
      precopyBytes: isHybrid ? 300_000 : 0,
      loadInitialNs: 50e6,
    });
  });

  it('becomes dirty again at its rate, up to all of it', () => {
    const devices = new SourceDevices(
      [device({ initialBytes: 10, precopyBytes: 1000, dirtyBytesPerSecond: 100, isPending: true })],
      true,
    );
    devices.begin(5e9);
    expect([devices.liveBytes, devices.pendingStoppedBytes]).toEqual([1010, 1010]);
    for (const bytes of [10, 700, 300]) {
      const piece = devices.livePiece(0, bytes)!;
      expect(piece.bytes).toBe(bytes);
      devices.sent(piece, bytes + 50, false, 6e9);
    }
    expect(devices.livePiece(0, 1000)).toBeUndefined();
    devices.refresh(8e9);
    expect(devices.livePiece(0, 1000)).toEqual({
      device: 0,
      part: 'precopy',
      offset: 1000,
      bytes: 300,
    });
    devices.refresh(1000e9);
    expect(devices.liveBytes).toBe(1000);
    expect(devices.frames).toEqual({ precopyBytes: 1160, stoppedBytes: 0 });
  });

  it('counts as pending only where QEMU counts it', () => {
    const devices = new SourceDevices(
      [
        device({ initialBytes: 1, precopyBytes: 20, stateBytes: 300, isPending: true }),
        device({ precopyBytes: 4000, stateBytes: 50_000 }),
      ],
      false,
    );
    expect(devices.pendingLiveBytes).toBe(21);
    expect(devices.pendingStoppedBytes).toBe(321);
    expect(devices.liveBytes).toBe(4021);
  });
});

describe('policy qemu', () => {
  const policy = qemuPolicy({ version: '10', downtimeLimitMs: 100 });
  const base = {
    round: 2,
    pageSize: 4096,
    transferredBytes: 0,
    sentPages: 0,
    skippedPages: 0,
    dirtiedPages: 0,
    syncs: 2,
    isPostcopy: false,
    isHeldBack: false,
  };
  /** The way after 1 MB in a window of 100 ms, so that the threshold is 1 MB, with so much left. */
  const wayOf = (
    event: 'batch' | 'synced',
    pendingPages: number,
    deviceBytes?: { live: number; stopped: number },
  ): string => {
    const now = { ...base, event, nowMs: 100, accountedBytes: 1e6, pendingPages };
    const window = policy.decide(policy.initial, {
      ...base,
      event: 'batch',
      nowMs: 100,
      accountedBytes: 1e6,
      pendingPages: 0,
      deviceBytes: { live: 0, stopped: 1e9 },
    });
    const { actions } = policy.decide(window.state, {
      ...now,
      ...(deviceBytes ? { deviceBytes } : {}),
    });
    return actions.at(-1)!.kind;
  };

  it('weighs what can go while the guest runs before a sync, and all of it after', () => {
    expect(wayOf('synced', 0)).toBe('switchover');
    expect(wayOf('synced', 0, { live: 0, stopped: 999_999 })).toBe('switchover');
    expect(wayOf('synced', 0, { live: 0, stopped: 1_000_000 })).toBe('continue');
    expect(wayOf('synced', 1, { live: 0, stopped: 999_999 })).toBe('continue');
    expect(wayOf('batch', 0, { live: 999_999, stopped: 5e9 })).toBe('sync');
    expect(wayOf('batch', 0, { live: 1_000_000, stopped: 5e9 })).toBe('continue');
  });

  it('asks for an exact count when a device has state and nothing has been measured', () => {
    const start = {
      ...base,
      event: 'start' as const,
      nowMs: 0,
      accountedBytes: 0,
      pendingPages: 0,
    };
    const way = (deviceBytes?: { live: number; stopped: number }) =>
      policy.decide(policy.initial, { ...start, ...(deviceBytes ? { deviceBytes } : {}) }).actions;
    expect(way().at(-1)).toEqual({ kind: 'switchover' });
    expect(way({ live: 0, stopped: 0 }).at(-1)).toEqual({ kind: 'switchover' });
    expect(way({ live: 0, stopped: 1 }).at(-1)).toEqual({ kind: 'continue' });
  });
});
