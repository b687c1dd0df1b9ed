import { z } from 'zod';

/**
 * Text of min to max characters, counted as JSON Schema counts them: in code points, not UTF-16 units.
 * A lone surrogate has no UTF-8 form, so it could not be stored as it was sent.
 */
export const text = (min: number, max: number) =>
  z
    .string()
    .refine(
      (value) => {
        const characters = value.length > 2 * max ? value.length : [...value].length;
        return characters >= min && characters <= max && !/\p{Surrogate}/u.test(value);
      },
      { error: `must be well-formed text of ${min} to ${max} characters` },
    )
    .meta(min > 0 ? { minLength: min, maxLength: max } : { maxLength: max });
