/**
 * A dense layer after the first: y = x W + b, its gradients, and its update.
 *
 * Dims: B = rows of this batch, I = inputs, O = outputs, P = panels of the outputs. x: (ceil(I / 16), B, 16),
 * z and dz: (P, B, 16), W: (P, I + 1, 16), the last row of each panel being b.
 */

#pragma once

#include "penalty.h"

/**
 * How many rows are summed side by side: as many as fit into the registers together with the operands. With two rows a
 * step took 9 us more; with eight rows at width 8, which do not fit, it took 8 us more.
 */
#define ROWS (WIDTH == 16 ? 16 : WIDTH == 8 ? 4 : 2)

#define EACH_ROW _Pragma("GCC unroll 16") for (uint32_t n = 0; n < rows; n += 1)

/**
 * z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j] for one panel of z and `rows` rows, a constant.
 */
INLINE void denseForwardRows(uint32_t rows, float *z, const float *x, const float *W, uint32_t I, uint32_t xPanel) {
  Row sums[ROWS];
  EACH_ROW sums[n] = zeroRow();
  for (uint32_t i = 0; i < I; i += PANEL_COLUMNS) {
    const uint32_t columns = smaller(PANEL_COLUMNS, I - i);
    for (uint32_t c = 0; c < columns; c += 1) {
      const Row w = loadRow(W);
      EACH_ROW sums[n] = addScaled(sums[n], x[n * PANEL_COLUMNS + c], w);
      W += PANEL_COLUMNS;
    }
    x += xPanel;
  }
  // W now points to the panel's last row: b.
  EACH_ROW storeRow(z + n * PANEL_COLUMNS, addRows(sums[n], loadRow(W)));
}

/**
 * z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j].
 *
 * If B is odd, one row too many is computed; the buffer has room for it and it is never read.
 */
static void denseForward(
  uint8_t *memory, float *z, const float *x, const float *W, uint32_t B, uint32_t I, uint32_t P
) {
  const uint32_t panel = batchPanel(memory);
  for (uint32_t p = 0; p < P; p += 1) {
    uint32_t r = 0;
    for (; r + ROWS <= B; r += ROWS) {
      denseForwardRows(ROWS, z + r * PANEL_COLUMNS, x + r * PANEL_COLUMNS, W, I, panel);
    }
    for (; r < B; r += 2) denseForwardRows(2, z + r * PANEL_COLUMNS, x + r * PANEL_COLUMNS, W, I, panel);
    z += panel;
    W += (I + 1) * PANEL_COLUMNS;
  }
}

/**
 * t[j, k] = W[k, j]. The padding columns k of the last panel are +0, and so is the bias, so that it changes no sum.
 * t: (ceil(I / 16), O + 1, 16).
 */
static void transpose(float *t, const float *W, uint32_t I, uint32_t O) {
  for (uint32_t k = 0; k < I; k += PANEL_COLUMNS) {
    const uint32_t columns = smaller(PANEL_COLUMNS, I - k);
    for (uint32_t j = 0; j < O; j += 1) {
      const float *column = W + j / PANEL_COLUMNS * (I + 1) * PANEL_COLUMNS + k * PANEL_COLUMNS + j % PANEL_COLUMNS;
      for (uint32_t c = 0; c < PANEL_COLUMNS; c += 1) t[c] = c < columns ? column[c * PANEL_COLUMNS] : 0;
      t += PANEL_COLUMNS;
    }
    storeRow(t, zeroRow());
    t += PANEL_COLUMNS;
  }
}

/**
 * dx[r, k] = sum over j ascending of dz[r, j] * W[k, j]: a forward pass through W transposed.
 *
 * transposed: scratch space for (ceil(I / 16), O + 1, 16).
 */
static void denseBackwardInputs(
  uint8_t *memory, float *dx, const float *dz, const float *W, float *transposed, uint32_t B, uint32_t I, uint32_t O
) {
  transpose(transposed, W, I, O);
  denseForward(memory, dx, dz, transposed, B, O, panels(I));
}

/** db[j] = sum over r ascending of dz[r, j], followed by the update of b, for one panel. b: (16), dz: (B, 16). */
INLINE void sumDeltas(uint32_t rule, const Hyper *hyper, float *b, const float *dz, uint32_t B) {
  Row sum = zeroRow();
  for (uint32_t r = 0; r < B; r += 1) sum = addRows(sum, loadRow(dz + r * PANEL_COLUMNS));
  update(rule, hyper, b, sum, hyper->rho);
}

/**
 * dW[k, j] = sum over r ascending of x[r, k] * dz[r, j], directly followed by the update of W[k, j]; db and b likewise.
 *
 * ROWS rows of W at a time. I need not be a multiple of ROWS, since x has columns up to the end of its last panel.
 */
INLINE void denseBackwardUpdate(
  uint32_t rule, const Hyper *hyper, uint8_t *memory, float *W, const float *x, const float *dz, uint32_t B, uint32_t I,
  uint32_t P
) {
  const uint32_t panel = batchPanel(memory);
  const uint32_t rows = ROWS;
  for (uint32_t p = 0; p < P; p += 1) {
    for (uint32_t k = 0; k < I; k += rows) {
      Row sums[ROWS];
      EACH_ROW sums[n] = zeroRow();
      const float *xr = x + k / PANEL_COLUMNS * panel + k % PANEL_COLUMNS;
      for (uint32_t r = 0; r < B; r += 1) {
        const Row d = loadRow(dz + r * PANEL_COLUMNS);
        EACH_ROW sums[n] = addScaled(sums[n], xr[n], d);
        xr += PANEL_COLUMNS;
      }
      EACH_ROW if (k + n < I) updateKernel(rule, hyper, W + (k + n) * PANEL_COLUMNS, sums[n], hyper->rho);
    }
    sumDeltas(rule, hyper, W + I * PANEL_COLUMNS, dz, B);
    dz += panel;
    W += (I + 1) * PANEL_COLUMNS;
  }
}
