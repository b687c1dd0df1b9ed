/**
 * Exports the kernels to Node through Node-API only, so that one build runs on every Node version. This file is
 * compiled without the instruction sets of any width, because it decides which of them may run here.
 */

#include <node_api.h>

#include "kernel.h"

typedef struct {
  uint32_t width;
  const char *name;
  const Kernel *kernel;
} Width;

/** Widest first. */
static const Width WIDTHS[] = {
#ifdef __x86_64__
  {16, "AVX-512", &kernel16},
  {8, "AVX2", &kernel8},
  {4, "SSE2", &kernel4},
#else
  {4, "NEON", &kernel4},
#endif
};

#define WIDTH_COUNT (sizeof WIDTHS / sizeof WIDTHS[0])

/** Whether processor and operating system support the instruction sets that the build uses for that width. */
static bool isSupported(uint32_t width) {
#ifdef __x86_64__
  __builtin_cpu_init();
  if (width == 16) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
  }
  if (width == 8) return __builtin_cpu_supports("avx2");
#endif
  return width == 4;
}

/** The kernel of that width; NULL, with a pending exception, if there is none or the processor does not support it. */
static const Kernel *kernelOf(napi_env env, uint32_t width) {
  for (size_t k = 0; k < WIDTH_COUNT; k += 1) {
    if (WIDTHS[k].width == width && isSupported(width)) return WIDTHS[k].kernel;
  }
  napi_throw_range_error(env, NULL, "this processor has no kernel of this width");
  return NULL;
}

#define MAX_ARGUMENTS 7

/** The arguments of each function: (width, memory: ArrayBuffer, ...numbers). */
typedef struct {
  const Kernel *kernel;
  uint8_t *memory;
  double numbers[MAX_ARGUMENTS - 2];
} Call;

/** Returns false with a pending exception if the arguments are wrong. count: how many numbers follow the memory. */
static bool readCall(napi_env env, napi_callback_info info, size_t count, Call *call) {
  size_t given = MAX_ARGUMENTS;
  napi_value arguments[MAX_ARGUMENTS];
  uint32_t width;
  size_t bytes;
  bool read = napi_get_cb_info(env, info, &given, arguments, NULL, NULL) == napi_ok && given == count + 2 &&
              napi_get_value_uint32(env, arguments[0], &width) == napi_ok &&
              napi_get_arraybuffer_info(env, arguments[1], (void **)&call->memory, &bytes) == napi_ok;
  for (size_t k = 0; read && k < count; k += 1) {
    read = napi_get_value_double(env, arguments[k + 2], &call->numbers[k]) == napi_ok;
  }
  if (!read) {
    napi_throw_type_error(env, NULL, "the kernel takes (width, memory, ...numbers)");
    return false;
  }
  call->kernel = kernelOf(env, width);
  return call->kernel != NULL;
}

static napi_value number(napi_env env, uint32_t value) {
  napi_value result = NULL;
  napi_create_uint32(env, value, &result);
  return result;
}

/** (width, memory, from, steps): number */
static napi_value train(napi_env env, napi_callback_info info) {
  Call call;
  if (!readCall(env, info, 2, &call)) return NULL;
  return number(env, call.kernel->train(call.memory, (uint32_t)call.numbers[0], (uint32_t)call.numbers[1]));
}

/** (width, memory, starts, targets, rows, B, training: 1 or 0) */
static napi_value measure(napi_env env, napi_callback_info info) {
  Call call;
  if (!readCall(env, info, 5, &call)) return NULL;
  const uint32_t *starts = (const uint32_t *)(call.memory + (uint32_t)call.numbers[0]);
  const void *targets = call.memory + (uint32_t)call.numbers[1];
  const uint32_t *rows = (const uint32_t *)(call.memory + (uint32_t)call.numbers[2]);
  call.kernel->measure(call.memory, starts, targets, rows, (uint32_t)call.numbers[3], call.numbers[4] != 0);
  return NULL;
}

/** (width, memory, starts, from, values, rows) */
static napi_value packRows(napi_env env, napi_callback_info info) {
  Call call;
  if (!readCall(env, info, 4, &call)) return NULL;
  uint32_t *starts = (uint32_t *)(call.memory + (uint32_t)call.numbers[0]);
  const uint8_t *values = call.memory + (uint32_t)call.numbers[2];
  call.kernel->packRows(call.memory, starts, (uint32_t)call.numbers[1], values, (uint32_t)call.numbers[3]);
  return NULL;
}

/** (width, memory) */
static napi_value settleRows(napi_env env, napi_callback_info info) {
  Call call;
  if (!readCall(env, info, 0, &call)) return NULL;
  call.kernel->settleRows(call.memory);
  return NULL;
}

/** (width, memory): 1 or 0 */
static napi_value allFinite(napi_env env, napi_callback_info info) {
  Call call;
  if (!readCall(env, info, 0, &call)) return NULL;
  return number(env, call.kernel->allFinite(call.memory));
}

/** (width, memory, smallest): 1 or 0 */
static napi_value denormalsAreAlive(napi_env env, napi_callback_info info) {
  Call call;
  if (!readCall(env, info, 1, &call)) return NULL;
  return number(env, call.kernel->denormalsAreAlive((float)call.numbers[0]));
}

/** [{ width, name }]: the widths that this processor supports, widest first. */
static napi_value listWidths(napi_env env) {
  napi_value list;
  uint32_t length = 0;
  napi_create_array(env, &list);
  for (size_t k = 0; k < WIDTH_COUNT; k += 1) {
    if (!isSupported(WIDTHS[k].width)) continue;
    napi_value entry, name;
    napi_create_object(env, &entry);
    napi_create_string_utf8(env, WIDTHS[k].name, NAPI_AUTO_LENGTH, &name);
    napi_set_named_property(env, entry, "width", number(env, WIDTHS[k].width));
    napi_set_named_property(env, entry, "name", name);
    napi_set_element(env, list, length, entry);
    length += 1;
  }
  return list;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor properties[] = {
    {"widths", NULL, NULL, NULL, NULL, listWidths(env), napi_enumerable, NULL},
    {"train", NULL, train, NULL, NULL, NULL, napi_enumerable, NULL},
    {"measure", NULL, measure, NULL, NULL, NULL, napi_enumerable, NULL},
    {"packRows", NULL, packRows, NULL, NULL, NULL, napi_enumerable, NULL},
    {"settleRows", NULL, settleRows, NULL, NULL, NULL, napi_enumerable, NULL},
    {"allFinite", NULL, allFinite, NULL, NULL, NULL, napi_enumerable, NULL},
    {"denormalsAreAlive", NULL, denormalsAreAlive, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties);
  return exports;
}
