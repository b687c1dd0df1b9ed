import { z } from 'zod';

/** A parameter that is an integer: its text is converted, and anything else is left for the schema to refuse. */
export const queryInteger = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((text) => (typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : text), schema);
