import { z } from 'zod';
import { DEFAULT_TEST_SPLIT } from './split.ts';

/** The query options of uploads. Values arrive as text. */

/** A parameter that is a number: its text is converted, and anything else is left for the schema to refuse. */
const queryNumber = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess(
    (text) =>
      typeof text === 'string' && /^\d{0,15}(?:\.\d{1,15})?$/.test(text) && text !== '' ? Number(text) : text,
    schema,
  );

/** What every format takes. */
export const DatasetOptionsSchema = z.strictObject({
  test_split: queryNumber(z.number().gt(0).lt(1))
    .optional()
    .meta({
      description: `The share of the rows that is kept for testing, above 0 and below 1; ${DEFAULT_TEST_SPLIT} if you do not say. Of classes, each gives this share. Only for files that do not divide the rows themselves. The same file gives the same rows everywhere.`,
      examples: [0.2],
    }),
});
