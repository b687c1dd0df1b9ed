import { u32 } from './random.ts';

/**
 * Dropout (rule 4) after a hidden layer's activation, in training only: each output is kept with probability 1 - rate
 * and scaled by 1 / (1 - rate), so that sums keep their expected size; the others become +0.
 *
 * Srivastava, Hinton et al.: Dropout: a simple way to prevent neural networks from overfitting (2014), in the
 * "inverted" form, which scales in training rather than afterwards.
 *
 * Dims: B = rows of this batch, O = outputs of the layer. All row-major.
 */

/** A hash of (seed, layer, step, place in the batch) decides whether an output is kept: there is no state to save. */
export interface DropoutMask {
  readonly seed: number;
  /** 0 = the first hidden layer. */
  readonly layer: number;
  /** Of the whole job, counted from 1. */
  readonly step: number;
  /** 0 to less than 1. */
  readonly rate: number;
}

const { fround } = Math;

const TWO_TO_32 = 4_294_967_296;

/** Outputs whose hash is below the threshold are dropped. */
export function dropoutThreshold(rate: number): number {
  return Math.floor(rate * TWO_TO_32);
}

/** The factor for the outputs that are kept. */
export function dropoutScale(rate: number): number {
  return fround(1 / (1 - rate));
}

/** dropped[r, j] = kept ? h[r, j] * scale : +0.   dropped, h: (B, O); they may be the same buffer. */
export function applyDropout(
  dropped: Float32Array,
  h: Float32Array,
  { seed, layer, step, rate }: DropoutMask,
  B: number,
  O: number,
): void {
  const threshold = dropoutThreshold(rate);
  const scale = dropoutScale(rate);
  for (let k = 0; k < B * O; k += 1) {
    dropped[k] = u32(seed, layer, step, k) >= threshold ? h[k] * scale : 0;
  }
}
