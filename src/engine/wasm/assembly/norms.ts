import {
  BIAS_SCALE,
  BIAS_SQUARES,
  CLIPS_BY_NORM,
  COLUMN_SUMS,
  GRADIENT_DISTANCE,
  HAS_GLOBAL_NORM,
  INPUTS,
  KERNEL_SCALE,
  KERNEL_SQUARES,
  LAYER_RECORD_BYTES,
  LAYER_RECORDS,
  LAYERS,
  MOST_NORM,
  OUTPUTS,
  PANEL_BYTES,
  PANEL_COLUMNS,
  RHO,
  TOUCHED_ROW_BYTES,
  TOUCHED_ROWS,
  TOUCHED_ROWS_END,
  WEIGHTS,
} from '../../kernel/header.ts';
import { Prepared } from './optimizers.ts';

/**
 * Steps that clip by norm, or measure it (rule 17): when all gradients are known, their norms, and then all updates. The
 * gradients lie GRADIENT_DISTANCE bytes after the weights. Rows of the first layer that the batch does not touch have none.
 *
 * Dims: I = inputs, O = outputs, P = panels of the outputs. W: (P, I + 1, 16), the last row of each panel being b.
 */

/** Sets the squares and scales of each layer's record. False = a norm to clip by is not finite. */
export function scaleGradients(): bool {
  const recordsEnd: usize = LAYER_RECORDS + load<u32>(0, LAYERS) * LAYER_RECORD_BYTES;
  const isGlobal = load<u32>(0, HAS_GLOBAL_NORM) != 0;
  let squares: f64 = 0;
  for (let record: usize = LAYER_RECORDS; record < recordsEnd; record += LAYER_RECORD_BYTES) {
    const kernel = sumOfSquares(record, false);
    const bias = sumOfSquares(record, true);
    squares = squares + kernel + bias;
    store<f64>(record, kernel, KERNEL_SQUARES);
    store<f64>(record, bias, BIAS_SQUARES);
    store<f32>(record, scaleOf(kernel), KERNEL_SCALE);
    store<f32>(record, scaleOf(bias), BIAS_SCALE);
  }
  if (!load<u32>(0, CLIPS_BY_NORM)) return true;
  if (!(squares < Infinity)) return false;
  if (!isGlobal) return true;
  const scale = scaleOf(squares);
  for (let record: usize = LAYER_RECORDS; record < recordsEnd; record += LAYER_RECORD_BYTES) {
    store<f32>(record, scale, KERNEL_SCALE);
    store<f32>(record, scale, BIAS_SCALE);
  }
  return true;
}

/** 1 changes no bit of a gradient. */
@inline
function scaleOf(squares: f64): f32 {
  if (!load<u32>(0, CLIPS_BY_NORM)) return 1;
  const norm = sqrt<f64>(squares);
  const most = load<f64>(0, MOST_NORM);
  return norm <= most ? 1 : <f32>(most / norm);
}

/** Of a layer's kernel or bias: each column over its rows ascending, then the columns ascending. */
function sumOfSquares(record: usize, isBias: bool): f64 {
  const I = load<u32>(record, INPUTS);
  const O = load<u32>(record, OUTPUTS);
  let panel = load<usize>(record, WEIGHTS) + load<usize>(0, GRADIENT_DISTANCE);
  let total: f64 = 0;
  for (let first: u32 = 0; first < O; first += PANEL_COLUMNS) {
    memory.fill(COLUMN_SUMS, 0, PANEL_COLUMNS << 3);
    if (isBias) {
      addSquares(panel + I * PANEL_BYTES);
    } else if (record == LAYER_RECORDS) {
      const end = load<usize>(0, TOUCHED_ROWS_END);
      for (let row = load<usize>(0, TOUCHED_ROWS); row < end; row += TOUCHED_ROW_BYTES) {
        addSquares(panel + load<u32>(row));
      }
    } else {
      for (let row = panel; row < panel + I * PANEL_BYTES; row += PANEL_BYTES) addSquares(row);
    }
    const columns = min<u32>(PANEL_COLUMNS, O - first);
    for (let c: u32 = 0; c < columns; c += 1) total += load<f64>(COLUMN_SUMS + (c << 3));
    panel += (I + 1) * PANEL_BYTES;
  }
  return total;
}

/** Adds the squares of a row's sixteen gradients to COLUMN_SUMS. */
@inline
function addSquares(row: usize): void {
  for (let c: usize = 0; c < <usize>PANEL_COLUMNS; c += 2) {
    const g = f64x2.promote_low_f32x4(v128.load64_zero(row + (c << 2)));
    const sums = <usize>COLUMN_SUMS + (c << 3);
    v128.store(sums, f64x2.add(v128.load(sums), f64x2.mul(g, g)));
  }
}

/** Updates all weights, those of the first layer only in the rows that are listed, with the scaled gradients. */
export function applyUpdates(): void {
  const layers = load<u32>(0, LAYERS);
  for (let l: u32 = 0; l < layers; l += 1) {
    const record: usize = LAYER_RECORDS + l * LAYER_RECORD_BYTES;
    const I = load<u32>(record, INPUTS);
    const O = load<u32>(record, OUTPUTS);
    let W = load<usize>(record, WEIGHTS);
    for (let first: u32 = 0; first < O; first += PANEL_COLUMNS) {
      const b = W + I * PANEL_BYTES;
      if (l == 0) {
        const end = load<usize>(0, TOUCHED_ROWS_END);
        for (let row = load<usize>(0, TOUCHED_ROWS); row < end; row += TOUCHED_ROW_BYTES) {
          applyUpdate(W + load<u32>(row), record + KERNEL_SCALE, v128.load32_splat(row, 12));
        }
      } else {
        for (let w = W; w < b; w += PANEL_BYTES) {
          applyUpdate(w, record + KERNEL_SCALE, v128.load32_splat(0, RHO));
        }
      }
      applyUpdate(b, record + BIAS_SCALE, v128.load32_splat(0, RHO));
      W = b + PANEL_BYTES;
    }
  }
}

@inline
function applyUpdate(w: usize, scaleAt: usize, decay: v128): void {
  const g = w + load<usize>(0, GRADIENT_DISTANCE);
  const scale = v128.load32_splat(scaleAt);
  changetype<Prepared>(0).update(
    w,
    f32x4.mul(v128.load(g), scale),
    f32x4.mul(v128.load(g, 16), scale),
    f32x4.mul(v128.load(g, 32), scale),
    f32x4.mul(v128.load(g, 48), scale),
    decay,
  );
}
