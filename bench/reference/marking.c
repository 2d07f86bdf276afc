/*
 * Guest accesses, which leave exactly the same memory as nextGfns and touch of our kernels. The code is
 * inlined once for each way to mark, so that no loop tests the way.
 */
#include "abi.h"
#include "kernels.h"

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t rotate(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

INLINE uint32_t mix32(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352d;
  x ^= x >> 15;
  x *= 0x846ca68b;
  return x ^ x >> 16;
}

INLINE uint32_t draw(uint64_t n, uint32_t key_a, uint32_t key_b) {
  return mix32((uint32_t)n * 0x9e3779b1u ^ key_a ^ mix32((uint32_t)(n >> 32) ^ key_b));
}

INLINE uint32_t scale(uint32_t random, uint32_t range) {
  return (uint32_t)((uint64_t)random * range >> 32);
}

INLINE uint32_t read_flag(uint32_t second, bool all_writes, uint32_t threshold) {
  return all_writes || mix32(second ^ 0x68e31da4u) < threshold ? 0 : ACCESS_READ_BIT;
}

/*
 * Draws from an alias table, which has a threshold and another page for each slot. Both are loaded at
 * once, because a branch would be mispredicted half the time.
 */
INLINE uint32_t alias_of(const uint32_t *table, uint32_t slot, uint32_t second) {
  uint64_t entry;
  __builtin_memcpy(&entry, table + 2 * (size_t)slot, sizeof entry);
  uint32_t other = (uint32_t)(entry >> 32);
  return second < (uint32_t)entry ? slot : other;
}

INLINE void random_gfns(const struct stream *s, const uint32_t *table, uint32_t count,
                        uint32_t *restrict out, bool all_writes) {
  uint64_t n0 = (uint64_t)s->n;
  uint32_t key_a = s->key_a, key_b = s->key_b, pages = s->pages, first_gfn = s->first_gfn;
  uint32_t threshold = s->write_threshold;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t first = draw(n0 + i, key_a, key_b);
    uint32_t second = mix32(first ^ key_b);
    uint32_t page = scale(first, pages);
    if (table) page = alias_of(table, page, second);
    out[i] = (first_gfn + page) | read_flag(second, all_writes, threshold);
  }
}

static void sequential_gfns(const struct stream *s, uint32_t count, uint32_t *restrict out) {
  uint64_t n0 = (uint64_t)s->n;
  uint32_t pages = s->pages;
  uint32_t page = (uint32_t)((s->start + n0 % pages) % pages);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t second = mix32(draw(n0 + i, s->key_a, s->key_b) ^ s->key_b);
    uint32_t read = s->all_writes ? 0 : read_flag(second, false, s->write_threshold);
    out[i] = (s->first_gfn + page) | read;
    if (++page == pages) page = 0;
  }
}

void next_gfns(uint8_t *base, size_t stream, uint32_t count, size_t out) {
  const struct stream *s = (const struct stream *)(base + stream);
  uint32_t *list = (uint32_t *)(base + out);
  const uint32_t *table = s->pattern == PATTERN_ZIPF ? (uint32_t *)(base + s->table) : 0;
  if (s->pattern == PATTERN_SEQUENTIAL) sequential_gfns(s, count, list);
  else if (table && s->all_writes) random_gfns(s, table, count, list, true);
  else if (table) random_gfns(s, table, count, list, false);
  else if (s->all_writes) random_gfns(s, 0, count, list, true);
  else random_gfns(s, 0, count, list, false);
}

INLINE void write_words(uint32_t *lane, uint32_t words, uint32_t token, uint32_t key_b) {
  for (uint32_t w = 0; w < words; w++) {
    uint32_t low = rotate((lane[2 * w] ^ token) * 0x85ebca6bu, 15);
    uint32_t high = (lane[2 * w + 1] ^ token ^ key_b) * 0xc2b2ae35u + low;
    if ((low | high) == 0) low = 1;
    lane[2 * w] = low;
    lane[2 * w + 1] = high;
    token += 0x9e3779b1u;
  }
}

INLINE void mark_page(uint8_t *map, uint32_t gfn, uint32_t mark) {
  uint32_t *word = (uint32_t *)map + (gfn >> 5);
  uint32_t bit = 1u << (gfn & 31);
  if (mark == MARK_PRIVATE) *word |= bit;
  else if (mark == MARK_ATOMIC) __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
  else if (mark == MARK_BYTE) map[gfn] = 1;
}

INLINE void read_words(struct stream *s, const uint32_t *lane, uint32_t words) {
  for (uint32_t w = 0; w < words; w++) {
    s->checksum_low = rotate((s->checksum_low ^ lane[2 * w]) * 0x27d4eb2fu, 13);
    s->checksum_high =
        (s->checksum_high ^ lane[2 * w + 1]) * 0x165667b1u + s->checksum_low;
  }
}

INLINE void touch_as(struct stream *s, uint8_t *ram, uint32_t count, const uint32_t *gfns,
                     uint32_t mark, uint8_t *map, uint32_t words) {
  uint64_t n0 = (uint64_t)s->n;
  uint32_t key_a = s->key_a, key_b = s->key_b, shift = s->page_shift, writes = 0;
  uint8_t *lanes = ram + s->lane;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t gfn = gfns[i] & ~ACCESS_READ_BIT;
    uint32_t *lane = (uint32_t *)(lanes + ((size_t)gfn << shift));
    if (gfn != gfns[i]) {
      read_words(s, lane, words);
      continue;
    }
    uint64_t n = n0 + i;
    uint32_t token = (uint32_t)n * 0x9e3779b1u + key_a + (uint32_t)(n >> 32) * 0x85ebca77u;
    if (words == 0) ++*lane;
    else write_words(lane, words, token, key_b);
    writes++;
    mark_page(map, gfn, mark);
  }
  s->writes += writes;
  s->n = (double)(n0 + count);
}

#define TOUCH_ONE(mark) touch_as(s, ram, count, list, mark, base + map, 1)
#define TOUCH_MANY(mark) touch_as(s, ram, count, list, mark, base + map, s->words)
#define TOUCH(mark) \
  if (s->words == 1) TOUCH_ONE(mark); \
  else TOUCH_MANY(mark)

void touch(uint8_t *base, size_t stream, uint32_t count, size_t gfns, uint32_t mark, size_t map) {
  struct stream *s = (struct stream *)(base + stream);
  uint8_t *ram = base + s->ram;
  const uint32_t *list = (const uint32_t *)(base + gfns);
  if (mark == MARK_PRIVATE) {
    TOUCH(MARK_PRIVATE);
  } else if (mark == MARK_ATOMIC) {
    TOUCH(MARK_ATOMIC);
  } else if (mark == MARK_BYTE) {
    TOUCH(MARK_BYTE);
  } else {
    TOUCH(MARK_NONE);
  }
}
