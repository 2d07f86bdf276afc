import { deviceFrameBytes, type DevicePiece, encodeDevice } from '../../wire/devices.ts';
import type { FrameRoom } from '../../link/link.ts';
import type { Algorithm } from '../ports.ts';
import type { SourceSession } from '../source-session.ts';
import type { SourceDevices } from './source-devices.ts';

/** A device sends at most so much before pages have their turn again (QEMU: VFIO_MIG_DEFAULT_DATA_BUFFER_SIZE). */
const TURN_BYTES = 1024 * 1024;
/** A source that may not stop the guest yet, or has nothing to send, looks again after this time. */
const LOOK_AGAIN_NS = 10e6;
/** A long rest is made of waits that are shorter than a source's patience with its destination. */
const REST_NS = 10e9;

/**
 * Gives the devices a turn while the guest runs: each sends up to 1 MiB of what can go by then. QEMU does so
 * after each chunk of pages (qemu_savevm_state_iterate). Returns false if it is not their turn, and pages
 * are to be sent; without either, it waits.
 */
export function* devicesTurn(session: SourceSession): Algorithm<boolean> {
  const { devices } = session;
  if (!devices) return false;
  const hasPages = session.unsent.count > 0;
  if (hasPages && !devices.isDue) return false;
  devices.isDue = false;
  if (devices.live.length === 0) {
    if (!hasPages) yield* rest(session, LOOK_AGAIN_NS);
    return !hasPages;
  }
  const sent = yield* sendTurns(session, devices);
  // What becomes dirty again and again would otherwise be sent, and asked about, byte by byte.
  if (!hasPages && sent < TURN_BYTES) yield* rest(session, LOOK_AGAIN_NS);
  return true;
}

/** Spends the time in which the guest may not be stopped yet: devices send on, or ACK is waited for. */
export function* holdSwitchover(session: SourceSession): Algorithm<void> {
  const { devices } = session;
  if (!devices) return;
  if (session.isHeldBack) yield* session.awaitWindow();
  if (session.isHeldBack) session.renew();
  const sent = yield* sendTurns(session, devices);
  if (sent < TURN_BYTES) yield* rest(session, LOOK_AGAIN_NS);
}

/** Gives each device its turn; returns how many bytes they have sent. */
function* sendTurns(session: SourceSession, devices: SourceDevices): Algorithm<number> {
  let sent = 0;
  for (const device of devices.live) sent += yield* sendTurn(session, devices, device);
  return sent;
}

function* sendTurn(
  session: SourceSession,
  devices: SourceDevices,
  device: number,
): Algorithm<number> {
  const { link, clock, options } = session.side;
  const begunNs = clock.now();
  let sent = 0;
  while (sent < TURN_BYTES && !session.isHeldBack) {
    const piece = devices.livePiece(device, pieceBytes(session));
    if (!piece) break;
    const most = deviceFrameBytes(piece.bytes);
    let room: FrameRoom | undefined;
    while (!room) {
      if ((yield* session.wait({ credit: 'pages', frame: true })) === 'frame') session.hearPeer();
      room = link.room(most, 'pages');
    }
    const length = encodeDevice(room.memory, room.at, piece, options.integrity, room.sequence);
    link.post(length);
    session.limiter.takeBytes(length);
    session.metrics.account(length);
    devices.sent(piece, length, false, clock.now());
    sent += piece.bytes;
    yield* keepRate(session, devices, piece, begunNs, sent);
  }
  return sent;
}

/** Saves and sends all devices of the stopped guest, one after the other. */
export function* sendDevices(session: SourceSession): Algorithm<void> {
  const { devices } = session;
  if (!devices) return;
  const { clock, options } = session.side;
  for (const [device, { saveNs }] of devices.specs.entries()) {
    const begunNs = clock.now();
    devices.saves(device, begunNs);
    yield* rest(session, saveNs);
    const readNs = clock.now();
    let sent = 0;
    for (;;) {
      const piece = devices.stoppedPiece(device, pieceBytes(session));
      if (!piece) break;
      yield* session.sendFrame(deviceFrameBytes(piece.bytes), ({ memory, at, sequence }) => {
        const length = encodeDevice(memory, at, piece, options.integrity, sequence);
        devices.sent(piece, length, true, clock.now());
        return length;
      });
      sent += piece.bytes;
      yield* keepRate(session, devices, piece, readNs, sent);
    }
    devices.saved(device, clock.now() - begunNs);
  }
}

/** Waits until the device could have been read so far at its own rate. */
function* keepRate(
  session: SourceSession,
  devices: SourceDevices,
  { device }: DevicePiece,
  fromNs: number,
  bytes: number,
): Algorithm<void> {
  const { bytesPerSecond } = devices.specs[device]!;
  if (bytesPerSecond === Infinity) return;
  yield* restUntil(session, fromNs + (bytes / bytesPerSecond) * 1e9);
}

function* rest(session: SourceSession, ns: number): Algorithm<void> {
  if (ns > 0) yield* restUntil(session, session.side.clock.now() + ns);
}

/** Waits until a point in time, or until the destination has said something. */
function* restUntil(session: SourceSession, untilNs: number): Algorithm<void> {
  const { clock } = session.side;
  while (clock.now() < untilNs) {
    const atNs = Math.min(untilNs, clock.now() + REST_NS);
    if ((yield* session.wait({ frame: true }, atNs)) !== 'frame') continue;
    const wasHeld = session.devices?.mayStop === false;
    session.hearPeer();
    // An ACK ends the wait in which the guest may not be stopped; nothing else is waited for in it.
    if (wasHeld) return;
  }
}

/** Returns how many bytes of state a frame may have: as many as pages, which keep the link busy for 1 ms. */
function pieceBytes(session: SourceSession): number {
  return session.sizes.mostPages * session.side.guest.memory.pageSize;
}
