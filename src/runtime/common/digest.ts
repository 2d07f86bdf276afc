import { createHash } from 'node:crypto';

/** The length of a SHA-256 sum. */
export const DIGEST_BYTES = 32;

/** Returns the SHA-256 sums of the chunks of some memory, one behind the other; its last chunk may be shorter. */
export function digestChunks(memory: Uint8Array, chunkBytes: number): Uint8Array {
  const chunks = Math.ceil(memory.length / chunkBytes);
  const sums = new Uint8Array(chunks * DIGEST_BYTES);
  for (let chunk = 0; chunk < chunks; chunk++) {
    const bytes = memory.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes);
    sums.set(createHash('sha256').update(bytes).digest(), chunk * DIGEST_BYTES);
  }
  return sums;
}
