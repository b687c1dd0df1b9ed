import type { Slot } from '../engine.ts';
import { SMALLEST_NORMAL } from '../optimizer-state.ts';

/**
 * Keras's update rules in Keras's order of operations (keras/src/optimizers/, 3.15); every
 * operation is rounded to float32 immediately (rule 12).
 *
 * In the formulas w = a weight, g = its gradient, lr = learning rate; the other letters are slots: buffers
 * shaped like the weights, one value per parameter. Hyper-parameters and constants derived from them are computed
 * in float64 and rounded to float32 once.
 */
export interface UpdateRule {
  /** In the order in which they are saved. */
  readonly slots: readonly Slot[];
  /** Running products in float64 (adam and its kin); otherwise empty. */
  readonly powers: Float64Array;
  /** As skipsUntouchedRows() says. */
  readonly skipsUntouchedRows: boolean;
  /** Called once before the updates of each step, with its learning rate. */
  beginStep(rate: number): void;
  /**
   * Updates the parameters from .. to - 1. weights, gradients: (P).
   *
   * elapsed: steps since these parameters' last update, this one included; 1 unless rows are skipped.
   */
  update(weights: Float32Array, gradients: Float32Array, from: number, to: number, elapsed: number): void;
  /** Brings the slots of skipped parameters to the values that `elapsed` updates with gradient 0 would give. */
  settle(from: number, to: number, elapsed: number): void;
}

const { abs } = Math;

/** The value of a decaying slot: 0 where it would be denormal (rule 13). NaN stays NaN. */
export function flushed(value: number): number {
  return abs(value) < SMALLEST_NORMAL ? 0 : value;
}

/** A slot's buffer; empty if the optimizer does not have this slot. */
export function values(slots: readonly Slot[], name: string): Float32Array {
  return slots.find((slot) => slot.name === name)?.values ?? new Float32Array(0);
}
