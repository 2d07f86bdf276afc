import { Packr } from 'msgpackr';
import { z } from 'zod';
import { crc32c } from '../../wire/crc32c.ts';
import { lineOf, MOST_SENTENCE } from '../../wire/text.ts';

/**
 * The messages of two processes around the frames of a migration (docs/protocol.md). A message has a header of 16
 * bytes, little-endian, and a msgpack map as its body:
 *
 *   byte  0  u32  magic "PFTR"
 *         4  u16  version of this header
 *         6  u16  type
 *         8  u32  length, header included
 *        12  u32  CRC-32C of bytes 0 to 11 and of the body
 *
 * The first 12 bytes of a frame have the same shape (wire/frame.ts), so a receiver can tell the two apart.
 */
export const MESSAGE_HEADER_BYTES = 16;
export const MESSAGE_MAGIC = 0x52544650;
/** Neither this header nor OFFER and REFUSE ever change, so that processes of all versions can talk about versions. */
export const HEADER_VERSION = 1;

/** The versions of the protocol that this program speaks: the newest one and the one before, as soon as there is one. */
export const VERSIONS: readonly [oldest: number, newest: number] = [1, 1];

/** The two processes of a migration. */
export type Role = 'sender' | 'receiver';

/** The other process did what the protocol does not allow, or its stream is damaged. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const sentence = lineOf(MOST_SENTENCE);
const ns = z.number();
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const name = lineOf(64);
/** The length of the secret without which nobody may resume a migration. */
export const SECRET_BYTES = 32;
const secret = bytes.refine(({ length }) => length === SECRET_BYTES);

const progressFields = { n: count, writes: count, checksumLow: count, checksumHigh: count };
const progress = z.strictObject(progressFields);
/** Its fields stand in the order of guest/vcpu-state.ts, as a proof compares states as texts. */
const vcpuState = z.strictObject({
  guestNs: ns,
  aliveNs: ns,
  pausedNs: ns,
  throttled: z.number(),
  manager: z.array(z.number()).max(16),
  streams: z
    .array(z.strictObject({ stream: count, ...progressFields, pace: z.array(z.number()).max(16) }))
    .max(65_536),
});
const faultLog = z.strictObject({
  count,
  majorCount: count,
  minorCount: count,
  blockedNs: ns,
  latency: z.string().max(1_000_000),
  request: z.string().max(1_000_000),
  latencyBuckets: z.array(count).max(64),
});
const tally = z.strictObject({
  pages: z.array(count).max(64),
  bytes: z.array(count).max(64),
});

/** How many whole messages and frames have come over a connection and those before it. */
const progressOfItems = z.strictObject({ messages: count, frames: count });
/** How long a lost connection may take to be replaced, 0 if it isn't, and which silence means that it is lost. */
const survival = z.strictObject({ withinMs: count, silenceMs: count });

/** A chunk of memory whose bytes are named by a slot and offsets within its RAM. */
const range = { slot: count, from: count, bytes: count };

const KiB = 1024;
const MiB = 1024 * KiB;

/** The most bytes of frames that may be under way in one direction. */
export const MOST_WINDOW_BYTES = 64 * MiB;
/** The most bytes that the files of an offer may have together. */
export const MOST_FILE_BYTES = 768 * KiB;
/** The most bytes of memory that one FETCH may ask for, and those that one digest stands for. */
export const CHUNK_BYTES = MiB;
/** The most bytes of memory of which one DIGEST may ask for the sums. */
export const MOST_DIGEST_BYTES = 256 * MiB;

/** Who sends each message, its type, its longest body and its fields. */
const KINDS = {
  /** This guest is to move. `needs` are features without which it can't, `scenario` is JSON, and `files` are those of its traces. */
  offer: {
    from: 'sender',
    type: 1,
    most: MiB,
    body: z.strictObject({
      versions: z.tuple([count, count]),
      id: z.string().regex(/^[0-9a-f]{32}$/),
      needs: z.array(name).max(64),
      scenario: z.string(),
      files: z.array(z.strictObject({ name, bytes })).max(64),
      /** How a lost connection is replaced, and the secret without which nobody may do that. */
      survival: survival.extend({ secret }).optional(),
    }),
  },
  /** It fits here, and this version is spoken from now on. */
  accept: {
    from: 'receiver',
    type: 2,
    most: KiB,
    body: z.strictObject({ version: count, survival: survival.optional() }),
  },
  /** It can't come here. */
  refuse: { from: 'receiver', type: 3, most: 8 * KiB, body: z.strictObject({ sentence }) },
  /** What does your clock say? */
  ping: { from: 'receiver', type: 4, most: KiB, body: z.strictObject({ number: count }) },
  /** This is what the clock here said when PING arrived. */
  pong: { from: 'sender', type: 5, most: KiB, body: z.strictObject({ number: count, atNs: ns }) },
  /** The clocks have been compared, and no more than so many bytes of frames may be under way in each direction. */
  compared: {
    from: 'receiver',
    type: 19,
    most: KiB,
    body: z.strictObject({ roundTripNs: ns.min(0), windowBytes: count.max(MOST_WINDOW_BYTES) }),
  },
  /** The memory and the threads of the guest are there. */
  ready: { from: 'receiver', type: 6, most: KiB, body: z.strictObject({}) },
  /** Frames follow; the first arrives at this time of the clock that has been compared. */
  start: { from: 'sender', type: 7, most: KiB, body: z.strictObject({ helloAtNs: ns }) },
  /** So many bytes of frames have been taken out of the way since START. */
  credit: { from: 'both', type: 8, most: KiB, body: z.strictObject({ bytes: count }) },
  /** No frame will follow. */
  close: { from: 'both', type: 9, most: KiB, body: z.strictObject({}) },
  /** This is how its half of the migration ended. */
  ended: {
    from: 'receiver',
    type: 10,
    most: 8 * KiB,
    body: z.strictObject({
      outcome: z.enum(['completed', 'cancelled', 'failed']),
      error: sentence.optional(),
      tally,
      droppedPages: count,
    }),
  },
  /** Stop the guest, as its run is over. */
  park: { from: 'sender', type: 11, most: KiB, body: z.strictObject({}) },
  /** The guest stands still, and this is what it has done there. */
  parked: {
    from: 'receiver',
    type: 12,
    most: 16 * MiB,
    body: z.strictObject({
      progress: z.array(progress).max(65_536),
      /** The state that the vCPUs were given. */
      loaded: z.array(vcpuState).max(4096),
      /** The area of vcpu-state.ts, as doubles. */
      area: bytes,
      zeroings: z.array(z.number()).max(2_000_000),
      faults: z.array(faultLog.nullable()).max(4096),
      timeline: z.array(z.strictObject({ ns, accesses: count })).max(4096),
      involuntarySwitches: count,
    }),
  },
  /** What are the SHA-256 sums of the chunks of this memory? */
  digest: { from: 'sender', type: 13, most: KiB, body: z.strictObject(range) },
  digests: { from: 'receiver', type: 14, most: 16 * KiB, body: z.strictObject({ sums: bytes }) },
  /** What are these bytes of memory? */
  fetch: { from: 'sender', type: 15, most: KiB, body: z.strictObject(range) },
  fetched: { from: 'receiver', type: 16, most: CHUNK_BYTES + KiB, body: z.strictObject({ bytes }) },
  /** This is all, and so the run ended. */
  bye: {
    from: 'sender',
    type: 17,
    most: 8 * KiB,
    body: z.strictObject({
      outcome: name,
      verify: z.enum(['ok', 'differs', 'none']),
      sentence: sentence.optional(),
    }),
  },
  /** It ends the connection for this reason; a receiver says whether the guest has run there, if it knows. */
  fail: {
    from: 'both',
    type: 18,
    most: 8 * KiB,
    body: z.strictObject({ sentence, ran: z.boolean().optional() }),
  },
  /** So much has come whole. It is sent at least every quarter of the time of silence, so it is a sign of life as well. */
  ack: { from: 'both', type: 32, most: KiB, body: progressOfItems },
  /** In place of an offer: this connection takes the place of a lost one. The code proves that the secret is known. */
  resume: {
    from: 'sender',
    type: 33,
    most: KiB,
    body: z.strictObject({
      id: z.string().regex(/^[0-9a-f]{32}$/),
      /** Counts the attempts, so that none can be played again. */
      attempt: count,
      came: progressOfItems,
      /** Whether frames begin anew, since the engines agree on what is missing. */
      afresh: z.boolean(),
      code: bytes,
    }),
  },
  /** It does, and so much has come here. */
  resumed: {
    from: 'receiver',
    type: 34,
    most: KiB,
    body: z.strictObject({ came: progressOfItems, code: bytes }),
  },
  /** There is no such migration any more; it may be known whether the guest has run here. */
  gone: {
    from: 'receiver',
    type: 35,
    most: 8 * KiB,
    body: z.strictObject({ sentence, ran: z.boolean().optional() }),
  },
} as const;

type Kinds = typeof KINDS;
export type MessageName = keyof Kinds;
export type BodyOf<Name extends MessageName> = z.infer<Kinds[Name]['body']>;
export type Message<Name extends MessageName = MessageName> = {
  [Each in Name]: { readonly name: Each; readonly body: BodyOf<Each> };
}[Name];

const NAMES = new Map(
  Object.entries(KINDS).map(([kind, { type }]) => [type as number, kind as MessageName]),
);

const packr = new Packr({ useRecords: false });

/** Returns the name of a message's type, or undefined if there is none. */
export const nameOfType = (type: number): MessageName | undefined => NAMES.get(type);

/** Returns who sends messages of this name. */
export const senderOf = (kind: MessageName): Role | 'both' => KINDS[kind].from;

/** Returns how long a message of this name may be, header included. */
export const mostBytesOf = (kind: MessageName): number => MESSAGE_HEADER_BYTES + KINDS[kind].most;

/** Returns the bytes of a message. Throws ProtocolError when they are more than its kind may have. */
export function encodeMessage<Name extends MessageName>(kind: Name, body: BodyOf<Name>): Buffer {
  const packed = packr.pack(body);
  const message = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES + packed.length);
  if (message.length > mostBytesOf(kind)) {
    throw new ProtocolError(
      `${kind} has ${packed.length} bytes, which is more than the ${KINDS[kind].most} that it may have`,
    );
  }
  message.writeUInt32LE(MESSAGE_MAGIC, 0);
  message.writeUInt16LE(HEADER_VERSION, 4);
  message.writeUInt16LE(KINDS[kind].type, 6);
  message.writeUInt32LE(message.length, 8);
  message.set(packed, MESSAGE_HEADER_BYTES);
  message.writeUInt32LE(crcOf(message), 12);
  return message;
}

/** Reads a whole message, whose type is known. Throws ProtocolError when it is damaged or has a wrong body. */
export function decodeMessage(kind: MessageName, message: Uint8Array): Message {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (crcOf(message) !== view.getUint32(12, true))
    throw new ProtocolError(`${kind}: its CRC differs`);
  const packed = Buffer.from(message.subarray(MESSAGE_HEADER_BYTES));
  let value: unknown;
  try {
    value = packr.unpack(packed);
  } catch (cause) {
    throw new ProtocolError(`${kind} is not msgpack`, { cause });
  }
  const checked = KINDS[kind].body.safeParse(value);
  if (!checked.success)
    throw new ProtocolError(`${kind} has a wrong body`, { cause: checked.error });
  return { name: kind, body: checked.data } as Message;
}

function crcOf(message: Uint8Array): number {
  const header = crc32c(message, 0, 12);
  return crc32c(message, MESSAGE_HEADER_BYTES, message.length, header) >>> 0;
}
