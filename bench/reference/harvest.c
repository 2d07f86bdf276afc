/*
 * A harvest ORs a dirty map into the page set, clears the map and counts the bits that are new. A line
 * of 64 clean bytes costs a load and a test.
 */
#include "kernels.h"
#include "vector.h"

static inline uint32_t merge_word(uint64_t *target, uint64_t marks) {
  uint64_t before = *target;
  *target = before | marks;
  return (uint32_t)__builtin_popcountll(marks & ~before);
}

#if defined(__AVX512VPOPCNTDQ__) && defined(__AVX512BW__)

static uint32_t harvest_bits(uint8_t *map, uint8_t *target, size_t bytes) {
  __m512i fresh = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64) {
    __m512i marks = _mm512_loadu_si512(map + i);
    if (!vec_any(marks)) continue;
    __m512i before = _mm512_loadu_si512(target + i);
    _mm512_storeu_si512(map + i, _mm512_setzero_si512());
    _mm512_storeu_si512(target + i, _mm512_or_si512(before, marks));
    fresh = _mm512_add_epi64(fresh, _mm512_popcnt_epi64(_mm512_andnot_si512(before, marks)));
  }
  return (uint32_t)_mm512_reduce_add_epi64(fresh);
}

#else

static uint32_t harvest_bits(uint8_t *map, uint8_t *target, size_t bytes) {
  uint64_t fresh = 0;
  for (size_t i = 0; i < bytes; i += 64) {
    if (!any_in_line(map + i)) continue;
    uint64_t *marks = (uint64_t *)(map + i);
    uint64_t *into = (uint64_t *)(target + i);
    for (int k = 0; k < 8; k++) {
      fresh += merge_word(into + k, marks[k]);
      marks[k] = 0;
    }
  }
  return (uint32_t)fresh;
}

#endif

/* Returns a mask with a bit for each byte of a line that is not zero. */
static inline uint64_t marked_bytes(const uint8_t *line) {
#if defined(__AVX512BW__)
  __m512i bytes = _mm512_loadu_si512(line);
  return _mm512_test_epi8_mask(bytes, bytes);
#elif defined(__AVX2__)
  __m256i zero = _mm256_setzero_si256();
  __m256i low = _mm256_cmpeq_epi8(_mm256_loadu_si256((const void *)line), zero);
  __m256i high = _mm256_cmpeq_epi8(_mm256_loadu_si256((const void *)(line + 32)), zero);
  uint64_t clean = (uint32_t)_mm256_movemask_epi8(low);
  return ~(clean | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32);
#else
  uint64_t marks = 0;
  for (int k = 0; k < 64; k++) marks |= (uint64_t)(line[k] != 0) << k;
  return marks;
#endif
}

static inline uint32_t merge_byte_line(uint8_t *line, uint8_t *target) {
  vec zero = vec_splat(0);
  uint64_t marks = marked_bytes(line);
  for (size_t k = 0; k < STRIPE; k++) vec_store(line + k * sizeof(vec), zero);
  return merge_word((uint64_t *)target, marks);
}

/*
 * Tests four lines at a time. If one page in a hundred is dirty, every other line is dirty, and a branch
 * for each line would be mispredicted half the time.
 */
static uint32_t harvest_bytes(uint8_t *map, uint8_t *target, size_t bytes) {
  uint64_t fresh = 0;
  for (size_t i = 0; i < bytes; i += 32) {
    uint8_t *lines = map + 8 * i;
    vec all = vec_load(lines);
    for (size_t k = sizeof(vec); k < 256; k += sizeof(vec)) all = vec_or(all, vec_load(lines + k));
    if (!vec_any(all)) continue;
    for (size_t k = 0; k < 4; k++) fresh += merge_byte_line(lines + 64 * k, target + i + 8 * k);
  }
  return (uint32_t)fresh;
}

/* Exchanges every dirty word atomically, because writers go on marking pages meanwhile. */
static uint32_t harvest_atomic(uint8_t *map, uint8_t *target, size_t bytes) {
  uint64_t fresh = 0;
  for (size_t i = 0; i < bytes; i += 64) {
    if (!any_in_line(map + i)) continue;
    uint64_t *words = (uint64_t *)(map + i);
    uint64_t *into = (uint64_t *)(target + i);
    for (int k = 0; k < 8; k++) {
      if (__atomic_load_n(words + k, __ATOMIC_RELAXED) == 0) continue;
      fresh += merge_word(into + k, __atomic_exchange_n(words + k, 0, __ATOMIC_SEQ_CST));
    }
  }
  return (uint32_t)fresh;
}

/*
 * The plain loop of KVM and QEMU tests every word and moves a dirty one. Theirs exchange words
 * atomically and can't be vectorised, so the vectoriser, which would turn this into `harvest_bits`, is off.
 */
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("no-tree-vectorize")))
#endif
static uint32_t harvest_words(uint64_t *map, uint64_t *target, size_t words) {
  uint64_t fresh = 0;
  for (size_t i = 0; i < words; i++) {
    if (map[i] == 0) continue;
    fresh += merge_word(target + i, map[i]);
    map[i] = 0;
  }
  return (uint32_t)fresh;
}

uint32_t harvest(uint8_t *base, enum map_kind kind, size_t map, size_t target, size_t bytes) {
  if (kind == MAP_BYTES) return harvest_bytes(base + map, base + target, bytes);
  if (kind == MAP_ATOMIC) return harvest_atomic(base + map, base + target, bytes);
  if (kind == MAP_WORDS) {
    return harvest_words((uint64_t *)(base + map), (uint64_t *)(base + target), bytes / 8);
  }
  return harvest_bits(base + map, base + target, bytes);
}
