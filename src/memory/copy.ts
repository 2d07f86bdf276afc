/** Below this the call into Node costs more than its faster copy saves. */
const LEAST_BYTES = 8192;

/**
 * Writes `from` to `to` at byte `at`. On shared memory TypedArray.set goes by 8 bytes at a time;
 * Buffer.fill with something exactly as long as what it fills is one memcpy of libc (Node,
 * src/node_buffer.cc, Fill), 1.4 times as fast (bench, copies).
 */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array): void {
  if (from.length < LEAST_BYTES) to.set(from, at);
  else fill.call(to, from, at, at + from.length);
}

/** It asks no more of its target than to be a Uint8Array. */
const fill = Buffer.prototype.fill as (
  this: Uint8Array,
  value: Uint8Array,
  offset: number,
  end: number,
) => void;

/** Every byte of a word is 1. */
const EACH_BYTE = 0x0101010101010101n;

/**
 * Sets every byte to `value`. On shared memory Uint8Array.fill and Buffer.fill go byte by byte; by words
 * of 8 bytes it is 5 times as fast.
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
