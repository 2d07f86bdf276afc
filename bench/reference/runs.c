/* Takes the pages out of a set as runs of gfns. */
#include "abi.h"
#include "kernels.h"
#include "vector.h"

/* Fills one run list; returns its number of runs. The set's bits beyond `end` must be clear. */
static uint32_t take_runs(uint64_t *bits, uint32_t from, uint32_t end, uint32_t max_runs,
                          uint32_t *list) {
  uint32_t *run = list + RUNS_FIRST;
  uint32_t runs = 0;
  uint32_t taken = 0;
  uint32_t run_end = UINT32_MAX;
  uint32_t base = from & ~63u;
  while (base < end) {
    uint64_t pending = bits[base >> 6];
    if (pending == 0) {
      base += 64;
      /* Clean lines have a loop of their own, because a step that depends on a load would wait for it. */
      if ((base & 511) == 64 && !any_in_line(bits + (base >> 6) - 1)) base += 448;
      while ((base & 511) == 0 && base < end && !any_in_line(bits + (base >> 6))) base += 512;
      continue;
    }
    do {
      uint32_t bit = (uint32_t)__builtin_ctzll(pending);
      uint64_t rest = ~(pending >> bit);
      uint32_t length = rest == 0 ? 64 : (uint32_t)__builtin_ctzll(rest);
      if (base + bit == run_end) {
        run[-1] += length;
      } else {
        if (runs == max_runs) {
          bits[base >> 6] = pending;
          list[RUNS_CURSOR] = base + bit;
          list[RUNS_PAGES] = taken;
          list[RUNS_SKIPPED] = 0;
          return runs;
        }
        *run++ = base + bit;
        *run++ = length;
        runs++;
      }
      run_end = base + bit + length;
      taken += length;
      /* Only the bits above the run are left of the word. */
      pending = bit + length == 64 ? 0 : pending & (~0ull << (bit + length));
    } while (pending != 0);
    bits[base >> 6] = 0;
    base += 64;
  }
  list[RUNS_CURSOR] = end;
  list[RUNS_PAGES] = taken;
  list[RUNS_SKIPPED] = 0;
  return runs;
}

uint32_t drain_runs(uint8_t *base, size_t bits, uint32_t pages, uint32_t max_runs, size_t out) {
  uint32_t *list = (uint32_t *)(base + out);
  uint32_t total = 0;
  list[RUNS_CURSOR] = 0;
  while (list[RUNS_CURSOR] < pages) {
    total += take_runs((uint64_t *)(base + bits), list[RUNS_CURSOR], pages, max_runs, list);
  }
  return total;
}
