import type { Activation } from '../contract/activation.ts';

/**
 * The properties of each activation that all engines need. A new one does not compile until it is listed.
 *
 * The formulas are in reference/activations.ts.
 */
interface ActivationTraits {
  /**
   * Whether the derivative is computed with the output, from the sum z, and kept for backward; otherwise backward
   * computes it from the output. gelu_tanh and silu are not monotone, so that an output does not tell its z; of softplus
   * it would cost another exp.
   */
  readonly keepsSlopes: boolean;
}

export const ACTIVATION_TRAITS: { readonly [Name in Activation]: ActivationTraits } = {
  relu: { keepsSlopes: false },
  tanh: { keepsSlopes: false },
  sigmoid: { keepsSlopes: false },
  leaky_relu: { keepsSlopes: false },
  elu: { keepsSlopes: false },
  selu: { keepsSlopes: false },
  gelu_tanh: { keepsSlopes: true },
  silu: { keepsSlopes: true },
  softplus: { keepsSlopes: true },
  linear: { keepsSlopes: false },
};
