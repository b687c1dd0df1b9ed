import { z } from 'zod';

/** How kernels begin, by Keras's names. The formulas are in src/engine/initial-weights.ts. */
export const InitializerSchema = z.enum([
  'glorot_uniform',
  'glorot_normal',
  'he_uniform',
  'he_normal',
  'lecun_uniform',
  'lecun_normal',
  'zeros',
]);

/** Of every layer: all zeros in front of others would never learn. */
export const KernelInitializerSchema = InitializerSchema.exclude(['zeros']);

export type Initializer = z.output<typeof InitializerSchema>;
