import type { Generator } from '../../../random/generator.ts';
import { HEADER_BYTES } from '../../../wire/frame.ts';
import { changeBody } from './body.ts';

/*
 * msgpack values that a message must not have: lengths far beyond the message, numbers that are no counts, deep
 * nesting, extension types, and names that mean something to JavaScript.
 */
const VALUES: readonly (readonly number[])[] = [
  [0xdd, 0xff, 0xff, 0xff, 0xff], // an array of 2^32 - 1 elements
  [0xdf, 0xff, 0xff, 0xff, 0xff], // a map of as many
  [0xdb, 0xff, 0xff, 0xff, 0xff], // a string of as many bytes
  [0xc6, 0xff, 0xff, 0xff, 0xff], // binary data of as many bytes
  [0xdd, 0x00, 0x10, 0x00, 0x00], // an array of 2^20 elements
  [0xc9, 0xff, 0xff, 0xff, 0xff, 0x72], // an extension of as many bytes
  [0xd4, 0x72, 0x40], // the extension by which msgpackr defines records
  [0xd4, 0xff, 0x00], // an extension that is a time
  [0xc0],
  [0xc1], // never used
  [0xc2],
  [0xc3],
  [0x80],
  [0x90],
  [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], // not a number
  [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], // infinity
  [0xcb, 0xc0, 0x00, 0, 0, 0, 0, 0, 0], // -2
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0],
  [0xa9, ...Buffer.from('__proto__')],
  Array.from({ length: 3000 }, () => 0x91), // 3000 arrays, one in another
];

/** Changes the packed body of a control message: one of its values, or some of its bytes. */
export function mutatePacked(random: Generator, original: Uint8Array): Uint8Array {
  const view = new DataView(original.buffer, original.byteOffset);
  const control = Math.min(view.getUint32(16, true), original.length - HEADER_BYTES);
  const packed = original.subarray(HEADER_BYTES, HEADER_BYTES + control);
  const changed = random.below(2) === 0 ? changeBody(random, packed) : undefined;
  return withControl(original, changed ?? mangled(random, packed));
}

/** Replaces, adds or takes away some bytes. */
function mangled(random: Generator, packed: Uint8Array): Uint8Array {
  const body = [...packed];
  const at = random.below(body.length + 1);
  const value = VALUES[random.below(VALUES.length)]!;
  const kind = random.below(4);
  if (kind === 0) body.splice(at, 0, ...value);
  else if (kind === 1) body.splice(at, 1 + random.below(9), ...value);
  else if (kind === 2) body.splice(at, 1 + random.below(4));
  else if (at < body.length) body[at] = random.below(256);
  return Uint8Array.from(body);
}

/** Returns a frame with another control part, whose length its header says. */
function withControl(original: Uint8Array, control: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + control.length);
  bytes.set(original.subarray(0, HEADER_BYTES));
  bytes.set(control, HEADER_BYTES);
  const header = new DataView(bytes.buffer);
  header.setUint32(8, bytes.length, true);
  header.setUint32(16, control.length, true);
  header.setUint32(20, bytes.length, true);
  return bytes;
}
