import {
  BATCH_PANEL_BYTES,
  DROPOUT_SCALE,
  DROPOUT_THRESHOLD,
  JOB_STEP,
  PANEL_BYTES,
  PANEL_COLUMNS,
  SEED,
} from '../../kernel/header.ts';

/** Dropout as in ../../dropout.ts, with the hash from ../../random.ts, for four outputs at a time. */

const GOLDEN_RATIO: u32 = 0x9e3779b9;

function mix(x: u32): u32 {
  let h = (x ^ (x >> 16)) * 0x7feb352d;
  h = (h ^ (h >> 15)) * 0x846ca68b;
  return h ^ (h >> 16);
}

@inline
function mix4(x: v128): v128 {
  let h = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 16)), i32x4.splat(0x7feb352d));
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 15)), i32x4.splat(0x846ca68b));
  return v128.xor(h, i32x4.shr_u(h, 16));
}

/**
 * kept[r, j] = u32(seed, layer, step, r * O + j) >= threshold ? h[r, j] * scale : +0, where step is the current one.
 * kept, h: (P, B, 16); they may be the same buffer.
 */
export function applyDropout(kept: usize, h: usize, layer: u32, B: u32, O: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  let hash = mix(load<u32>(0, SEED) + GOLDEN_RATIO);
  hash = mix(hash ^ mix(layer + GOLDEN_RATIO));
  hash = mix(hash ^ mix(load<u32>(0, JOB_STEP) + 1 + GOLDEN_RATIO));
  const prefix = i32x4.splat(hash);
  const threshold = v128.load32_splat(0, DROPOUT_THRESHOLD);
  const scale = v128.load32_splat(0, DROPOUT_SCALE);
  for (let first: u32 = 0; first < O; first += PANEL_COLUMNS) {
    for (let r: u32 = 0; r < B; r += 1) {
      for (let c: u32 = 0; c < <u32>PANEL_COLUMNS; c += 4) {
        const at = r * PANEL_BYTES + (c << 2);
        const place = i32x4.add(i32x4.splat(r * O + first + c + GOLDEN_RATIO), i32x4(0, 1, 2, 3));
        const drawn = mix4(v128.xor(prefix, mix4(place)));
        const scaled = f32x4.mul(v128.load(h + at), scale);
        v128.store(kept + at, v128.and(scaled, i32x4.ge_u(drawn, threshold)));
      }
    }
    h += panelBytes;
    kept += panelBytes;
  }
}
