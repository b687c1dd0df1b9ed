/** Dropout as in ../dropout.ts, with the hash from ../random.ts, for a vector of outputs at a time. */

#pragma once

#include "vector.h"

#define GOLDEN_RATIO 0x9e3779b9u

/** x: uint32_t or Words. */
#define MIX(x) \
  do { \
    x = (x ^ (x >> 16)) * 0x7feb352du; \
    x = (x ^ (x >> 15)) * 0x846ca68bu; \
    x = x ^ (x >> 16); \
  } while (0)

INLINE uint32_t mix(uint32_t x) {
  MIX(x);
  return x;
}

INLINE Words mixWords(Words x) {
  MIX(x);
  return x;
}

/**
 * kept[r, j] = u32(seed, layer, step, r * O + j) >= threshold ? h[r, j] * scale : +0, where step is the current one.
 * kept, h: (P, B, 16); they may be the same buffer.
 */
static void applyDropout(uint8_t *memory, float *kept, const float *h, uint32_t layer, uint32_t B, uint32_t O) {
  uint32_t prefix = mix(getU32(memory, SEED) + GOLDEN_RATIO);
  prefix = mix(prefix ^ mix(layer + GOLDEN_RATIO));
  prefix = mix(prefix ^ mix(getU32(memory, JOB_STEP) + 1 + GOLDEN_RATIO));
  const uint32_t threshold = getU32(memory, DROPOUT_THRESHOLD);
  const float scale = getF32(memory, DROPOUT_SCALE);
  Words lanes;
  for (uint32_t k = 0; k < WIDTH; k += 1) lanes[k] = k;
  for (uint32_t first = 0; first < O; first += PANEL_COLUMNS) {
    for (uint32_t r = 0; r < B; r += 1) {
      for (uint32_t c = 0; c < PANEL_COLUMNS; c += WIDTH) {
        const uint32_t at = r * PANEL_COLUMNS + c;
        const Words place = lanes + (r * O + first + c + GOLDEN_RATIO);
        const Words drawn = mixWords(mixWords(place) ^ prefix);
        storeVector(kept + at, only((Mask)(drawn >= threshold), loadVector(h + at) * scale));
      }
    }
    h += batchPanel(memory);
    kept += batchPanel(memory);
  }
}
