import { z } from 'zod';
import { COMPRESSORS } from './compressors/registry.ts';
import { type BodyOf, controlCodec, type MessageOf } from './control-codec.ts';
import { FRAME, frameName } from './frame.ts';
import { BATCH_BYTES, MAX_CHANNELS, MAX_REFERENCES } from './limits.ts';
import { lineOf, MOST_SENTENCE } from './text.ts';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const time = z.number();
/** Nanoseconds since HELLO arrived, measured on the clock of the side that sends the message. */
const sinceHello = z.number().min(0);

/**
 * The counters of one stream. The read checksum is packed as eight bytes, low word first, so that the
 * length of a message does not depend on what the guest has read.
 */
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

/** Returns what is packed for the state of vCPUs, whose checksums become bytes. */
export const packVcpus = (vcpus: readonly z.output<typeof vcpuSchema>[]): object[] =>
  vcpus.map((one) => ({ ...one, streams: one.streams.map(packStream) }));

/** The state of a vCPU as a message carries it. */
export const vcpuSchema = z.strictObject({
  guestNs: time,
  aliveNs: time,
  pausedNs: time,
  throttled: z.number(),
  manager: z.array(z.number()).max(16).readonly(),
  streams: z.array(stream).max(65536).readonly(),
});

/** What a side must know of a device before its state comes. */
const device = z.strictObject({
  kind: lineOf(64),
  initialBytes: count,
  precopyBytes: count,
  stateBytes: count,
});

/** How long a device took at the destination. */
const deviceTimes = z.strictObject({
  loadInitialNs: sinceHello,
  loadNs: sinceHello,
  reconnectNs: sinceHello,
});

/** The body of each control message; the comment on each begins with the side that sends it. */
const bodies = {
  /** Source: describes the guest that it is going to send. */
  hello: z.strictObject({
    /** The number of pages in each memslot. */
    slots: z.array(count).max(65536).readonly(),
    pageSize: count,
    vcpus: count,
    integrity: z.enum(['full', 'header']),
    /** The devices, in the order of their indices; absent if there are none. */
    devices: z.array(device).max(1024).readonly().optional(),
    /** Whether the source waits for ACK before it stops the guest; absent if it does not. */
    switchoverAck: z.literal(true).optional(),
    /** The guest's number in references to its pages; absent if pages are never sent as references. */
    guest: count.optional(),
    /** Whether pages may be sent as what has changed of them; absent if none are. */
    xbzrle: z.literal(true).optional(),
    /** How pages may be compressed, and how many of them as one block; absent if none are. */
    compression: z
      .strictObject({
        method: z.enum(COMPRESSORS),
        blockPages: z.number().int().min(1).max(BATCH_BYTES),
        /** Whether their words may be coded instead; absent if they may not. */
        words: z.literal(true).optional(),
      })
      .optional(),
    /** How many channels bring pages besides this connection; absent if there are none. */
    channels: z.number().int().min(1).max(MAX_CHANNELS).optional(),
  }),
  /**
   * Source: every channel brings the SYNC of this number behind the pages that it has brought so far. The destination
   * waits for all of them; what follows on any channel must not overtake what was before.
   */
  flush: z.strictObject({ number: count }),
  /** Source, on a channel: it brings nothing more until the destination has come to the FLUSH of this number. */
  sync: z.strictObject({ number: count }),
  /** Destination: the guest of HELLO fits the one that has been prepared here. */
  welcome: z.strictObject({}),
  /**
   * Source: the vCPUs are paused. All pages have been sent, except for `absentPages` pages, which the
   * DISCARD frames before this message have named.
   */
  switchover: z.strictObject({
    stoppedPages: count,
    postcopy: z.boolean(),
    absentPages: count,
    /** Whether pages that arrive after RUN stay in a buffer until the guest faults on them. */
    buffered: z.boolean(),
  }),
  /** Source: carries the state of the vCPUs. */
  state: z.strictObject({ vcpus: z.array(vcpuSchema).max(4096).readonly() }),
  /** Source: asks the destination to run the guest. This is the point of no return. */
  run: z.strictObject({}),
  /**
   * Destination: the guest runs here. The times say when the pages sent before SWITCHOVER were
   * installed, when the state was loaded, and when the last vCPU began to run.
   */
  running: z.strictObject({
    pagesNs: sinceHello,
    stateNs: sinceHello,
    runningNs: sinceHello,
    /** What each device took at the destination; absent if there are none. */
    devices: z.array(deviceTimes).max(1024).readonly().optional(),
  }),
  /** Destination: the initial bytes of all devices have been loaded (QEMU's SWITCHOVER_ACK). */
  ack: z.strictObject({}),
  /**
   * Destination: answers the oldest REFERENCE frame that has had no answer. It could not use the references of these
   * pages, in the order of the frame, so they have to be sent.
   */
  miss: z.strictObject({ gfns: z.array(count).max(MAX_REFERENCES).readonly() }),
  /** Destination, after RUN: a vCPU waits for this page. */
  request: z.strictObject({ gfn: count }),
  /** Source: after RUN, every page that was absent has been sent. */
  end: z.strictObject({}),
  /** Destination: all pages are present; `presentNs` says when the last one was installed. */
  complete: z.strictObject({ presentNs: sinceHello }),
  /** Source, on a new connection after RUN: asks the destination which pages it has. */
  resume: z.strictObject({}),
  /** Destination: it has `presentPages` pages, which the RECEIVED frames before this message have named. */
  resumed: z.strictObject({ presentPages: count }),
  /** Source: the migration is cancelled, and the guest stays at the source. */
  cancel: z.strictObject({}),
  /** Destination: it can't go on. `ran` says whether the guest has run at the destination. */
  failed: z.strictObject({ message: lineOf(MOST_SENTENCE), ran: z.boolean() }),
};

export type ControlName = keyof typeof bodies;
export type ControlBody<Name extends ControlName> = BodyOf<typeof bodies, Name>;
export type ControlMessage = MessageOf<typeof bodies>;

const codec = controlCodec({
  bodies,
  types: FRAME,
  /** In STATE, checksums become bytes. */
  packable: (message) =>
    message.name === 'state' ? { vcpus: packVcpus(message.body.vcpus) } : message.body,
  refusal: (type) => `${frameName(type)} is unknown here`,
});

/** See ControlCodec. */
export const packControl = codec.pack;
export const encodeControl = codec.encode;
export const decodeControl = codec.decode;
