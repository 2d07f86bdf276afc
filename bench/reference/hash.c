/*
 * Two sums of pages. `page_sum` returns exactly what our kernel does; `xxh3_like` has the long-input loop of
 * XXH3 (eight 64-bit lanes over stripes of 64 bytes, products of the two halves of each keyed word,
 * each word added to the neighbouring lane, keys that move by 8 bytes a stripe, a scramble every
 * 1024 bytes) with a secret of its own, so that it costs what XXH3 costs and gives another number.
 */
#include "abi.h"
#include "kernels.h"
#include "vector.h"

#define PRIME32 0x9e3779b1u
#define BLOCK 1024

static const uint32_t keys[16] = {
    0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89,
    0x452821e6, 0x38d01377, 0xbe5466cf, 0x34e90c6c, 0xc0ac29b7, 0xc97c50dd, 0x3f84d5b5, 0xb5470917};

static inline vec part(const void *stripe, size_t k) {
  return vec_load((const uint8_t *)stripe + k * sizeof(vec));
}

static inline vec scramble(vec acc, vec key) {
  vec mixed = vec_xor(vec_xor(acc, vec_shr47(acc)), key);
  vec prime = vec_splat(PRIME32);
  return vec_add(vec_mul32(mixed, prime), vec_shl32(vec_mul32(vec_high32(mixed), prime)));
}

static uint64_t fold(uint64_t hash, const uint64_t *lanes) {
  uint64_t h = (hash ^ lanes[0]) * 0x9e3779b185ebca87u;
  h ^= h >> 29;
  h = (h ^ lanes[1]) * 0xc2b2ae3d27d4eb4fu;
  return h ^ (h >> 32);
}

/*
 * The key has four groups of four words. The accumulators start with the groups in reverse order, and
 * are scrambled with the groups moved on by one.
 */
static void key_groups(uint32_t start[16], uint32_t scrambling[16]) {
  for (int group = 0; group < 4; group++) {
    memcpy(start + 4 * group, keys + 4 * (3 - group), 16);
    memcpy(scrambling + 4 * group, keys + 4 * ((group + 1) & 3), 16);
  }
}

uint64_t page_sum(const uint8_t *page, size_t bytes) {
  uint32_t start[16];
  uint32_t scrambling[16];
  key_groups(start, scrambling);
  vec acc[STRIPE];
  for (size_t k = 0; k < STRIPE; k++) acc[k] = part(start, k);
  vec place = vec_splat(0);
  for (size_t i = 0; i < bytes;) {
    size_t end = i + BLOCK < bytes ? i + BLOCK : bytes;
    for (; i < end; i += 64) {
      for (size_t k = 0; k < STRIPE; k++) {
        vec keyed = vec_xor(part(page + i, k), vec_add(part(keys, k), place));
        vec product = vec_mul32(vec_low_words(keyed), vec_high_words(keyed));
        acc[k] = vec_add(vec_add(acc[k], vec_swap(keyed)), product);
      }
      place = vec_add(place, vec_splat(0x9e3779b97f4a7c15u));
    }
    for (size_t k = 0; k < STRIPE; k++) acc[k] = scramble(acc[k], part(scrambling, k));
  }
  uint64_t lanes[8];
  for (size_t k = 0; k < STRIPE; k++) vec_store((uint8_t *)lanes + k * sizeof(vec), acc[k]);
  uint64_t hash = bytes;
  for (int group = 0; group < 4; group++) hash = fold(hash, lanes + 2 * group);
  return hash;
}

#define SECRET_BYTES 192

static uint8_t secret[SECRET_BYTES];

/* Fills the secret when the addon is loaded, with a multiplicative generator's bytes; any bytes would do. */
__attribute__((constructor)) static void make_secret(void) {
  uint64_t x = 0x452821e638d01377u;
  for (int i = 0; i < SECRET_BYTES; i++) {
    x *= 0xda942042e4dd58b5u;
    secret[i] = (uint8_t)(x >> 56);
  }
}

static inline void accumulate(vec acc[STRIPE], const uint8_t *data, const uint8_t *key) {
  for (size_t k = 0; k < STRIPE; k++) {
    vec words = part(data, k);
    vec keyed = vec_xor(words, part(key, k));
    vec product = vec_mul32(keyed, vec_high32(keyed));
    acc[k] = vec_add(vec_add(acc[k], vec_swap(words)), product);
  }
}

static uint64_t finish(const vec acc[STRIPE], size_t bytes) {
  uint64_t lanes[8];
  for (size_t k = 0; k < STRIPE; k++) vec_store((uint8_t *)lanes + k * sizeof(vec), acc[k]);
  uint64_t hash = bytes * 0x9e3779b185ebca87u;
  for (int i = 0; i < 8; i += 2) {
    uint64_t key[2];
    memcpy(key, secret + 11 + 8 * i, sizeof key);
    __uint128_t product = (__uint128_t)(lanes[i] ^ key[0]) * (lanes[i + 1] ^ key[1]);
    hash += (uint64_t)product ^ (uint64_t)(product >> 64);
  }
  hash = (hash ^ (hash >> 37)) * 0x165667919e3779f9u;
  return hash ^ (hash >> 32);
}

uint64_t xxh3_like(const uint8_t *page, size_t bytes) {
  vec acc[STRIPE];
  for (size_t k = 0; k < STRIPE; k++) acc[k] = part(keys, k);
  for (size_t i = 0; i < bytes;) {
    size_t end = i + BLOCK < bytes ? i + BLOCK : bytes;
    for (const uint8_t *key = secret; i < end; i += 64, key += 8) accumulate(acc, page + i, key);
    if (i == bytes) break;
    for (size_t k = 0; k < STRIPE; k++) {
      acc[k] = scramble(acc[k], part(secret + SECRET_BYTES - 64, k));
    }
  }
  return finish(acc, bytes);
}
