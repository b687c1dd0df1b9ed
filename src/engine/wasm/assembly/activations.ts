import {
  ACTIVATION,
  ACTIVATION_RELU,
  ACTIVATION_SIGMOID,
  BATCH_PANEL_BYTES,
  PANEL_BYTES,
  PANEL_COLUMNS,
} from '../../kernel/header.ts';
import { exp } from './exp-log.ts';

/**
 * The activation function of the hidden layers; the formulas are in ../../reference/activations.ts.
 *
 * Dims: B = rows of this batch, O = outputs, P = their panels. h, dh: (P, B, 16).
 */

/** h = f(h). The padding columns of the last panel stay +0, although sigmoid(0) is not 0. */
export function activate(h: usize, B: u32, O: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const activation = load<u32>(0, ACTIVATION);
  for (let first: u32 = 0; first < O; first += PANEL_COLUMNS) {
    if (activation == ACTIVATION_RELU) {
      reluPanel(h, B);
    } else {
      const columns = min<u32>(PANEL_COLUMNS, O - first);
      for (let r: u32 = 0; r < B; r += 1) {
        const row = h + r * PANEL_BYTES;
        for (let at = row; at < row + (columns << 2); at += 4) {
          const z = <f64>load<f32>(at);
          store<f32>(at, <f32>(activation == ACTIVATION_SIGMOID ? sigmoid(z) : tanh(z)));
        }
      }
    }
    h += panelBytes;
  }
}

/** h = max(h, 0). NaN stays NaN: pmax(h, 0) is h < 0 ? 0 : h. */
function reluPanel(h: usize, B: u32): void {
  const end = h + B * PANEL_BYTES;
  for (let at = h; at < end; at += 16) v128.store(at, f32x4.pmax(v128.load(at), f32x4.splat(0)));
}

function sigmoid(z: f64): f64 {
  const e = exp(-abs<f64>(z));
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

function tanh(z: f64): f64 {
  if (abs<f64>(z) < 1.0 / 4096) return z;
  const e = exp(-2 * abs<f64>(z));
  const t = (1 - e) / (1 + e);
  return z < 0 ? -t : t;
}

/** dh = dh * f'(z), with f' computed from the output h = f(z). */
export function activateBackward(dh: usize, h: usize, B: u32, P: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const activation = load<u32>(0, ACTIVATION);
  const one = f32x4.splat(1);
  for (let p: u32 = 0; p < P; p += 1) {
    for (let at: usize = 0; at < B * PANEL_BYTES; at += 16) {
      const out = v128.load(h + at);
      const d = v128.load(dh + at);
      if (activation == ACTIVATION_RELU) {
        v128.store(dh + at, v128.and(d, f32x4.gt(out, f32x4.splat(0))));
      } else if (activation == ACTIVATION_SIGMOID) {
        v128.store(dh + at, f32x4.mul(d, f32x4.mul(out, f32x4.sub(one, out))));
      } else {
        v128.store(dh + at, f32x4.mul(d, f32x4.sub(one, f32x4.mul(out, out))));
      }
    }
    h += panelBytes;
    dh += panelBytes;
  }
}
