/*
 * The reference kernels are what a C programmer would write for the work of our WASM kernels, on the same
 * memory. Addresses of parts of a memslot are byte offsets from `base`, as in the kernels.
 */
#ifndef PAGEFERRY_REFERENCE_KERNELS_H
#define PAGEFERRY_REFERENCE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum copy_way { COPY_MEMCPY, COPY_REP_MOVSB, COPY_NON_TEMPORAL };

/* Returns whether this processor and this build can copy in that way. */
bool can_copy(enum copy_way way);

/*
 * Copies `count` runs of (first page, pages); a page has `page_size` bytes. A page is written at its own
 * offset modulo `window`, a power of two: a small window stands for a ring of frames.
 */
void copy_runs(uint8_t *to, const uint8_t *from, const uint32_t *runs, size_t count,
               size_t page_size, size_t window, enum copy_way way);

/* MAP_WORDS is a bitmap too, but is harvested without vectors. */
enum map_kind { MAP_BITS, MAP_BYTES, MAP_ATOMIC, MAP_WORDS };

/*
 * Moves the marks of a map into the bitmap `target` of `bytes` bytes (a multiple of 64) and clears the
 * map; returns how many bits are new in `target`. A byte map has eight times as many bytes.
 */
uint32_t harvest(uint8_t *base, enum map_kind kind, size_t map, size_t target, size_t bytes);

/*
 * Takes all pages out of a set, in run lists of at most `max_runs` runs, each written to `out` over
 * the one before; returns the number of runs.
 */
uint32_t drain_runs(uint8_t *base, size_t bits, uint32_t pages, uint32_t max_runs, size_t out);

/* Return how many of the pages are zero. `bytes` is the size of a page, a multiple of 256. */
uint32_t zero_pages(const uint8_t *at, size_t bytes, size_t count);
uint32_t zero_pages_of_runs(const uint8_t *ram, const uint32_t *runs, size_t count, size_t bytes);

/* Returns the offset of the first byte that differs, -1 when none does. `bytes` is a multiple of 64. */
ptrdiff_t first_difference(const uint8_t *a, const uint8_t *b, size_t bytes);

/*
 * Return a 64-bit sum of a page: page_sum the same as our kernel, xxh3_like one computed by XXH3's loop.
 * `bytes` is a multiple of 64.
 */
uint64_t page_sum(const uint8_t *page, size_t bytes);
uint64_t xxh3_like(const uint8_t *page, size_t bytes);

/* next_gfns lists the next accesses of a stream and touch makes them, as nextGfns and touch of our kernels. */
void next_gfns(uint8_t *base, size_t stream, uint32_t count, size_t out);
void touch(uint8_t *base, size_t stream, uint32_t count, size_t gfns, uint32_t mark, size_t map);

#endif
