/** The routines that the host calls, one set for each vector width. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint32_t (*train)(uint8_t *memory, uint32_t from, uint32_t steps);
  void (*measure)(
    uint8_t *memory, const uint32_t *starts, const void *targets, const uint32_t *rows, uint32_t B, bool training
  );
  void (*packRows)(uint8_t *memory, uint32_t *starts, uint32_t from, const uint8_t *values, uint32_t rows);
  void (*settleRows)(uint8_t *memory);
  bool (*allFinite)(uint8_t *memory);
  bool (*denormalsAreAlive)(float smallest);
} Kernel;

extern const Kernel kernel4, kernel8, kernel16;
