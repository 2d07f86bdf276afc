/*
 * The widest vector of 64-bit lanes that the target has, under one set of names: AVX-512, AVX2, or 16
 * bytes of the compiler's own vector extension.
 */
#ifndef PAGEFERRY_REFERENCE_VECTOR_H
#define PAGEFERRY_REFERENCE_VECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) && defined(__AVX512BW__)
#include <immintrin.h>
typedef __m512i vec;
static inline vec vec_load(const void *p) { return _mm512_loadu_si512(p); }
static inline void vec_store(void *p, vec a) { _mm512_storeu_si512(p, a); }
static inline vec vec_splat(uint64_t x) { return _mm512_set1_epi64((long long)x); }
static inline vec vec_or(vec a, vec b) { return _mm512_or_si512(a, b); }
static inline vec vec_xor(vec a, vec b) { return _mm512_xor_si512(a, b); }
static inline vec vec_add(vec a, vec b) { return _mm512_add_epi64(a, b); }
static inline vec vec_high32(vec a) { return _mm512_srli_epi64(a, 32); }
static inline vec vec_shr47(vec a) { return _mm512_srli_epi64(a, 47); }
static inline vec vec_shl32(vec a) { return _mm512_slli_epi64(a, 32); }
/* Multiplies the low 32 bits of each lane. */
static inline vec vec_mul32(vec a, vec b) { return _mm512_mul_epu32(a, b); }
/* Swaps the two lanes of every 128 bits. */
static inline vec vec_swap(vec a) { return _mm512_shuffle_epi32(a, _MM_PERM_BADC); }
/* Return the 32-bit words 0 and 1 (2 and 3) of every 128 bits, each twice. */
static inline vec vec_low_words(vec a) { return _mm512_unpacklo_epi32(a, a); }
static inline vec vec_high_words(vec a) { return _mm512_unpackhi_epi32(a, a); }
static inline bool vec_any(vec a) { return _mm512_test_epi64_mask(a, a) != 0; }

#elif defined(__AVX2__)
#include <immintrin.h>
typedef __m256i vec;
static inline vec vec_load(const void *p) { return _mm256_loadu_si256(p); }
static inline void vec_store(void *p, vec a) { _mm256_storeu_si256(p, a); }
static inline vec vec_splat(uint64_t x) { return _mm256_set1_epi64x((long long)x); }
static inline vec vec_or(vec a, vec b) { return _mm256_or_si256(a, b); }
static inline vec vec_xor(vec a, vec b) { return _mm256_xor_si256(a, b); }
static inline vec vec_add(vec a, vec b) { return _mm256_add_epi64(a, b); }
static inline vec vec_high32(vec a) { return _mm256_srli_epi64(a, 32); }
static inline vec vec_shr47(vec a) { return _mm256_srli_epi64(a, 47); }
static inline vec vec_shl32(vec a) { return _mm256_slli_epi64(a, 32); }
static inline vec vec_mul32(vec a, vec b) { return _mm256_mul_epu32(a, b); }
static inline vec vec_swap(vec a) { return _mm256_shuffle_epi32(a, 0x4e); }
static inline vec vec_low_words(vec a) { return _mm256_unpacklo_epi32(a, a); }
static inline vec vec_high_words(vec a) { return _mm256_unpackhi_epi32(a, a); }
static inline bool vec_any(vec a) { return !_mm256_testz_si256(a, a); }

#else
typedef uint64_t vec __attribute__((vector_size(16)));
typedef uint32_t vec_words __attribute__((vector_size(16)));
static inline vec vec_load(const void *p) {
  vec a;
  memcpy(&a, p, sizeof a);
  return a;
}
static inline void vec_store(void *p, vec a) { memcpy(p, &a, sizeof a); }
static inline vec vec_splat(uint64_t x) { return (vec){x, x}; }
static inline vec vec_or(vec a, vec b) { return a | b; }
static inline vec vec_xor(vec a, vec b) { return a ^ b; }
static inline vec vec_add(vec a, vec b) { return a + b; }
static inline vec vec_high32(vec a) { return a >> 32; }
static inline vec vec_shr47(vec a) { return a >> 47; }
static inline vec vec_shl32(vec a) { return a << 32; }
static inline vec vec_mul32(vec a, vec b) { return (a & 0xffffffffu) * (b & 0xffffffffu); }
static inline vec vec_swap(vec a) { return (vec){a[1], a[0]}; }
static inline vec vec_low_words(vec a) {
  vec_words w = (vec_words)a;
  return (vec)(vec_words){w[0], w[0], w[1], w[1]};
}
static inline vec vec_high_words(vec a) {
  vec_words w = (vec_words)a;
  return (vec)(vec_words){w[2], w[2], w[3], w[3]};
}
static inline bool vec_any(vec a) { return (a[0] | a[1]) != 0; }
#endif

/* The number of vectors in a 64-byte stripe. */
#define STRIPE (64 / sizeof(vec))

static inline bool any_in_line(const void *line) {
  vec all = vec_load(line);
  for (size_t k = 1; k < STRIPE; k++) {
    all = vec_or(all, vec_load((const uint8_t *)line + k * sizeof(vec)));
  }
  return vec_any(all);
}

#endif
