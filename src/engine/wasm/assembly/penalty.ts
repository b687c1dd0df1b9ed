import {
  INPUTS,
  L1,
  L1_SLOPE,
  L2,
  L2_SLOPE,
  LAYER_RECORD_BYTES,
  LAYER_RECORDS,
  LAYERS,
  OUTPUTS,
  PANEL_BYTES,
  PANEL_COLUMNS,
  WEIGHTS,
} from '../../kernel/header.ts';

/** l1 and l2 (rule 14). */

/** The gradient of four weights with that of l1 and l2: (g + l1 * sign(w)) + (2 * l2) * w. w: their address. */
@inline
export function penalised(w: usize, g: v128): v128 {
  const weights = v128.load(w);
  const zero = f32x4.splat(0);
  const l1 = v128.load32_splat(0, L1_SLOPE);
  const positive = v128.and(l1, f32x4.gt(weights, zero));
  const negative = v128.and(l1, f32x4.lt(weights, zero));
  const sign = f32x4.sub(positive, negative);
  return f32x4.add(f32x4.add(g, sign), f32x4.mul(v128.load32_splat(0, L2_SLOPE), weights));
}

/** l1 * sum |w| + l2 * sum w^2 over the kernels. */
export function penalty(): f64 {
  let sizes: f64 = 0;
  let squares: f64 = 0;
  const layers = load<u32>(0, LAYERS);
  for (let l: u32 = 0; l < layers; l += 1) {
    const layer = LAYER_RECORDS + l * LAYER_RECORD_BYTES;
    const rowsBytes = load<u32>(layer, INPUTS) * PANEL_BYTES;
    const O = load<u32>(layer, OUTPUTS);
    let panel = load<usize>(layer, WEIGHTS);
    let sizesOf: f64 = 0;
    let squaresOf: f64 = 0;
    for (let first: u32 = 0; first < O; first += PANEL_COLUMNS) {
      // Two columns at a time; those of the padding are 0.
      for (let column = panel; column < panel + PANEL_BYTES; column += 8) {
        let a = f64x2.splat(0);
        let q = f64x2.splat(0);
        for (let at = column; at < column + rowsBytes; at += PANEL_BYTES) {
          const w = f64x2.promote_low_f32x4(v128.load64_zero(at));
          a = f64x2.add(a, f64x2.abs(w));
          q = f64x2.add(q, f64x2.mul(w, w));
        }
        sizesOf = sizesOf + f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
        squaresOf = squaresOf + f64x2.extract_lane(q, 0) + f64x2.extract_lane(q, 1);
      }
      panel += rowsBytes + PANEL_BYTES;
    }
    sizes += sizesOf;
    squares += squaresOf;
  }
  return load<f64>(0, L1) * sizes + load<f64>(0, L2) * squares;
}
