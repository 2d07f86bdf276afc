/*
 * These are the offsets and numbers of src/memory/kernels/abi.ts. The bench's self-check runs both sides
 * on equal memories and compares every byte, so that a wrong number is noticed.
 */
#ifndef PAGEFERRY_REFERENCE_ABI_H
#define PAGEFERRY_REFERENCE_ABI_H

#include <stdint.h>

enum { PATTERN_SEQUENTIAL = 0, PATTERN_UNIFORM = 2, PATTERN_ZIPF = 4 };
enum { MARK_NONE, MARK_PRIVATE, MARK_ATOMIC, MARK_BYTE };

#define ACCESS_READ_BIT 0x80000000u

/* A run list has a cursor, the pages taken, the pages skipped, then (first gfn, pages) for each run. */
enum { RUNS_CURSOR, RUNS_PAGES, RUNS_SKIPPED, RUNS_FIRST };

struct stream {
  double n;
  double writes;
  uint32_t checksum_low;
  uint32_t checksum_high;
  uint32_t key_a;
  uint32_t key_b;
  uint32_t pattern;
  uint32_t first_gfn;
  uint32_t pages;
  uint32_t start;
  uint32_t stride;
  uint32_t hot_pages;
  uint32_t hot_threshold;
  uint32_t write_threshold;
  uint32_t all_writes;
  uint32_t lane;
  uint32_t words;
  uint32_t table;
  uint32_t table_length;
  uint32_t page_shift;
  uint32_t ram;
};

#endif
