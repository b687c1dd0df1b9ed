/**
 * The first layer: dense like the others, but its inputs are pixels, and those of 0 are left out. The lists that
 * pixel-items.h made say which are left.
 *
 * Dims: B = rows of this batch, I = pixels of an image, P = panels of the outputs.
 */

#ifndef PIXEL_LAYER_H
#define PIXEL_LAYER_H

#include "dense-layer.h"
#include "pixel-items.h"

/** The row of a panel at a byte offset of it. */
INLINE float *rowAt(float *panel, uint32_t where) {
  return (float *)((uint8_t *)panel + where);
}

/** z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j].   z: (P, B, 16), W: (P, I + 1, 16), its last row b. */
static void pixelsForward(uint8_t *memory, float *z, float *W, uint32_t B, uint32_t I, uint32_t P) {
  const uint32_t *rowEnds = region(memory, ROW_ENDS);
  for (uint32_t p = 0; p < P; p += 1) {
    const Item *item = region(memory, ITEMS);
    for (uint32_t r = 0; r < B; r += 1) {
      const Item *rowEnd = (const Item *)(memory + rowEnds[r]);
      Row sum = zeroRow();
      for (; item < rowEnd; item += 1) sum = addScaled(sum, item->x, loadRow(rowAt(W, item->where)));
      storeRow(z + r * PANEL_COLUMNS, addRows(sum, loadRow(W + I * PANEL_COLUMNS)));
    }
    z += batchPanel(memory);
    W += (I + 1) * PANEL_COLUMNS;
  }
}

/**
 * dW[i, j] = sum over r ascending of x[r, i] * dz[r, j], and at once the update of W[i, ...], for the rows i that
 * sortItems() listed; db and b likewise.   dz: (P, B, 16), W: (P, I + 1, 16).
 */
INLINE void pixelsBackwardUpdate(uint32_t rule, const Hyper *hyper, uint8_t *memory, float *W, float *dz, const LitRow *litRowsEnd, uint32_t B, uint32_t I, uint32_t P) {
  for (uint32_t p = 0; p < P; p += 1) {
    for (const LitRow *litRow = region(memory, LIT_ROWS); litRow < litRowsEnd; litRow += 1) {
      const Item *end = (const Item *)(memory + litRow->end);
      Row sum = zeroRow();
      for (const Item *item = (const Item *)(memory + litRow->begin); item < end; item += 1) {
        sum = addScaled(sum, item->x, loadRow(rowAt(dz, item->where)));
      }
      update(rule, hyper, rowAt(W, litRow->where), sum, litRow->decay);
    }
    sumDeltas(rule, hyper, W + I * PANEL_COLUMNS, dz, B);
    dz += batchPanel(memory);
    W += (I + 1) * PANEL_COLUMNS;
  }
}

#endif
