import * as abi from '../abi.ts';
import type { Views } from './views.ts';

// The twin of ../assembly/page.ts: each exported function does what the kernel of its name does (../kernels.ts).

export function isZero(v: Views, at: number, bytes: number): boolean {
  for (let i = at >>> 2; i < (at + bytes) / 4; i++) if (v.words[i] !== 0) return false;
  return true;
}

export function firstDifference(v: Views, a: number, b: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) if (v.bytes[a + i] !== v.bytes[b + i]) return i;
  return -1;
}

const MASK = 0xffffffffffffffffn;
const KEYS = [
  [abi.HASH_KEY_0, abi.HASH_KEY_1],
  [abi.HASH_KEY_2, abi.HASH_KEY_3],
  [abi.HASH_KEY_4, abi.HASH_KEY_5],
  [abi.HASH_KEY_6, abi.HASH_KEY_7],
  [abi.HASH_KEY_8, abi.HASH_KEY_9],
  [abi.HASH_KEY_10, abi.HASH_KEY_11],
  [abi.HASH_KEY_12, abi.HASH_KEY_13],
  [abi.HASH_KEY_14, abi.HASH_KEY_15],
].map(([low, high]) => (BigInt(high!) << 32n) | BigInt(low!));

/** Adds two 8-byte words to their lanes: each lane gets the other's word, and a product of two of their quarters. */
function round(acc: bigint[], lane: number, low: bigint, high: bigint): void {
  const lowProduct = (low & 0xffffffffn) * (high & 0xffffffffn);
  const highProduct = (low >> 32n) * (high >> 32n);
  acc[lane] = (acc[lane]! + high + lowProduct) & MASK;
  acc[lane + 1] = (acc[lane + 1]! + low + highProduct) & MASK;
}

function scramble(acc: bigint, key: bigint): bigint {
  const mixed = acc ^ (acc >> 47n) ^ key;
  return (mixed * 0x9e3779b1n) & MASK;
}

/** The twin of `pageHash`. BigInt makes it slow, so it is for tests and single pages. */
export function pageHash(v: Views, at: number, bytes: number, out: number): void {
  const word = (i: number): bigint =>
    (BigInt(v.words[i + 1]! >>> 0) << 32n) | BigInt(v.words[i]! >>> 0);
  const order = [6, 7, 4, 5, 2, 3, 0, 1];
  const acc = order.map((k) => KEYS[k]!);
  let place = 0n;
  for (let p = 0; p < bytes; p += 64) {
    const keyed = (lane: number): bigint =>
      word((at + p) / 4 + 2 * lane) ^ ((KEYS[lane]! + place) & MASK);
    for (let lane = 0; lane < 8; lane += 2) round(acc, lane, keyed(lane), keyed(lane + 1));
    place = (place + 0x9e3779b97f4a7c15n) & MASK;
    if ((p + 64) % 1024 !== 0 && p + 64 < bytes) continue;
    for (let lane = 0; lane < 8; lane++) acc[lane] = scramble(acc[lane]!, KEYS[(lane + 2) % 8]!);
  }
  let hash = BigInt(bytes);
  for (let lane = 0; lane < 8; lane += 2) {
    hash = ((hash ^ acc[lane]!) * 0x9e3779b185ebca87n) & MASK;
    hash ^= hash >> 29n;
    hash = ((hash ^ acc[lane + 1]!) * 0xc2b2ae3d27d4eb4fn) & MASK;
    hash ^= hash >> 32n;
  }
  v.words[out >>> 2] = Number(hash & 0xffffffffn) | 0;
  v.words[(out >>> 2) + 1] = Number(hash >> 32n) | 0;
}

export function zeroMask(v: Views, at: number, bytes: number, count: number): number {
  let mask = 0;
  for (let i = 0; i < count; i++) if (isZero(v, at + i * bytes, bytes)) mask |= 1 << i;
  return mask;
}

export function clearPages(v: Views, at: number, bytes: number, count: number): void {
  v.bytes.fill(0, at, at + count * bytes);
}

export function hashPages(v: Views, at: number, bytes: number, count: number, out: number): void {
  for (let i = 0; i < count; i++) pageHash(v, at + i * bytes, bytes, out + 8 * i);
}

export function firstWrongHash(
  v: Views,
  at: number,
  bytes: number,
  count: number,
  sums: number,
  scratch: number,
): number {
  for (let i = 0; i < count; i++) {
    pageHash(v, at + i * bytes, bytes, scratch);
    for (let word = 0; word < 2; word++) {
      if (v.words[(scratch >>> 2) + word] !== v.words[((sums + 8 * i) >>> 2) + word]) return i;
    }
  }
  return -1;
}
