import {
  BATCH_PANEL_BYTES,
  HAS_PENALTY,
  ITEM_BYTES,
  ITEMS,
  TOUCHED_ROW_BYTES,
  TOUCHED_ROWS,
  PANEL_BYTES,
  ROW_ENDS,
} from '../../kernel/header.ts';
import { sumDeltas } from './dense-layer.ts';
import { penalised } from './penalty.ts';

/**
 * The first layer: dense like the others, but inputs that are 0 are left out. nonzeros.ts lists the others.
 *
 * Dims: B = rows of this batch, I = inputs, P = panels of the outputs.
 */

/**
 * z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j].   z: (P, B, 16), W: (P, I + 1, 16), its last row b.
 *
 * Two items per iteration halved the time of this loop on Node 20 in an experiment. One panel of W at a time (50 kB)
 * stays in the cache while all rows of the batch read it.
 */
export function firstForward(z: usize, W: usize, B: u32, I: u32, P: u32): void {
  const rowEnds = load<usize>(0, ROW_ENDS);
  const zPanelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const b = I * PANEL_BYTES;
  for (let p: u32 = 0; p < P; p += 1) {
    let item = load<usize>(0, ITEMS);
    for (let r: u32 = 0; r < B; r += 1) {
      const rowEnd = load<usize>(rowEnds + (r << 2));
      let z0 = f32x4.splat(0);
      let z1 = f32x4.splat(0);
      let z2 = f32x4.splat(0);
      let z3 = f32x4.splat(0);
      for (; item + ITEM_BYTES < rowEnd; item += 2 * ITEM_BYTES) {
        const w = W + load<u32>(item);
        const x = v128.load32_splat(item, 4);
        const v = W + load<u32>(item, 8);
        const y = v128.load32_splat(item, 12);
        z0 = f32x4.add(f32x4.add(z0, f32x4.mul(x, v128.load(w))), f32x4.mul(y, v128.load(v)));
        z1 = f32x4.add(f32x4.add(z1, f32x4.mul(x, v128.load(w, 16))), f32x4.mul(y, v128.load(v, 16)));
        z2 = f32x4.add(f32x4.add(z2, f32x4.mul(x, v128.load(w, 32))), f32x4.mul(y, v128.load(v, 32)));
        z3 = f32x4.add(f32x4.add(z3, f32x4.mul(x, v128.load(w, 48))), f32x4.mul(y, v128.load(v, 48)));
      }
      if (item < rowEnd) {
        const w = W + load<u32>(item);
        const x = v128.load32_splat(item, 4);
        z0 = f32x4.add(z0, f32x4.mul(x, v128.load(w)));
        z1 = f32x4.add(z1, f32x4.mul(x, v128.load(w, 16)));
        z2 = f32x4.add(z2, f32x4.mul(x, v128.load(w, 32)));
        z3 = f32x4.add(z3, f32x4.mul(x, v128.load(w, 48)));
        item += ITEM_BYTES;
      }
      const zr = z + r * PANEL_BYTES;
      v128.store(zr, f32x4.add(z0, v128.load(W + b)));
      v128.store(zr, f32x4.add(z1, v128.load(W + b, 16)), 16);
      v128.store(zr, f32x4.add(z2, v128.load(W + b, 32)), 32);
      v128.store(zr, f32x4.add(z3, v128.load(W + b, 48)), 48);
    }
    z += zPanelBytes;
    W += b + PANEL_BYTES;
  }
}

/**
 * dW[i, j] = sum over r ascending of x[r, i] * dz[r, j], directly followed by the update of W[i, ...], for the rows i
 * that sortItems() listed; db and b likewise.   dz: (P, B, 16), W: (P, I + 1, 16).
 *
 * Takes 80 of a step's 200 us, half of them for square root and division. These did not help: two items per iteration
 * (+2 us), two panels at a time (-5 us on Node 24, but +12 us on Node 20, which runs out of registers), and all panels
 * of a row before the next row (+2 us).
 */
export function firstBackwardUpdate<Rule>(
  rule: Rule,
  W: usize,
  dz: usize,
  touchedRowsEnd: usize,
  B: u32,
  I: u32,
  P: u32,
): void {
  const dzPanelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const b = I * PANEL_BYTES;
  for (let p: u32 = 0; p < P; p += 1) {
    for (let touchedRow = load<usize>(0, TOUCHED_ROWS); touchedRow < touchedRowsEnd; touchedRow += TOUCHED_ROW_BYTES) {
      const end = load<usize>(touchedRow, 8);
      let g0 = f32x4.splat(0);
      let g1 = f32x4.splat(0);
      let g2 = f32x4.splat(0);
      let g3 = f32x4.splat(0);
      for (let item = load<usize>(touchedRow, 4); item < end; item += ITEM_BYTES) {
        const d = dz + load<u32>(item);
        const x = v128.load32_splat(item, 4);
        g0 = f32x4.add(g0, f32x4.mul(x, v128.load(d)));
        g1 = f32x4.add(g1, f32x4.mul(x, v128.load(d, 16)));
        g2 = f32x4.add(g2, f32x4.mul(x, v128.load(d, 32)));
        g3 = f32x4.add(g3, f32x4.mul(x, v128.load(d, 48)));
      }
      if (load<u32>(0, HAS_PENALTY)) {
        const w = W + load<u32>(touchedRow);
        g0 = penalised(w, g0);
        g1 = penalised(w + 16, g1);
        g2 = penalised(w + 32, g2);
        g3 = penalised(w + 48, g3);
      }
      rule.update(W + load<u32>(touchedRow), g0, g1, g2, g3, v128.load32_splat(touchedRow, 12));
    }
    sumDeltas(rule, W + b, dz, B);
    dz += dzPanelBytes;
    W += b + PANEL_BYTES;
  }
}
