/**
 * The place of each weight of a model. All parameters are in one flat float32 buffer, in the order
 * W1 b1 W2 b2 ... (rule 11), so that an optimizer is one loop, a hash one pass, and a checkpoint one copy.
 *
 * Dims: I = inputs of a layer, O = outputs of a layer. W is (I, O), row-major: W[i, o] = buffer[i * O + o].
 */

/** A dense layer's place in the flat buffer. Offsets count float32 elements. */
export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** Where W, (inputs, outputs), starts. */
  readonly weightsOffset: number;
  /** Where b, (outputs), starts. */
  readonly biasesOffset: number;
}

export interface ModelLayout {
  readonly inputs: number;
  readonly outputs: number;
  /** From input to output; the last one gives the logits, or the number. */
  readonly layers: readonly DenseLayer[];
  /** Total number of weights and biases. */
  readonly parameters: number;
}

/**
 * Lays out dense layers inputs -> hiddenUnits[0] -> ... -> outputs.
 *
 * All sizes are integers >= 1; without hidden units there is one layer, from inputs to outputs.
 */
export function modelLayout(inputs: number, hiddenUnits: readonly number[], outputs: number): ModelLayout {
  const widths = [inputs, ...hiddenUnits, outputs];
  if (!widths.every((width) => Number.isInteger(width) && width >= 1)) {
    throw new Error(`every layer needs at least one unit, got ${widths.join(' -> ')}`);
  }
  const layers: DenseLayer[] = [];
  let offset = 0;
  for (let l = 0; l + 1 < widths.length; l += 1) {
    const [I, O] = [widths[l], widths[l + 1]];
    layers.push({ inputs: I, outputs: O, weightsOffset: offset, biasesOffset: offset + I * O });
    offset += I * O + O;
  }
  return { inputs, outputs, layers, parameters: offset };
}

/** The number of weights and biases of a model. */
export function countParameters(inputs: number, hiddenUnits: readonly number[], outputs: number): number {
  return modelLayout(inputs, hiddenUnits, outputs).parameters;
}
