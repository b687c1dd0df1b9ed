/**
 * A job's memory, the same for this kernel and the one in ../wasm/assembly/: ../kernel/header.ts says what its first bytes are
 * (the build writes kernel-header.h from it), ../kernel/memory.ts what lies behind them. Numbers are little-endian, as
 * those of JavaScript's typed arrays are on every machine that the build knows.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernel-header.h"

/** Compiled into its caller, so that constants given to it, the update rule above all, leave no branch behind. */
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

/** The region whose address the header has at `place`. */
INLINE void *region(uint8_t *memory, uint32_t place) {
  return memory + getU32(memory, place);
}

/** Panels of 16 columns that so many columns take. */
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

/** A layer's sizes and buffers: W (P, I + 1, 16), its last row b; out, kept and dz (P, B, 16). */
typedef struct {
  uint32_t I, O, P;
  float *W, *out, *kept, *dz;
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
    .kept = region(memory, record + KEPT),
    .dz = region(memory, record + DELTAS),
  };
}
