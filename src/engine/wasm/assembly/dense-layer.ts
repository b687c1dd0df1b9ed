import { BATCH_PANEL_BYTES, HAS_PENALTY, PANEL_BYTES, PANEL_COLUMNS, RHO } from '../../kernel/header.ts';
import { penalised } from './penalty.ts';

/**
 * A dense layer after the first: y = x W + b, its gradients, and its update. Every loop is vectorised over outputs,
 * so that each sum adds its terms in the stated order.
 *
 * All matrices are split into panels of 16 columns, which are four vectors and one cache line. The last panel is
 * padded with columns of +0.
 *
 * Dims: B = rows of this batch, I = inputs, O = outputs, P = panels of the outputs. x: (ceil(I / 16), B, 16),
 * z and dz: (P, B, 16), W: (P, I + 1, 16), the last row of each panel being b.
 */

/**
 * z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j].
 *
 * Two rows and sixteen columns at a time: 8 sums, 4 vectors of W and 2 of x fill 14 of the 16 registers. If B is odd,
 * one row too many is computed; the buffer has room for it and it is never read. Unrolling the inner loop by hand made
 * a step 12 us slower in an experiment.
 */
export function denseForward(z: usize, x: usize, W: usize, B: u32, I: u32, P: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const rowsEnd = ((B + 1) & ~1) * PANEL_BYTES;
  for (let p: u32 = 0; p < P; p += 1) {
    for (let row: usize = 0; row < rowsEnd; row += 2 * PANEL_BYTES) {
      let z0 = f32x4.splat(0);
      let z1 = f32x4.splat(0);
      let z2 = f32x4.splat(0);
      let z3 = f32x4.splat(0);
      let y0 = f32x4.splat(0);
      let y1 = f32x4.splat(0);
      let y2 = f32x4.splat(0);
      let y3 = f32x4.splat(0);
      let w = W;
      let xPanel = x + row;
      for (let i: u32 = 0; i < I; i += PANEL_COLUMNS) {
        const xEnd = xPanel + (min<u32>(PANEL_COLUMNS, I - i) << 2);
        for (let xi = xPanel; xi < xEnd; xi += 4) {
          const w0 = v128.load(w);
          const w1 = v128.load(w, 16);
          const w2 = v128.load(w, 32);
          const w3 = v128.load(w, 48);
          const x0 = v128.load32_splat(xi);
          z0 = f32x4.add(z0, f32x4.mul(x0, w0));
          z1 = f32x4.add(z1, f32x4.mul(x0, w1));
          z2 = f32x4.add(z2, f32x4.mul(x0, w2));
          z3 = f32x4.add(z3, f32x4.mul(x0, w3));
          const x1 = v128.load32_splat(xi, PANEL_BYTES);
          y0 = f32x4.add(y0, f32x4.mul(x1, w0));
          y1 = f32x4.add(y1, f32x4.mul(x1, w1));
          y2 = f32x4.add(y2, f32x4.mul(x1, w2));
          y3 = f32x4.add(y3, f32x4.mul(x1, w3));
          w += PANEL_BYTES;
        }
        xPanel += panelBytes;
      }
      // w now points to the panel's last row: b.
      const zr = z + row;
      v128.store(zr, f32x4.add(z0, v128.load(w)));
      v128.store(zr, f32x4.add(z1, v128.load(w, 16)), 16);
      v128.store(zr, f32x4.add(z2, v128.load(w, 32)), 32);
      v128.store(zr, f32x4.add(z3, v128.load(w, 48)), 48);
      v128.store(zr, f32x4.add(y0, v128.load(w)), 64);
      v128.store(zr, f32x4.add(y1, v128.load(w, 16)), 80);
      v128.store(zr, f32x4.add(y2, v128.load(w, 32)), 96);
      v128.store(zr, f32x4.add(y3, v128.load(w, 48)), 112);
    }
    z += panelBytes;
    W += (I + 1) * PANEL_BYTES;
  }
}

/**
 * dx[r, k] = sum over j ascending of dz[r, j] * W[k, j]: a forward pass through W transposed.
 *
 * transposed: scratch space for (ceil(I / 16), O + 1, 16) and three more rows.
 */
export function denseBackwardInputs(
  dx: usize,
  dz: usize,
  W: usize,
  transposed: usize,
  B: u32,
  I: u32,
  O: u32,
): void {
  transpose(transposed, W, I, O);
  denseForward(dx, dz, transposed, B, O, (I + PANEL_COLUMNS - 1) / PANEL_COLUMNS);
}

/**
 * t[j, k] = W[k, j]. The padding columns k of the last panel are +0, and so is the bias, so that it changes no sum.
 * t: (ceil(I / 16), O + 1, 16).
 *
 * Works in blocks of 4 x 4: in an experiment, shuffles instead of single floats saved 4 us per step. Keeping a
 * transposed copy of W up to date was no faster.
 */
function transpose(t: usize, W: usize, I: u32, O: u32): void {
  const wPanelBytes = (I + 1) * PANEL_BYTES;
  for (let k: u32 = 0; k < I; k += PANEL_COLUMNS) {
    const kEnd = min<u32>(k + PANEL_COLUMNS, (I + 3) & ~3);
    // In the last panel some columns may have no row of W.
    if (kEnd < k + PANEL_COLUMNS) memory.fill(t, 0, O * PANEL_BYTES);
    for (let j: u32 = 0; j < O; j += 4) {
      const column = W + j / PANEL_COLUMNS * wPanelBytes + (j % PANEL_COLUMNS << 2);
      let to = t + j * PANEL_BYTES;
      for (let i: u32 = k; i < kEnd; i += 4) {
        const from = column + i * PANEL_BYTES;
        const a = v128.load(from);
        const b = i + 1 < I ? v128.load(from, 64) : f32x4.splat(0);
        const c = i + 2 < I ? v128.load(from, 128) : f32x4.splat(0);
        const d = i + 3 < I ? v128.load(from, 192) : f32x4.splat(0);
        const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
        const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
        const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
        const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
        v128.store(to, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
        v128.store(to, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7), 64);
        v128.store(to, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5), 128);
        v128.store(to, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7), 192);
        to += 16;
      }
    }
    t += O * PANEL_BYTES;
    memory.fill(t, 0, PANEL_BYTES);
    t += PANEL_BYTES;
  }
}

/**
 * dW[k, j] = sum over r ascending of x[r, k] * dz[r, j], directly followed by the update of W[k, j]; db and b likewise.
 *
 * Two rows of W at a time, for the reason given in denseForward.
 */
export function denseBackwardUpdate<Rule>(
  rule: Rule,
  W: usize,
  x: usize,
  dz: usize,
  B: u32,
  I: u32,
  P: u32,
): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  for (let p: u32 = 0; p < P; p += 1) {
    for (let k: u32 = 0; k < I; k += 2) {
      let g0 = f32x4.splat(0);
      let g1 = f32x4.splat(0);
      let g2 = f32x4.splat(0);
      let g3 = f32x4.splat(0);
      let h0 = f32x4.splat(0);
      let h1 = f32x4.splat(0);
      let h2 = f32x4.splat(0);
      let h3 = f32x4.splat(0);
      let xr = x + panelBytes * (k / PANEL_COLUMNS) + (k % PANEL_COLUMNS << 2);
      const dEnd = dz + B * PANEL_BYTES;
      for (let d = dz; d < dEnd; d += PANEL_BYTES) {
        const d0 = v128.load(d);
        const d1 = v128.load(d, 16);
        const d2 = v128.load(d, 32);
        const d3 = v128.load(d, 48);
        const x0 = v128.load32_splat(xr);
        g0 = f32x4.add(g0, f32x4.mul(x0, d0));
        g1 = f32x4.add(g1, f32x4.mul(x0, d1));
        g2 = f32x4.add(g2, f32x4.mul(x0, d2));
        g3 = f32x4.add(g3, f32x4.mul(x0, d3));
        const x1 = v128.load32_splat(xr, 4);
        h0 = f32x4.add(h0, f32x4.mul(x1, d0));
        h1 = f32x4.add(h1, f32x4.mul(x1, d1));
        h2 = f32x4.add(h2, f32x4.mul(x1, d2));
        h3 = f32x4.add(h3, f32x4.mul(x1, d3));
        xr += PANEL_BYTES;
      }
      const w = W + k * PANEL_BYTES;
      if (load<u32>(0, HAS_PENALTY)) {
        g0 = penalised(w, g0);
        g1 = penalised(w + 16, g1);
        g2 = penalised(w + 32, g2);
        g3 = penalised(w + 48, g3);
        if (k + 1 < I) {
          h0 = penalised(w + 64, h0);
          h1 = penalised(w + 80, h1);
          h2 = penalised(w + 96, h2);
          h3 = penalised(w + 112, h3);
        }
      }
      rule.update(w, g0, g1, g2, g3, v128.load32_splat(0, RHO));
      // With an odd I the second row is b, which has its own gradient.
      if (k + 1 < I) rule.update(w + PANEL_BYTES, h0, h1, h2, h3, v128.load32_splat(0, RHO));
    }
    sumDeltas(rule, W + I * PANEL_BYTES, dz, B);
    dz += panelBytes;
    W += (I + 1) * PANEL_BYTES;
  }
}

/** db[j] = sum over r ascending of dz[r, j], followed by the update of b, for one panel. b: (16), dz: (B, 16). */
export function sumDeltas<Rule>(rule: Rule, b: usize, dz: usize, B: u32): void {
  let g0 = f32x4.splat(0);
  let g1 = f32x4.splat(0);
  let g2 = f32x4.splat(0);
  let g3 = f32x4.splat(0);
  const dEnd = dz + B * PANEL_BYTES;
  for (let d = dz; d < dEnd; d += PANEL_BYTES) {
    g0 = f32x4.add(g0, v128.load(d));
    g1 = f32x4.add(g1, v128.load(d, 16));
    g2 = f32x4.add(g2, v128.load(d, 32));
    g3 = f32x4.add(g3, v128.load(d, 48));
  }
  rule.update(b, g0, g1, g2, g3, v128.load32_splat(0, RHO));
}
