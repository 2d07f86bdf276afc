/** A copy of fewer bytes does not use Node's fill: the call would cost more than its faster copy saves. */
const LEAST_BYTES = 8192;

/**
 * Writes `from` to `to` at byte `at`. On shared memory TypedArray.set copies 8 bytes at a time. Buffer.fill, given
 * a value exactly as long as the range that it fills, is one memcpy of libc (Node, src/node_buffer.cc, Fill), which
 * is 1.4 times as fast (bench, copies).
 */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array): void {
  if (from.length < LEAST_BYTES) to.set(from, at);
  else fill.call(to, from, at, at + from.length);
}

/** Buffer's fill works on any Uint8Array; Node's types ask for a Buffer. */
const fill = Buffer.prototype.fill as (
  this: Uint8Array,
  value: Uint8Array,
  offset: number,
  end: number,
) => void;

/** An 8-byte word whose every byte is 1. */
const EACH_BYTE = 0x0101010101010101n;

/**
 * Sets every byte to `value`. On shared memory Uint8Array.fill and Buffer.fill write byte by byte; this writes
 * words of 8 bytes, which is 5 times as fast.
 */
export function fillBytes(bytes: Uint8Array, value: number): void {
  const { buffer, byteOffset, length } = bytes;
  const head = -byteOffset & 7;
  if (length < head + 8) {
    bytes.fill(value);
    return;
  }
  const words = Math.floor((length - head) / 8);
  bytes.subarray(0, head).fill(value);
  new BigUint64Array(buffer, byteOffset + head, words).fill(BigInt(value) * EACH_BYTE);
  bytes.subarray(head + 8 * words).fill(value);
}
