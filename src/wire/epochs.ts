import { Packr } from 'msgpackr';
import { z } from 'zod';
import { packVcpus, vcpuSchema } from './control.ts';
import { type Frame, type FrameMemory, HEADER_BYTES, sealFrame, WireError } from './frame.ts';
import { MAX_CONTROL_BYTES } from './limits.ts';

/**
 * The frames of continuous replication (docs/wire.md), besides HELLO, WELCOME and PAGES, which are those of a migration.
 * A migration knows none of them and ends on one, since a guest may be in two places otherwise.
 */
export const EPOCH_FRAME = {
  /** Pages of an epoch, each in an encoding of its own (epoch-pages.ts). */
  delta: 64,
  /** Blocks of the disk, written in an epoch (epoch-blocks.ts). */
  blocks: 65,
  /** All of an epoch has been sent. */
  checkpoint: 66,
  /** The backup has all of an epoch. */
  committed: 67,
  /** The sender is alive. */
  heartbeat: 68,
} as const;

const packr = new Packr({ useRecords: false });
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const bodies = {
  /** Primary: ends an epoch, of which so many pages and blocks have been sent, with the state of the vCPUs. */
  checkpoint: z.strictObject({
    epoch: count,
    pages: count,
    blocks: count,
    vcpus: z.array(vcpuSchema).max(4096).readonly(),
  }),
  /** Backup: the epoch is whole in its memory, so that it would go on from there. */
  committed: z.strictObject({ epoch: count }),
  /** Either side. */
  heartbeat: z.strictObject({}),
};

export type EpochName = keyof typeof bodies;
export type EpochBody<Name extends EpochName> = z.infer<(typeof bodies)[Name]>;

/** A control message of replication: the name of its type, and the body that messages of this type have. */
export type EpochMessage = {
  [Name in EpochName]: { readonly name: Name; readonly body: EpochBody<Name> };
}[EpochName];

/** Packs a message; the bytes are valid until the next call. Throws WireError if they are too many. */
export function packEpoch(message: EpochMessage): Uint8Array {
  const { name, body } = message;
  const packed = packr.pack(
    name === 'checkpoint' ? { ...body, vcpus: packVcpus(body.vcpus) } : body,
  );
  if (packed.length <= MAX_CONTROL_BYTES) return packed;
  throw new WireError(`a ${name} message of ${packed.length} bytes is too long`);
}

/** Writes a control frame with the packed message at byte `at` of the memory; returns its length in bytes. */
export function encodeEpoch(
  memory: FrameMemory,
  at: number,
  name: EpochName,
  packed: Uint8Array,
  sequence: number,
): number {
  memory.bytes.set(packed, at + HEADER_BYTES);
  const length = HEADER_BYTES + packed.length;
  const header = { controlBytes: packed.length, payloadOffset: length, length };
  sealFrame(memory, at, { type: EPOCH_FRAME[name], sequence, ...header });
  return length;
}

/** Unpacks and checks a control frame of replication. Throws WireError if it is none, or its body is not of its type. */
export function decodeEpoch(frame: Frame): EpochMessage {
  const fail = (why: string, cause?: unknown): never => {
    throw new WireError(`frame ${frame.sequence}: ${why}`, { cause });
  };
  const name =
    (Object.keys(bodies) as EpochName[]).find((one) => EPOCH_FRAME[one] === frame.type) ??
    fail(`type ${frame.type} came out of turn`);
  if (frame.controlEnd - frame.controlAt > MAX_CONTROL_BYTES)
    fail('its control message is too long');
  // This copies: what msgpackr returns may share memory with its input, and the frame's will be reused.
  const packed = Buffer.from(frame.memory.bytes.slice(frame.controlAt, frame.controlEnd));
  let value: unknown;
  try {
    value = packr.unpack(packed);
  } catch (cause) {
    fail(`${name} is not msgpack`, cause);
  }
  const checked = bodies[name].safeParse(value);
  if (!checked.success) return fail(`${name} has a wrong body`, checked.error);
  return { name, body: checked.data } as EpochMessage;
}
