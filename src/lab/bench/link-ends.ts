import { monotonicClock } from '../../clock/monotonic.ts';
import type { Link } from '../../link/link.ts';
import { ringLink } from '../../link/ring-link.ts';
import { copyBytes } from '../../memory/copy.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import type { Algorithm } from '../../migration/ports.ts';
import { drive, LONG_SPINS } from '../../runtime/threads/driver.ts';
import { FRAME, type FrameMemory, HEADER_BYTES, sealFrame, WireError } from '../../wire/frame.ts';
import type { LinkEnd, LinkTask } from './tasks.ts';

/** The payload of a frame begins at a cache line, as that of a page frame does. */
const PAYLOAD_OFFSET = 64;

/** A peer that is silent for this long, plus twice a frame's time on the link, is taken for dead. */
const PATIENCE_NS = 10e9;

const patienceNs = ({ frameBytes, bytesPerSecond }: LinkTask): number =>
  PATIENCE_NS + (2e9 * frameBytes) / bytesPerSecond;

/** Sends the task's frames. Returns when the end began and finished; throws WireError if the peer is silent. */
export function sendFrames(task: LinkTask): LinkEnd {
  return runEnd(task, 0, function* (link, now) {
    const payload = walkThrough(task);
    for (let sent = 0; sent < task.frames;) {
      const wake = yield { credit: 'pages', untilNs: now() + patienceNs(task) };
      if (wake === 'time') throw new WireError('the receiver is silent');
      const room = link.room(task.frameBytes, 'pages');
      if (!room) continue;
      copyBytes(room.memory.bytes, room.at + PAYLOAD_OFFSET, payload());
      sealPlain(room.memory, room.at, room.sequence, task.frameBytes);
      link.post(task.frameBytes);
      sent++;
    }
  });
}

/** Receives the task's frames and copies each into memory, as `sendFrames` otherwise. */
export function receiveFrames(task: LinkTask): LinkEnd {
  return runEnd(task, 1, function* (link, now) {
    const payload = walkThrough(task);
    for (let received = 0; received < task.frames;) {
      const frame = link.poll();
      if (!frame) {
        const wake = yield { frame: true, untilNs: now() + patienceNs(task) };
        if (wake === 'time') throw new WireError('the sender is silent');
        continue;
      }
      copyBytes(payload(), 0, frame.memory.bytes.subarray(frame.payloadAt, frame.payloadEnd));
      received++;
    }
    link.release();
  });
}

/** Runs one end in this thread; the thread blocks on its doorbell as the engines of a run do. */
function runEnd(
  task: LinkTask,
  side: 0 | 1,
  algorithm: (link: Link, now: () => number) => Algorithm<void>,
): LinkEnd {
  const clock = monotonicClock(task.clockOrigin);
  const words = new Int32Array(task.doorbells);
  const link = ringLink({
    clock,
    outgoing: task.outgoing,
    incoming: task.incoming,
    peerDoorbell: new Doorbell(words, (1 - side) * Doorbell.WORDS),
    bytesPerSecond: task.bytesPerSecond,
    latencyNs: 0,
  });
  const startNs = clock.now();
  drive(
    algorithm(link, () => clock.now()),
    {
      clock,
      link,
      doorbell: new Doorbell(words, side * Doorbell.WORDS),
      isGuestSettled: () => false,
      isCancelled: () => false,
      isAborted: () => false,
      spins: () => LONG_SPINS,
    },
  );
  return { startNs, endNs: clock.now() };
}

/** Returns a function that gives consecutive parts of the memory, each a payload long, again and again. */
function walkThrough({ memory, frameBytes }: LinkTask): () => Uint8Array {
  const bytes = new Uint8Array(memory);
  const length = frameBytes - PAYLOAD_OFFSET;
  let at = 0;
  return () => {
    if (at + length > bytes.length) at = 0;
    const part = bytes.subarray(at, at + length);
    at += length;
    return part;
  };
}

function sealPlain(memory: FrameMemory, at: number, sequence: number, length: number): void {
  memory.bytes.fill(0, at + HEADER_BYTES, at + PAYLOAD_OFFSET);
  const header = { type: FRAME.pages, sequence, controlBytes: 0, payloadOffset: PAYLOAD_OFFSET };
  sealFrame(memory, at, { ...header, length });
}
