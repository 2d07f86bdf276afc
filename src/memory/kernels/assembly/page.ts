// Whole pages: scanning for zeros, hashing to 64 bits, comparing. Their twin is ../twin/page.ts.
// Lengths are multiples of 128 bytes.

import {
  HASH_KEY_0,
  HASH_KEY_1,
  HASH_KEY_10,
  HASH_KEY_11,
  HASH_KEY_12,
  HASH_KEY_13,
  HASH_KEY_14,
  HASH_KEY_15,
  HASH_KEY_2,
  HASH_KEY_3,
  HASH_KEY_4,
  HASH_KEY_5,
  HASH_KEY_6,
  HASH_KEY_7,
  HASH_KEY_8,
  HASH_KEY_9,
} from '../abi';

/** Whether all bytes are zero. It stops at the first 128 bytes that are not. */
export function isZero(at: usize, bytes: usize): bool {
  const end = at + bytes;
  for (let p = at; p < end; p += 128) {
    const low = v128.or(
      v128.or(v128.load(p), v128.load(p, 16)),
      v128.or(v128.load(p, 32), v128.load(p, 48)),
    );
    const high = v128.or(
      v128.or(v128.load(p, 64), v128.load(p, 80)),
      v128.or(v128.load(p, 96), v128.load(p, 112)),
    );
    if (v128.any_true(v128.or(low, high))) return false;
  }
  return true;
}

/** Returns the offset of the first byte that differs, -1 when there is none. */
export function firstDifference(a: usize, b: usize, bytes: usize): i32 {
  for (let i: usize = 0; i < bytes; i += 64) {
    const low = v128.or(
      v128.xor(v128.load(a + i), v128.load(b + i)),
      v128.xor(v128.load(a + i, 16), v128.load(b + i, 16)),
    );
    const high = v128.or(
      v128.xor(v128.load(a + i, 32), v128.load(b + i, 32)),
      v128.xor(v128.load(a + i, 48), v128.load(b + i, 48)),
    );
    if (!v128.any_true(v128.or(low, high))) continue;
    for (let j = i; j < i + 64; j++) {
      if (load<u8>(a + j) != load<u8>(b + j)) return <i32>j;
    }
  }
  return -1;
}

// @ts-ignore: decorator
@inline
function round(acc: v128, data: v128, key: v128): v128 {
  const keyed = v128.xor(data, key);
  const swapped = v128.shuffle<u64>(keyed, keyed, 1, 0);
  const product = i64x2.extmul_low_i32x4_u(keyed, swapped);
  return i64x2.add(i64x2.add(acc, swapped), product);
}

// @ts-ignore: decorator
@inline
function scramble(acc: v128, key: v128): v128 {
  const mixed = v128.xor(v128.xor(acc, i64x2.shr_u(acc, 47)), key);
  const low = i64x2.extmul_low_i32x4_u(
    v128.shuffle<u32>(mixed, mixed, 0, 2, 0, 2),
    i32x4.splat(0x9e3779b1),
  );
  const high = i64x2.extmul_low_i32x4_u(
    v128.shuffle<u32>(mixed, mixed, 1, 3, 1, 3),
    i32x4.splat(0x9e3779b1),
  );
  return i64x2.add(low, i64x2.shl(high, 32));
}

// @ts-ignore: decorator
@inline
function fold(hash: u64, acc: v128): u64 {
  let h = (hash ^ i64x2.extract_lane(acc, 0)) * 0x9e3779b185ebca87;
  h ^= h >> 29;
  h = (h ^ i64x2.extract_lane(acc, 1)) * 0xc2b2ae3d27d4eb4f;
  return h ^ (h >> 32);
}

/**
 * Writes the 64-bit hash of `bytes` bytes (a multiple of 64) to `out`, low word first. It has the structure of XXH3's
 * loop for long inputs (it multiplies and accumulates 32-bit quarters over 64-byte stripes and scrambles every 1024
 * bytes), but pairs, keys and finish are Pageferry's own: it is neither XXH3 nor a cryptographic hash. A product takes
 * two words that lie 8 bytes apart, which saves two shuffles. Each 8-byte half is also added to the lane of the other
 * half, so that no product hides a change.
 */
export function pageHash(at: usize, bytes: usize, out: usize): void {
  const key0 = i32x4(HASH_KEY_0, HASH_KEY_1, HASH_KEY_2, HASH_KEY_3);
  const key1 = i32x4(HASH_KEY_4, HASH_KEY_5, HASH_KEY_6, HASH_KEY_7);
  const key2 = i32x4(HASH_KEY_8, HASH_KEY_9, HASH_KEY_10, HASH_KEY_11);
  const key3 = i32x4(HASH_KEY_12, HASH_KEY_13, HASH_KEY_14, HASH_KEY_15);
  // The keys change from stripe to stripe, so that the hash changes when two stripes are swapped.
  const step = i64x2.splat(0x9e3779b97f4a7c15);
  let place = i64x2.splat(0);
  let acc0 = key3;
  let acc1 = key2;
  let acc2 = key1;
  let acc3 = key0;
  const end = at + bytes;
  let p = at;
  while (p < end) {
    const blockEnd = min<usize>(p + 1024, end);
    while (p < blockEnd) {
      acc0 = round(acc0, v128.load(p), i64x2.add(key0, place));
      acc1 = round(acc1, v128.load(p, 16), i64x2.add(key1, place));
      acc2 = round(acc2, v128.load(p, 32), i64x2.add(key2, place));
      acc3 = round(acc3, v128.load(p, 48), i64x2.add(key3, place));
      place = i64x2.add(place, step);
      p += 64;
    }
    acc0 = scramble(acc0, key1);
    acc1 = scramble(acc1, key2);
    acc2 = scramble(acc2, key3);
    acc3 = scramble(acc3, key0);
  }
  store<u64>(out, fold(fold(fold(fold(<u64>bytes, acc0), acc1), acc2), acc3));
}

/** Returns a bit for each of `count` pages (at most 32), set when all its bytes are zero. */
export function zeroMask(at: usize, bytes: usize, count: u32): u32 {
  let mask: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (isZero(at + i * bytes, bytes)) mask |= 1 << i;
  }
  return mask;
}

/** Zeroes pages; a page that is zero already is not written. */
export function clearPages(at: usize, bytes: usize, count: u32): void {
  const end = at + count * bytes;
  for (let page = at; page < end; page += bytes) {
    if (!isZero(page, bytes)) memory.fill(page, 0, bytes);
  }
}

/** Writes the hashes of `count` pages to `out`, 8 bytes each. */
export function hashPages(at: usize, bytes: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++) pageHash(at + i * bytes, bytes, out + i * 8);
}

/** Returns the first of `count` pages whose hash is not the one listed for it, -1 when there is none. */
export function firstWrongHash(
  at: usize,
  bytes: usize,
  count: u32,
  sums: usize,
  scratch: usize,
): i32 {
  for (let i: u32 = 0; i < count; i++) {
    pageHash(at + i * bytes, bytes, scratch);
    if (load<u64>(scratch) != load<u64>(sums + i * 8)) return <i32>i;
  }
  return -1;
}
