import { z } from 'zod';

/** Keras's names. The last three are for a number; huber has Keras's delta, 1. */
export const LossSchema = z.enum(['categorical_crossentropy', 'mse', 'mae', 'huber']);

export type Loss = z.output<typeof LossSchema>;
