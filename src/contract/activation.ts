import { z } from 'zod';

/** The activations of hidden layers, by Keras's names. The formulas are in src/engine/reference/activations.ts. */
export const ActivationSchema = z
  .enum(['relu', 'tanh', 'sigmoid', 'leaky_relu', 'elu', 'selu', 'gelu_tanh', 'silu', 'softplus', 'linear'])
  .meta({
    id: 'Activation',
    description:
      "Activation of every hidden layer, as Keras's of the same name. leaky_relu: negative_slope 0.2; elu: alpha 1. gelu_tanh is Keras's gelu with approximate=True (its default uses erf).",
  });

export type Activation = z.output<typeof ActivationSchema>;
