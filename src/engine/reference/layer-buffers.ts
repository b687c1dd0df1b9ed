import { ACTIVATION_TRAITS } from '../activation-traits.ts';
import type { EngineOptions } from '../engine.ts';

/** A layer's views into the flat buffers, and its buffers for one batch. B = batch size. */
export interface LayerBuffers {
  readonly I: number;
  readonly O: number;
  /** (I, O) and (O), views into the weights. */
  readonly W: Float32Array;
  readonly b: Float32Array;
  /** (I, O) and (O), views into the gradients. */
  readonly dW: Float32Array;
  readonly db: Float32Array;
  /** (B, O): the layer's outputs; for the last layer, the logits. */
  readonly out: Float32Array;
  /** (B, O): the derivatives of the activation, or empty if it keeps none. */
  readonly slopes: Float32Array;
  /** (B, O): the next layer's inputs in training: `out` after dropout, or `out` itself without dropout. */
  readonly kept: Float32Array;
  /** (B, O): the gradient of the batch's mean loss with respect to the layer's sums x W + b. */
  readonly dz: Float32Array;
}

/** The buffers of each layer. weights, gradients: (P), in the layout's order; the views write through. */
export function layerBuffers(
  weights: Float32Array,
  gradients: Float32Array,
  { layout, batchSize: B, activation, dropout }: EngineOptions,
): LayerBuffers[] {
  const { keepsSlopes } = ACTIVATION_TRAITS[activation];
  return layout.layers.map(({ inputs: I, outputs: O, weightsOffset, biasesOffset }) => {
    const out = new Float32Array(B * O);
    return {
      I,
      O,
      W: weights.subarray(weightsOffset, weightsOffset + I * O),
      b: weights.subarray(biasesOffset, biasesOffset + O),
      dW: gradients.subarray(weightsOffset, weightsOffset + I * O),
      db: gradients.subarray(biasesOffset, biasesOffset + O),
      out,
      slopes: new Float32Array(keepsSlopes ? B * O : 0),
      kept: dropout > 0 ? new Float32Array(B * O) : out,
      dz: new Float32Array(B * O),
    };
  });
}
