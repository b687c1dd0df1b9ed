import { BATCH_PANEL_BYTES, PANEL_BYTES } from '../kernel-header.ts';

/** What stands behind each hidden layer. h, dh: (P, B, 16), P panels of outputs, B rows of this batch. */

/** h = max(h, 0). NaN stays NaN: pmax(h, 0) is h < 0 ? 0 : h. */
export function reluForward(h: usize, B: u32, P: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  for (let p: u32 = 0; p < P; p += 1) {
    const end = h + panelBytes * p + B * PANEL_BYTES;
    for (let at = h + panelBytes * p; at < end; at += 16) {
      v128.store(at, f32x4.pmax(v128.load(at), f32x4.splat(0)));
    }
  }
}

/** dh = h > 0 ? dh : 0, with h the layer's output. */
export function reluBackward(dh: usize, h: usize, B: u32, P: u32): void {
  const panelBytes = load<usize>(0, BATCH_PANEL_BYTES);
  for (let p: u32 = 0; p < P; p += 1) {
    for (let offset: usize = 0; offset < B * PANEL_BYTES; offset += 16) {
      const at = offset + panelBytes * p;
      const lit = f32x4.gt(v128.load(h + at), f32x4.splat(0));
      v128.store(dh + at, v128.and(v128.load(dh + at), lit));
    }
  }
}
