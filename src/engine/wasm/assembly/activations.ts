import {
  ACTIVATION,
  ACTIVATION_ELU,
  ACTIVATION_GELU_TANH,
  ACTIVATION_LEAKY_RELU,
  ACTIVATION_LINEAR,
  ACTIVATION_RELU,
  ACTIVATION_SELU,
  ACTIVATION_SIGMOID,
  ACTIVATION_SILU,
  ACTIVATION_TANH,
  BATCH_PANEL_BYTES,
  PANEL_BYTES,
  PANEL_COLUMNS,
} from '../../kernel/header.ts';
import { exp } from './exp-log.ts';

/**
 * The activation function of the hidden layers; the formulas are in ../../reference/activations.ts.
 *
 * Dims: B = rows of this batch, O = outputs, P = their panels. h, slopes, dh: (P, B, 16).
 */

const NEGATIVE_SLOPE: f32 = 0.2;
const SELU_SCALE: f64 = 1.0507009873554805;
const SELU_SCALE_ALPHA: f64 = 1.7580993408473768;
const GELU_SCALE: f64 = 1.5957691216057308;
const GELU_CUBIC: f64 = 0.044715;
const LN2: f64 = 0.6931471805599453;
const SQRT2_MINUS_1: f64 = 0.41421356237309503;

/** h = f(h). The padding columns of the last panel stay +0, although sigmoid(0) is not 0. */
export function activate(h: usize, slopes: usize, B: u32, O: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const activation = load<u32>(0, ACTIVATION);
  if (activation == ACTIVATION_LINEAR) return;
  for (let first: u32 = 0; first < O; first += PANEL_COLUMNS) {
    if (activation == ACTIVATION_RELU) reluPanel(h, B);
    else if (activation == ACTIVATION_LEAKY_RELU) leakyReluPanel(h, B);
    else curvePanel(activation, h, slopes, B, min<u32>(PANEL_COLUMNS, O - first));
    h += panelBytes;
    slopes += panelBytes;
  }
}

/** h = max(h, 0). NaN stays NaN: pmax(h, 0) is h < 0 ? 0 : h. */
function reluPanel(h: usize, B: u32): void {
  const end = h + B * PANEL_BYTES;
  for (let at = h; at < end; at += 16) v128.store(at, f32x4.pmax(v128.load(at), f32x4.splat(0)));
}

/** h = h < 0 ? 0.2 * h : h */
function leakyReluPanel(h: usize, B: u32): void {
  const end = h + B * PANEL_BYTES;
  const a = f32x4.splat(NEGATIVE_SLOPE);
  for (let at = h; at < end; at += 16) {
    const z = v128.load(at);
    v128.store(at, v128.bitselect(f32x4.mul(a, z), z, f32x4.lt(z, f32x4.splat(0))));
  }
}

/** The first `columns` values of each row of a panel. */
function curvePanel(activation: u32, h: usize, slopes: usize, B: u32, columns: u32): void {
  const slopesAfter = slopes - h;
  for (let r: u32 = 0; r < B; r += 1) {
    const row = h + r * PANEL_BYTES;
    for (let at = row; at < row + (columns << 2); at += 4) {
      const z = <f64>load<f32>(at);
      if (activation == ACTIVATION_SIGMOID) {
        store<f32>(at, <f32>sigmoid(z));
      } else if (activation == ACTIVATION_TANH) {
        store<f32>(at, <f32>tanh(z));
      } else if (activation == ACTIVATION_ELU) {
        store<f32>(at, <f32>elu(z));
      } else if (activation == ACTIVATION_SELU) {
        store<f32>(at, <f32>(z > 0 ? SELU_SCALE * z : SELU_SCALE_ALPHA * elu(z)));
      } else if (activation == ACTIVATION_SILU) {
        const s = sigmoid(z);
        store<f32>(at, <f32>(z * s));
        store<f32>(at + slopesAfter, <f32>(s * (1 + z * (1 - s))));
      } else if (activation == ACTIVATION_GELU_TANH) {
        const s = sigmoid(GELU_SCALE * (z + GELU_CUBIC * (z * z * z)));
        const dv = GELU_SCALE * (1 + 3 * GELU_CUBIC * (z * z));
        store<f32>(at, <f32>(z * s));
        store<f32>(at + slopesAfter, <f32>(s * (1 + z * ((1 - s) * dv))));
      } else {
        const e = exp(-abs<f64>(z));
        const rest = log1p(e);
        store<f32>(at, <f32>(z > 0 ? z + rest : rest));
        store<f32>(at + slopesAfter, <f32>(z >= 0 ? 1 / (1 + e) : e / (1 + e)));
      }
    }
  }
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

function elu(z: f64): f64 {
  return z > -1.0 / 16777216 ? z : exp(z) - 1;
}

/** log(1 + e) for 0 <= e <= 1, as in ../../reference/log1p.ts. */
function log1p(e: f64): f64 {
  const isHalved = e > SQRT2_MINUS_1;
  const t = isHalved ? (e - 1) / (e + 3) : e / (e + 2);
  const tt = t * t;
  let series: f64 = 1.0 / 15;
  series = series * tt + 1.0 / 13;
  series = series * tt + 1.0 / 11;
  series = series * tt + 1.0 / 9;
  series = series * tt + 1.0 / 7;
  series = series * tt + 1.0 / 5;
  series = series * tt + 1.0 / 3;
  series = series * tt + 1;
  return isHalved ? LN2 + 2 * t * series : 2 * t * series;
}

/** dh = dh * f'(z), with f' computed from the output h = f(z), or kept in slopes. */
export function activateBackward(dh: usize, h: usize, slopes: usize, B: u32, P: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  const activation = load<u32>(0, ACTIVATION);
  if (activation == ACTIVATION_LINEAR) return;
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  for (let p: u32 = 0; p < P; p += 1) {
    for (let at: usize = 0; at < B * PANEL_BYTES; at += 16) {
      const out = v128.load(h + at);
      const d = v128.load(dh + at);
      if (activation == ACTIVATION_RELU) {
        v128.store(dh + at, v128.and(d, f32x4.gt(out, zero)));
      } else if (activation == ACTIVATION_SIGMOID) {
        v128.store(dh + at, f32x4.mul(d, f32x4.mul(out, f32x4.sub(one, out))));
      } else if (activation == ACTIVATION_TANH) {
        v128.store(dh + at, f32x4.mul(d, f32x4.sub(one, f32x4.mul(out, out))));
      } else if (activation == ACTIVATION_LEAKY_RELU) {
        const slope = v128.bitselect(one, f32x4.splat(NEGATIVE_SLOPE), f32x4.gt(out, zero));
        v128.store(dh + at, f32x4.mul(d, slope));
      } else if (activation == ACTIVATION_ELU) {
        const slope = v128.bitselect(f32x4.add(out, one), one, f32x4.lt(out, zero));
        v128.store(dh + at, f32x4.mul(d, slope));
      } else if (activation == ACTIVATION_SELU) {
        const below = f32x4.add(out, f32x4.splat(<f32>SELU_SCALE_ALPHA));
        const slope = v128.bitselect(below, f32x4.splat(<f32>SELU_SCALE), f32x4.lt(out, zero));
        v128.store(dh + at, f32x4.mul(d, slope));
      } else {
        v128.store(dh + at, f32x4.mul(d, v128.load(slopes + at)));
      }
    }
    h += panelBytes;
    dh += panelBytes;
    slopes += panelBytes;
  }
}
