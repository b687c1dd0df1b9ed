/**
 * Access to a job's memory, which has the same layout for this kernel and the one in ../wasm/assembly/.
 * ../kernel/header.ts defines its first bytes (the build writes kernel-header.h from it), ../kernel/memory.ts the rest.
 * Numbers are little-endian, like those of JavaScript's typed arrays on every platform that the build supports.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernel-header.h"

/** Always inlined into the caller, so that constant arguments, above all the update rule, leave no branches. */
#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t getU32(const uint8_t *memory, uint32_t place) {
  uint32_t value;
  memcpy(&value, memory + place, sizeof value);
  return value;
}

INLINE float getF32(const uint8_t *memory, uint32_t place) {
  float value;
  memcpy(&value, memory + place, sizeof value);
  return value;
}

INLINE double getF64(const uint8_t *memory, uint32_t place) {
  double value;
  memcpy(&value, memory + place, sizeof value);
  return value;
}

INLINE void setU32(uint8_t *memory, uint32_t place, uint32_t value) {
  memcpy(memory + place, &value, sizeof value);
}

INLINE void setF32(uint8_t *memory, uint32_t place, float value) {
  memcpy(memory + place, &value, sizeof value);
}

INLINE void setF64(uint8_t *memory, uint32_t place, double value) {
  memcpy(memory + place, &value, sizeof value);
}

/** The region whose address is at `place` in the header. */
INLINE void *region(uint8_t *memory, uint32_t place) {
  return memory + getU32(memory, place);
}

/** The number of panels of 16 columns for that many columns. */
INLINE uint32_t panels(uint32_t columns) {
  return (columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
}

INLINE uint32_t smaller(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/** Floats from one panel of a batch to the next: its rows, an even number of them, times 16. */
INLINE uint32_t batchPanel(const uint8_t *memory) {
  return getU32(memory, BATCH_PANEL_BYTES) / sizeof(float);
}

/** A layer's sizes and buffers: W (P, I + 1, 16), its last row b; out, slopes, kept and dz (P, B, 16). */
typedef struct {
  uint32_t I, O, P;
  float *W, *out, *slopes, *kept, *dz;
} Layer;

INLINE Layer layerAt(uint8_t *memory, uint32_t l) {
  const uint32_t record = LAYER_RECORDS + l * LAYER_RECORD_BYTES;
  const uint32_t O = getU32(memory, record + OUTPUTS);
  return (Layer){
    .I = getU32(memory, record + INPUTS),
    .O = O,
    .P = panels(O),
    .W = region(memory, record + WEIGHTS),
    .out = region(memory, record + OUT),
    .slopes = region(memory, record + SLOPES),
    .kept = region(memory, record + KEPT),
    .dz = region(memory, record + DELTAS),
  };
}
