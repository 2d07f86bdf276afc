import { describe, expect, it } from 'vitest';
import type { DeviceSpec } from '../../src/guest/devices/device.ts';
import { closeRing } from '../../src/link/ring.ts';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { describeDevices } from '../../src/migration/devices/destination-devices.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { SourceSession } from '../../src/migration/source-session.ts';
import type { DestinationReport } from '../../src/migration/destination.ts';
import { crc32c } from '../../src/wire/crc32c.ts';
import { HEADER_BYTES } from '../../src/wire/frame.ts';
import { device } from '../support/devices.ts';
import { FakeWorld, type FakeWorldOptions } from '../support/fake-world.ts';
import { Peer } from '../support/peer.ts';

const PAGES = 64;
const WORLD: FakeWorldOptions = { pages: PAGES, bytesPerSecond: 1e9, latencyNs: 0, zeroShare: 0 };

const worldOf = (devices: readonly DeviceSpec[], more: FakeWorldOptions = {}): FakeWorld =>
  new FakeWorld({ ...WORLD, ...more, devices });

/** A destination whose source is played by the test; it has two devices. */
function loneDestination() {
  const devices = [
    device({
      kind: 'vfio',
      initialBytes: 128,
      loadInitialNs: 3e6,
      precopyBytes: 64,
      stateBytes: 256,
    }),
    device({ kind: 'virtio-net', stateBytes: 64 }),
  ];
  const world = worldOf(devices, { ringBytes: { forward: 1024 * 1024, backward: 64 * 1024 } });
  const peer = new Peer<DestinationReport>(world, world.near, world.destinationHalf());
  const hello = (changes: object = {}): void => {
    const body = {
      slots: [PAGES],
      pageSize: 4096,
      vcpus: 1,
      integrity: 'full' as const,
      devices: describeDevices(devices),
      ...changes,
    };
    peer.control({ name: 'hello', body });
    peer.pass(1e6);
    if (peer.heard.at(-1)?.name === 'WELCOME') peer.heard.length = 0;
  };
  const switchover = (): void =>
    peer.control({
      name: 'switchover',
      body: { stoppedPages: 0, postcopy: false, absentPages: 0, buffered: false },
    });
  const state = (): void =>
    peer.control({ name: 'state', body: { vcpus: world.sourceGuest.vcpuState() } });
  /** What the destination has said, how it has ended, and whether its vCPUs have been asked to run. */
  const end = () => {
    peer.pass(10e6);
    const said = peer.heard.at(-1);
    closeRing(world.forward);
    peer.pass(1e6);
    const { outcome, error } = peer.result!;
    return { said, outcome, error, runs: Atomics.load(world.target.words, PAUSE) === 0 };
  };
  return { peer, hello, switchover, state, end };
}

/** The destination has said that it failed, and has not run the guest. */
const failed = (sentence: string) => ({
  said: { name: 'FAILED', body: { message: sentence, ran: false } },
  outcome: 'failed',
  error: sentence,
  runs: false,
});

describe('a destination with devices', () => {
  const piece = { device: 0, part: 'initial', offset: 0, bytes: 128 } as const;

  it.each([
    ['a device that is not there', { ...piece, device: 2 }, 'there is no device 2 here'],
    [
      'a piece that leaves a gap',
      { ...piece, offset: 64, bytes: 64 },
      'a piece of a device is missing',
    ],
    [
      'more than there is',
      { ...piece, bytes: 129 },
      'a device has more state than the source has said',
    ],
    [
      'more than can be dirty',
      { ...piece, part: 'precopy', bytes: 65 },
      'a device has more state than the source has said',
    ],
    [
      'state of a device that runs',
      { ...piece, part: 'state' },
      'the state of a device that still runs has come',
    ],
  ] as const)('refuses %s', (_, wrong, sentence) => {
    const { peer, hello, end } = loneDestination();
    hello();
    peer.device(wrong);
    expect(end()).toEqual(failed(`frame 1: ${sentence}`));
  });

  it('refuses a piece that comes twice', () => {
    const { peer, hello, end } = loneDestination();
    hello();
    peer.device({ ...piece, bytes: 64 });
    peer.device({ ...piece, bytes: 64 });
    expect(end()).toEqual(failed('frame 2: a piece of a device is missing'));
  });

  it('refuses bytes that are not those of the source, even under a sum that fits', () => {
    const { peer, hello, end } = loneDestination();
    hello();
    peer.spoil = ({ memory, at }): void => {
      const payload = at + memory.view.getUint32(at + 20, true);
      memory.bytes[payload + 40]! ^= 1;
      memory.kernels.pageHash(payload, 128, at + HEADER_BYTES + 24);
      const controlEnd = at + HEADER_BYTES + memory.view.getUint32(at + 16, true);
      const header = crc32c(memory.bytes, at, at + 28);
      memory.view.setUint32(
        at + 28,
        crc32c(memory.bytes, at + HEADER_BYTES, controlEnd, header),
        true,
      );
    };
    peer.device(piece);
    expect(end()).toEqual(failed("frame 1: a device's state is not what the source has"));
  });

  it('refuses to go on without the whole state of each device', () => {
    const { peer, hello, switchover, state, end } = loneDestination();
    hello();
    peer.device(piece);
    switchover();
    peer.device({ device: 0, part: 'state', offset: 0, bytes: 256 });
    state();
    expect(end()).toEqual(failed('the state of device 1 (virtio-net) is not whole'));
  });

  it('refuses other devices than those that are prepared', () => {
    const { hello, end } = loneDestination();
    hello({ devices: [] });
    expect(end()).toEqual(
      failed(
        "the source's devices (none) are not those prepared here " +
          '(vfio of 128 + 64 + 256 bytes, virtio-net of 0 + 0 + 64 bytes)',
      ),
    );
  });

  it('says ACK once, when the initial bytes have been loaded, to a source that waits for it', () => {
    const { peer, hello } = loneDestination();
    hello({ switchoverAck: true });
    peer.device({ ...piece, bytes: 64 });
    peer.pass(5e6);
    expect(peer.heard).toEqual([]);
    peer.device({ ...piece, offset: 64, bytes: 64 });
    peer.pass(2.5e6);
    expect(peer.heard).toEqual([]);
    peer.pass(2e6);
    peer.device({ ...piece, part: 'precopy', bytes: 64 });
    peer.device({ ...piece, part: 'precopy', offset: 64, bytes: 64 });
    peer.pass(5e6);
    expect(peer.heard).toEqual([{ name: 'ACK', body: {} }]);
  });

  it('says no ACK to a source that does not wait for it', () => {
    const { peer, hello } = loneDestination();
    hello();
    peer.device(piece);
    peer.pass(10e6);
    expect(peer.heard).toEqual([]);
  });
});

describe('a source with devices', () => {
  /** A source that has sent all that it can send while the guest runs, and whose destination is played by the test. */
  function loneSource(switchoverAck: boolean) {
    const world = worldOf([device({ initialBytes: 64, stateBytes: 64 })], {
      options: { switchoverAck },
    });
    let session: SourceSession | undefined;
    const side = { ...world.side, watch: (now: SourceSession) => void (session = now) };
    const half = world.sourceHalf(precopySource(side, roundsPolicy(2)));
    const peer = new Peer<SourceReport>(world, world.far, half);
    peer.pass(1e6);
    peer.control({ name: 'welcome', body: {} });
    peer.pass(200e6);
    return { world, peer, session: session! };
  }
  const ack = (peer: Peer<SourceReport>): void => {
    peer.control({ name: 'ack', body: {} });
    peer.pass(5e6);
  };

  it('stops the guest only after ACK, however long that takes', () => {
    const { world, peer } = loneSource(true);
    expect(Atomics.load(world.source.words, PAUSE)).toBe(0);
    expect(peer.names()).not.toContain('SWITCHOVER');
    ack(peer);
    expect(Atomics.load(world.source.words, PAUSE)).toBe(1);
    const last = ['SWITCHOVER', 'DEVICE', 'STATE', 'RUN'];
    expect(peer.names().slice(-4)).toEqual(last);
  });

  it('does not take an ACK that it does not wait for', () => {
    const { peer } = loneSource(false);
    ack(peer);
    expect(peer.result).toMatchObject({
      outcome: 'failed',
      error: 'the destination sent ack out of turn',
    });
  });

  it('is told a timeout while it waits for ACK', () => {
    const world = worldOf([device({ initialBytes: 64 })], {
      options: { switchoverAck: true, timeoutNs: 100e6 },
    });
    const half = world.sourceHalf(precopySource(world.side, roundsPolicy(2)));
    const peer = new Peer<SourceReport>(world, world.far, half);
    peer.pass(1e6);
    peer.control({ name: 'welcome', body: {} });
    peer.pass(200e6);
    expect(peer.result).toMatchObject({ outcome: 'diverged' });
    expect(Atomics.load(world.source.words, PAUSE)).toBe(0);
  });
});
