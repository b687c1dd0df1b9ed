import {
  BATCH_PANEL_BYTES,
  CLASS_WEIGHTS,
  LABEL_OFF,
  LABEL_ON,
  LOSSES,
  PANEL_BYTES,
  PANEL_COLUMNS,
  PREDICTED,
} from '../../kernel/header.ts';
import { exp, log } from './exp-log.ts';

/**
 * Softmax and categorical cross-entropy combined. The code is scalar, since ten classes are few: two exps at a time
 * saved no more than 1 us.
 *
 * Dims: R = rows of data, B = rows of this batch, O = classes, P = their panels. z and p: (P, B, 16).
 * targets: (R), classes; rows: (B), the batch's row numbers.
 */

/** The address of value j of the row at address `row`. */
@inline
function at(row: usize, j: u32, panelBytes: usize): usize {
  return row + panelBytes * (j / PANEL_COLUMNS) + (j % PANEL_COLUMNS << 2);
}

/**
 * p[r, j] = e[j] / s with e[j] = exp(z[r, j] - m), m = the row's largest logit, s = sum of e
 * losses[r] = log(s) - (z[r, y] - m); with label smoothing the sum over j of that for j, times its target
 * predicted[r] = the class with the largest logit, the lowest index among equals
 */
export function softmaxLossForward(p: usize, z: usize, targets: usize, rows: usize, B: u32, O: u32): void {
  const losses = load<usize>(0, LOSSES);
  const predicted = load<usize>(0, PREDICTED);
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const on = load<f32>(0, LABEL_ON);
  const off = load<f32>(0, LABEL_OFF);
  for (let r: u32 = 0; r < B; r += 1) {
    const zr = z + r * PANEL_BYTES;
    const pr = p + r * PANEL_BYTES;
    let best: u32 = 0;
    let m = load<f32>(zr);
    for (let j: u32 = 1; j < O; j += 1) {
      const value = load<f32>(at(zr, j, panelBytes));
      if (value > m) {
        best = j;
        m = value;
      }
    }

    let s: f32 = 0;
    for (let j: u32 = 0; j < O; j += 1) {
      const e = <f32>exp(<f64>(load<f32>(at(zr, j, panelBytes)) - m));
      store<f32>(at(pr, j, panelBytes), e);
      s += e;
    }
    for (let j: u32 = 0; j < O; j += 1) {
      const place = at(pr, j, panelBytes);
      store<f32>(place, load<f32>(place) / s);
    }

    const y = load<u32>(targets + (load<u32>(rows + (r << 2)) << 2));
    const logOfSum = <f32>log(<f64>s);
    let loss = logOfSum - (load<f32>(at(zr, y, panelBytes)) - m);
    if (off > 0) {
      loss = 0;
      for (let j: u32 = 0; j < O; j += 1) {
        loss += (j == y ? on : off) * (logOfSum - (load<f32>(at(zr, j, panelBytes)) - m));
      }
    }
    store<f32>(losses + (r << 2), loss);
    store<u32>(predicted + (r << 2), best);
  }
}

/** What a row's loss and gradient are multiplied by, for its class y. */
@inline
export function classWeight(y: u32): f32 {
  const weights = load<usize>(0, CLASS_WEIGHTS);
  return weights == 0 ? 1 : load<f32>(weights + (y << 2));
}

/** dz[r, j] = (p[r, j] - (on where j is the target, else off)) / B * weight of the target, written over p. */
export function softmaxLossBackward(p: usize, targets: usize, rows: usize, B: u32, O: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const on = load<f32>(0, LABEL_ON);
  const off = load<f32>(0, LABEL_OFF);
  for (let r: u32 = 0; r < B; r += 1) {
    const y = load<u32>(targets + (load<u32>(rows + (r << 2)) << 2));
    const weight = classWeight(y);
    for (let j: u32 = 0; j < O; j += 1) {
      const place = at(p + r * PANEL_BYTES, j, panelBytes);
      store<f32>(place, (load<f32>(place) - (j == y ? on : off)) / <f32>B * weight);
    }
  }
}
