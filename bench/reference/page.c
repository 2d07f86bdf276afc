/* Zero scan and comparison of pages, with the widest vectors that the target has. */
#include "kernels.h"
#include "vector.h"

/* Tests 256 bytes at a time: a branch for each vector would cost more than it saves. */
static inline bool is_zero(const uint8_t *page, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 256) {
    vec all = vec_load(page + i);
    for (size_t k = sizeof(vec); k < 256; k += sizeof(vec)) {
      all = vec_or(all, vec_load(page + i + k));
    }
    if (vec_any(all)) return false;
  }
  return true;
}

uint32_t zero_pages(const uint8_t *at, size_t bytes, size_t count) {
  uint32_t zeros = 0;
  for (size_t i = 0; i < count; i++) zeros += is_zero(at + i * bytes, bytes);
  return zeros;
}

uint32_t zero_pages_of_runs(const uint8_t *ram, const uint32_t *runs, size_t count, size_t bytes) {
  uint32_t zeros = 0;
  for (size_t i = 0; i < count; i++) {
    zeros += zero_pages(ram + runs[2 * i] * bytes, bytes, runs[2 * i + 1]);
  }
  return zeros;
}

static inline vec difference(const uint8_t *a, const uint8_t *b) {
  vec all = vec_xor(vec_load(a), vec_load(b));
  for (size_t k = sizeof(vec); k < 64; k += sizeof(vec)) {
    all = vec_or(all, vec_xor(vec_load(a + k), vec_load(b + k)));
  }
  return all;
}

ptrdiff_t first_difference(const uint8_t *a, const uint8_t *b, size_t bytes) {
  size_t i = 0;
  for (; i + 256 <= bytes; i += 256) {
    vec low = vec_or(difference(a + i, b + i), difference(a + i + 64, b + i + 64));
    vec high = vec_or(difference(a + i + 128, b + i + 128), difference(a + i + 192, b + i + 192));
    if (vec_any(vec_or(low, high))) break;
  }
  for (; i < bytes; i++) {
    if (a[i] != b[i]) return (ptrdiff_t)i;
  }
  return -1;
}
