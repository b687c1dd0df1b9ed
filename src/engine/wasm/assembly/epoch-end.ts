import {
  DECAYS,
  EPOCH_STEP,
  INPUTS,
  LAYER_RECORDS,
  OUTPUTS,
  PANEL_BYTES,
  PANEL_COLUMNS,
  PARAMETERS,
  PARAMETERS_END,
  SLOT_DISTANCE,
  UPDATED_AT,
  WEIGHTS,
} from '../../kernel/header.ts';
import { flushed } from './flushed.ts';

/** The end of an epoch, and a check of the process. */

/** Brings rmsprop's mean squares up to date for rows that the last steps of the epoch skipped. */
export function settleRows(): void {
  const decays = load<usize>(0, DECAYS);
  if (decays == 0) return;
  const updatedAt = load<usize>(0, UPDATED_AT);
  const step = load<u32>(0, EPOCH_STEP);
  const I = load<u32>(LAYER_RECORDS, INPUTS);
  const P = (load<u32>(LAYER_RECORDS, OUTPUTS) + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
  const meanSquares = load<usize>(LAYER_RECORDS, WEIGHTS) + load<usize>(0, SLOT_DISTANCE);
  for (let i: u32 = 0; i < I; i += 1) {
    const elapsed = step - load<u32>(updatedAt + (i << 2));
    if (elapsed == 0) continue;
    const decay = v128.load32_splat(decays + (elapsed << 2));
    for (let p: u32 = 0; p < P; p += 1) {
      const row = meanSquares + (p * (I + 1) + i) * PANEL_BYTES;
      for (let at = row; at < row + PANEL_BYTES; at += 16) {
        v128.store(at, flushed(f32x4.mul(decay, v128.load(at))));
      }
    }
  }
  memory.fill(updatedAt, 0, I << 2);
}

/** Whether all weights and slots are finite: v - v is 0 if v is finite, otherwise NaN. Padding is always finite. */
export function isFinite(): bool {
  const end = load<usize>(0, PARAMETERS_END);
  let seen = f32x4.splat(0);
  for (let at = load<usize>(0, PARAMETERS); at < end; at += 16) {
    const values = v128.load(at);
    seen = v128.or(seen, f32x4.sub(values, values));
  }
  return !v128.any_true(seen);
}

/**
 * Whether half of the smallest normal float32 is not 0: a library built with fast-math can switch denormals off for the
 * whole process, and then the bits differ from those of other machines. smallest: 2^-126, passed as an argument so that
 * the compiler cannot compute the result.
 */
export function denormalsAreAlive(smallest: f32): bool {
  return smallest * 0.5 != 0;
}
