import type { Activation } from '../contract/activation.ts';

/**
 * The properties of each activation that all engines need. A new one does not compile until it is listed.
 *
 * The formulas are in reference/activations.ts.
 */
interface ActivationTraits {
  /** Whether an output needs an exp. */
  readonly isCurved: boolean;
  /**
   * Whether the derivative is computed with the output, from the sum z, and kept for backward; otherwise backward
   * computes it from the output. gelu_tanh and silu are not monotone, so that an output does not tell its z; of softplus
   * it would cost another exp.
   */
  readonly keepsSlopes: boolean;
}

export const ACTIVATION_TRAITS: { readonly [Name in Activation]: ActivationTraits } = {
  relu: { isCurved: false, keepsSlopes: false },
  tanh: { isCurved: true, keepsSlopes: false },
  sigmoid: { isCurved: true, keepsSlopes: false },
  leaky_relu: { isCurved: false, keepsSlopes: false },
  elu: { isCurved: true, keepsSlopes: false },
  selu: { isCurved: true, keepsSlopes: false },
  gelu_tanh: { isCurved: true, keepsSlopes: true },
  silu: { isCurved: true, keepsSlopes: true },
  softplus: { isCurved: true, keepsSlopes: true },
  linear: { isCurved: false, keepsSlopes: false },
};
