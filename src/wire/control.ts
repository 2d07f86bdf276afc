import { Packr } from 'msgpackr';
import { z } from 'zod';
import {
  type Frame,
  FRAME,
  type FrameMemory,
  frameName,
  HEADER_BYTES,
  sealFrame,
  WireError,
} from './frame.ts';
import { MAX_CONTROL_BYTES } from './limits.ts';

/** Control messages are msgpack maps; a receiver checks every field before it uses one. */
const packr = new Packr({ useRecords: false });

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const time = z.number();
/** Nanoseconds from the arrival of HELLO, measured on the clock of the side that says so. */
const sinceHello = z.number().min(0);

/** The read checksum is eight bytes, low word first: a message is as long whatever was read. */
const stream = z
  .strictObject({
    stream: count,
    n: count,
    writes: count,
    checksum: z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === 8),
    pace: z.array(z.number()).max(16).readonly(),
  })
  .transform(({ stream: index, n, writes, checksum, pace }) => {
    const view = new DataView(checksum.buffer, checksum.byteOffset, 8);
    const [checksumLow, checksumHigh] = [view.getUint32(0, true), view.getUint32(4, true)];
    return { stream: index, n, writes, checksumLow, checksumHigh, pace };
  });

function packStream({ checksumLow, checksumHigh, ...rest }: z.output<typeof stream>): object {
  const checksum = Buffer.alloc(8);
  checksum.writeUInt32LE(checksumLow, 0);
  checksum.writeUInt32LE(checksumHigh, 4);
  return { ...rest, checksum };
}

/** What is packed: a state's checksums are bytes. */
function packable(message: ControlMessage): object {
  if (message.name !== 'state') return message.body;
  const vcpus = message.body.vcpus.map((one) => ({ ...one, streams: one.streams.map(packStream) }));
  return { vcpus };
}

const vcpu = z.strictObject({
  guestNs: time,
  aliveNs: time,
  pausedNs: time,
  throttled: z.number(),
  manager: z.array(z.number()).max(16).readonly(),
  streams: z.array(stream).max(65536).readonly(),
});

const bodies = {
  /** Source: this is the guest that comes. */
  hello: z.strictObject({
    /** Pages of each memslot. */
    slots: z.array(count).max(65536).readonly(),
    pageSize: count,
    vcpus: count,
    integrity: z.enum(['full', 'header']),
  }),
  /** Destination: it fits here. */
  welcome: z.strictObject({}),
  /**
   * Source: the vCPUs stand still. Every page has been sent but for `absentPages`, which the DISCARD
   * frames before it have named.
   */
  switchover: z.strictObject({
    stoppedPages: count,
    postcopy: z.boolean(),
    absentPages: count,
    /** Pages that come after RUN lie in a buffer until the guest takes them. */
    buffered: z.boolean(),
  }),
  /** Source: the state of the vCPUs. */
  state: z.strictObject({ vcpus: z.array(vcpu).max(4096).readonly() }),
  /** Source: run the guest. The point of no return. */
  run: z.strictObject({}),
  /**
   * Destination: the guest runs here. How long after the arrival of HELLO the pages sent before
   * SWITCHOVER were in, the state was loaded, and the last vCPU ran.
   */
  running: z.strictObject({ pagesNs: sinceHello, stateNs: sinceHello, runningNs: sinceHello }),
  /** Destination, running: a vCPU waits for this page. */
  request: z.strictObject({ gfn: count }),
  /** Source: after RUN, every page that was absent has been sent. */
  end: z.strictObject({}),
  /** Destination: all pages are there; how long after the arrival of HELLO the last one was in. */
  complete: z.strictObject({ presentNs: sinceHello }),
  /** Source, on a new connection after RUN: go on with what was lost. */
  resume: z.strictObject({}),
  /** Destination: `presentPages` pages are there, which the RECEIVED frames before it have named. */
  resumed: z.strictObject({ presentPages: count }),
  /** Source: the migration is off, the guest stays here. */
  cancel: z.strictObject({}),
  /** Destination: it can't go on; whether the guest has run here. */
  failed: z.strictObject({ message: z.string().max(4096), ran: z.boolean() }),
};

export type ControlName = keyof typeof bodies;
export type ControlBody<Name extends ControlName> = z.infer<(typeof bodies)[Name]>;

export type ControlMessage = {
  [Name in ControlName]: { readonly name: Name; readonly body: ControlBody<Name> };
}[ControlName];

/** Packs a message; the bytes are valid until the next call. */
export function packControl(message: ControlMessage): Uint8Array {
  const packed = packr.pack(packable(message));
  if (packed.length > MAX_CONTROL_BYTES) {
    throw new WireError(`a ${message.name} message of ${packed.length} bytes is too long`);
  }
  return packed;
}

/** Writes a packed control frame at `at`; returns its length. */
export function encodeControl(
  memory: FrameMemory,
  at: number,
  name: ControlName,
  packed: Uint8Array,
  sequence: number,
): number {
  memory.bytes.set(packed, at + HEADER_BYTES);
  const length = HEADER_BYTES + packed.length;
  sealFrame(memory, at, {
    type: FRAME[name],
    sequence,
    controlBytes: packed.length,
    payloadOffset: length,
    length,
  });
  return length;
}

/** Unpacks and checks a control frame. Throws WireError when it is not what its type says. */
export function decodeControl(frame: Frame): ControlMessage {
  const name = (Object.keys(bodies) as ControlName[]).find((n) => FRAME[n] === frame.type);
  if (!name)
    throw new WireError(`frame ${frame.sequence}: ${frameName(frame.type)} is unknown here`);
  if (frame.controlEnd - frame.controlAt > MAX_CONTROL_BYTES) {
    throw new WireError(`frame ${frame.sequence}: a control message too long`);
  }
  // A copy: msgpackr's results may share memory with their input, and the frame's will be reused.
  const packed = Buffer.from(frame.memory.bytes.slice(frame.controlAt, frame.controlEnd));
  let value: unknown;
  try {
    value = packr.unpack(packed);
  } catch (cause) {
    throw new WireError(`frame ${frame.sequence}: ${name} is not msgpack`, { cause });
  }
  const checked = bodies[name].safeParse(value);
  if (!checked.success) {
    throw new WireError(`frame ${frame.sequence}: ${name} has a wrong body`, {
      cause: checked.error,
    });
  }
  return { name, body: checked.data } as ControlMessage;
}
