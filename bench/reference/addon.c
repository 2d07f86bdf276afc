/*
 * Makes the reference kernels available to JavaScript. A memory is given as a Uint8Array over the whole
 * buffer of a WASM memory, places in it as byte offsets. Only the number of arguments is checked, because
 * only the bench calls this. The comment of each function lists its arguments and what it returns.
 */
#include "kernels.h"

#include <node_api.h>

#define MAX_ARGUMENTS 8

struct call {
  napi_env env;
  napi_value values[MAX_ARGUMENTS];
};

static bool begin(struct call *call, napi_env env, napi_callback_info info, size_t expected) {
  size_t count = MAX_ARGUMENTS;
  call->env = env;
  napi_get_cb_info(env, info, &count, call->values, NULL, NULL);
  if (count == expected) return true;
  napi_throw_type_error(env, NULL, "wrong number of arguments");
  return false;
}

static void *array(struct call *call, size_t index, size_t *length) {
  void *data = NULL;
  napi_get_typedarray_info(call->env, call->values[index], NULL, length, &data, NULL, NULL);
  return data;
}

static uint8_t *memory(struct call *call, size_t index) { return array(call, index, NULL); }

static size_t number(struct call *call, size_t index) {
  double value = 0;
  napi_get_value_double(call->env, call->values[index], &value);
  return (size_t)value;
}

static napi_value result(struct call *call, double value) {
  napi_value made;
  napi_create_double(call->env, value, &made);
  return made;
}

/* (way) */
static napi_value js_can_copy(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 1)) return NULL;
  napi_value made;
  napi_get_boolean(env, can_copy((enum copy_way)number(&call, 0)), &made);
  return made;
}

/* (memory): the memory's address modulo 1 GiB */
static napi_value js_address(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 1)) return NULL;
  return result(&call, (double)((uintptr_t)memory(&call, 0) & ((1u << 30) - 1)));
}

/* (to, from, runs, pageSize, window, way) */
static napi_value js_copy_runs(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 6)) return NULL;
  size_t length;
  const uint32_t *runs = array(&call, 2, &length);
  copy_runs(memory(&call, 0), memory(&call, 1), runs, length / 2, number(&call, 3),
            number(&call, 4), (enum copy_way)number(&call, 5));
  return NULL;
}

/* (memory, kind, pairs of map and target, bytes): how many bits are new in all targets together */
static napi_value js_harvest(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 4)) return NULL;
  uint8_t *base = memory(&call, 0);
  enum map_kind kind = (enum map_kind)number(&call, 1);
  size_t length;
  const uint32_t *pairs = array(&call, 2, &length);
  size_t bytes = number(&call, 3);
  double fresh = 0;
  for (size_t i = 0; i + 1 < length; i += 2) {
    fresh += harvest(base, kind, pairs[i], pairs[i + 1], bytes);
  }
  return result(&call, fresh);
}

/* (memory, bits, pages, maxRuns, out): the number of runs */
static napi_value js_drain_runs(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 5)) return NULL;
  return result(&call, drain_runs(memory(&call, 0), number(&call, 1), (uint32_t)number(&call, 2),
                                  (uint32_t)number(&call, 3), number(&call, 4)));
}

/* (memory, at, bytes, count): the number of zero pages */
static napi_value js_zero_pages(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 4)) return NULL;
  return result(&call, zero_pages(memory(&call, 0) + number(&call, 1), number(&call, 2),
                                  number(&call, 3)));
}

/* (ram, runs, bytes): the number of zero pages */
static napi_value js_zero_runs(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 3)) return NULL;
  size_t length;
  const uint32_t *runs = array(&call, 1, &length);
  return result(&call, zero_pages_of_runs(memory(&call, 0), runs, length / 2, number(&call, 2)));
}

/* (memory, a, b, bytes): the offset of the first difference, -1 when there is none */
static napi_value js_first_difference(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 4)) return NULL;
  uint8_t *base = memory(&call, 0);
  return result(&call, (double)first_difference(base + number(&call, 1), base + number(&call, 2),
                                                number(&call, 3)));
}

typedef uint64_t (*sum)(const uint8_t *page, size_t bytes);

/* (memory, at, bytes, count, out): nothing; it writes a sum of 8 bytes for each page to `out` */
static napi_value sum_pages(napi_env env, napi_callback_info info, sum sum) {
  struct call call;
  if (!begin(&call, env, info, 5)) return NULL;
  uint8_t *base = memory(&call, 0);
  const uint8_t *at = base + number(&call, 1);
  size_t bytes = number(&call, 2);
  size_t count = number(&call, 3);
  uint64_t *out = (uint64_t *)(base + number(&call, 4));
  for (size_t i = 0; i < count; i++) out[i] = sum(at + i * bytes, bytes);
  return NULL;
}

static napi_value js_page_sums(napi_env env, napi_callback_info info) {
  return sum_pages(env, info, page_sum);
}

static napi_value js_xxh3_sums(napi_env env, napi_callback_info info) {
  return sum_pages(env, info, xxh3_like);
}

/* (memory, stream, batches, batch, list, mark, map): nothing; it calls next_gfns, then touch, `batches` times */
static napi_value js_access(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(&call, env, info, 7)) return NULL;
  uint8_t *base = memory(&call, 0);
  size_t stream = number(&call, 1);
  size_t batches = number(&call, 2);
  uint32_t batch = (uint32_t)number(&call, 3);
  size_t list = number(&call, 4);
  uint32_t mark = (uint32_t)number(&call, 5);
  size_t map = number(&call, 6);
  for (size_t i = 0; i < batches; i++) {
    next_gfns(base, stream, batch, list);
    touch(base, stream, batch, list, mark, map);
  }
  return NULL;
}

static const struct {
  const char *name;
  napi_callback function;
} exported[] = {
    {"canCopy", js_can_copy},       {"address", js_address},
    {"copyRuns", js_copy_runs},     {"harvest", js_harvest},
    {"drainRuns", js_drain_runs},   {"zeroPages", js_zero_pages},
    {"zeroRuns", js_zero_runs},     {"firstDifference", js_first_difference},
    {"pageSums", js_page_sums},     {"xxh3Sums", js_xxh3_sums},
    {"access", js_access},
};

NAPI_MODULE_INIT() {
  for (size_t i = 0; i < sizeof exported / sizeof *exported; i++) {
    napi_value function;
    napi_create_function(env, exported[i].name, NAPI_AUTO_LENGTH, exported[i].function, NULL,
                         &function);
    napi_set_named_property(env, exports, exported[i].name, function);
  }
  return exports;
}
