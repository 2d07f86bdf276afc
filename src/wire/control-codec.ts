import { Packr } from 'msgpackr';
import type { z } from 'zod';
import { type Frame, type FrameMemory, HEADER_BYTES, sealFrame, WireError } from './frame.ts';
import { MAX_CONTROL_BYTES } from './limits.ts';

/** The schemas of the bodies of messages, by the names of their types. */
export type Bodies = Readonly<Record<string, z.ZodType>>;

export type BodyOf<Kinds extends Bodies, Name extends keyof Kinds> = z.infer<Kinds[Name]>;

/** A control message: the name of its type, and the body that messages of this type have. */
export type MessageOf<Kinds extends Bodies> = {
  [Name in keyof Kinds & string]: { readonly name: Name; readonly body: BodyOf<Kinds, Name> };
}[keyof Kinds & string];

/** The messages of a protocol. */
export interface ControlKinds<Kinds extends Bodies> {
  readonly bodies: Kinds;
  /** The types of the frames that carry them. */
  readonly types: Readonly<Record<keyof Kinds & string, number>>;
  /** Returns the object that is packed for a message. */
  readonly packable: (message: MessageOf<Kinds>) => object;
  /** Says why a frame of another type is refused. */
  readonly refusal: (type: number) => string;
}

/** Packs, encodes and decodes the messages of a protocol. */
export interface ControlCodec<Kinds extends Bodies> {
  /** Packs a message; the bytes are valid until the next call. Throws WireError if they are more than MAX_CONTROL_BYTES. */
  readonly pack: (message: MessageOf<Kinds>) => Uint8Array;
  /** Writes a control frame with the packed message at byte `at` of the memory; returns its length in bytes. */
  readonly encode: (
    memory: FrameMemory,
    at: number,
    name: keyof Kinds & string,
    packed: Uint8Array,
    sequence: number,
  ) => number;
  /** Unpacks and checks a control frame. Throws WireError if it is none, or its body is not one of its type. */
  readonly decode: (frame: Frame) => MessageOf<Kinds>;
}

/** Control messages are msgpack maps. A receiver checks every field of one before it uses any. */
export function controlCodec<Kinds extends Bodies>(
  kinds: ControlKinds<Kinds>,
): ControlCodec<Kinds> {
  const { bodies, types, packable, refusal } = kinds;
  const packr = new Packr({ useRecords: false });
  const names = new Map(Object.keys(bodies).map((name) => [types[name]!, name]));
  return {
    pack(message) {
      const packed = packr.pack(packable(message));
      if (packed.length <= MAX_CONTROL_BYTES) return packed;
      throw new WireError(`a ${message.name} message of ${packed.length} bytes is too long`);
    },
    encode(memory, at, name, packed, sequence) {
      memory.bytes.set(packed, at + HEADER_BYTES);
      const length = HEADER_BYTES + packed.length;
      const header = { controlBytes: packed.length, payloadOffset: length, length };
      sealFrame(memory, at, { type: types[name], sequence, ...header });
      return length;
    },
    decode(frame) {
      const fail = (why: string, cause?: unknown): never => {
        throw new WireError(`frame ${frame.sequence}: ${why}`, { cause });
      };
      const { memory, controlAt, controlEnd } = frame;
      const name = names.get(frame.type) ?? fail(refusal(frame.type));
      if (controlEnd - controlAt > MAX_CONTROL_BYTES) fail('its control message is too long');
      // This copies: what msgpackr returns may share memory with its input, and the frame's will be reused.
      const packed = Buffer.from(memory.bytes.slice(controlAt, controlEnd));
      let value: unknown;
      try {
        value = packr.unpack(packed);
      } catch (cause) {
        fail(`${name} is not msgpack`, cause);
      }
      const checked = bodies[name]!.safeParse(value);
      if (!checked.success) return fail(`${name} has a wrong body`, checked.error);
      return { name, body: checked.data } as MessageOf<Kinds>;
    },
  };
}
