import { u32 } from './random.ts';

/**
 * Dropout (rule 4) behind a hidden layer's activation, in training only: each output is kept with probability 1 - rate and
 * then scaled by 1 / (1 - rate), so that sums keep their size; the others are +0.
 *
 * Srivastava, Hinton et al.: Dropout: a simple way to prevent neural networks from overfitting (2014), in the
 * "inverted" form that scales in training rather than afterwards.
 *
 * Dims: B = rows of this batch, O = outputs of the layer. All row-major.
 */

/** Whether an output is kept is a hash of (seed, layer, step, its place in the batch): nothing to save or restore. */
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

/** Outputs whose hash is below it are dropped. */
export function dropoutThreshold(rate: number): number {
  return Math.floor(rate * TWO_TO_32);
}

/** What kept outputs are multiplied with. */
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
