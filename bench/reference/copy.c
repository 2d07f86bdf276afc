/* Copies pages with libc's memcpy, the instruction rep movsb, or stores that bypass the cache. */
#include "kernels.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

static void rep_movsb(uint8_t *to, const uint8_t *from, size_t bytes) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

/* Stores whole cache lines at aligned addresses, which are not read into the cache first. */
__attribute__((target("avx512f"))) static void non_temporal(uint8_t *to, const uint8_t *from,
                                                            size_t bytes) {
  for (size_t i = 0; i < bytes; i += 256) {
    __m512i a = _mm512_loadu_si512(from + i);
    __m512i b = _mm512_loadu_si512(from + i + 64);
    __m512i c = _mm512_loadu_si512(from + i + 128);
    __m512i d = _mm512_loadu_si512(from + i + 192);
    _mm512_stream_si512((void *)(to + i), a);
    _mm512_stream_si512((void *)(to + i + 64), b);
    _mm512_stream_si512((void *)(to + i + 128), c);
    _mm512_stream_si512((void *)(to + i + 192), d);
  }
}

bool can_copy(enum copy_way way) {
  __builtin_cpu_init();
  return way != COPY_NON_TEMPORAL || __builtin_cpu_supports("avx512f");
}

static void fence(void) { _mm_sfence(); }

#else

static void rep_movsb(uint8_t *to, const uint8_t *from, size_t bytes) { memcpy(to, from, bytes); }

static void non_temporal(uint8_t *to, const uint8_t *from, size_t bytes) {
  memcpy(to, from, bytes);
}

bool can_copy(enum copy_way way) { return way == COPY_MEMCPY; }

static void fence(void) {}

#endif

void copy_runs(uint8_t *to, const uint8_t *from, const uint32_t *runs, size_t count,
               size_t page_size, size_t window, enum copy_way way) {
  for (size_t i = 0; i < count; i++) {
    size_t offset = runs[2 * i] * page_size;
    size_t bytes = runs[2 * i + 1] * page_size;
    uint8_t *target = to + (offset & (window - 1));
    if (way == COPY_MEMCPY) memcpy(target, from + offset, bytes);
    else if (way == COPY_REP_MOVSB) rep_movsb(target, from + offset, bytes);
    else non_temporal(target, from + offset, bytes);
  }
  if (way == COPY_NON_TEMPORAL) fence();
}
