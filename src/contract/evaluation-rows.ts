import { z } from 'zod';

/** The test rows of a cell of the confusion matrix, or those of a model that predicts a number. */

export const MOST_EVALUATED_ROWS = 400;

const ValueSchema = z.union([z.string(), z.number()]);

export const EvaluationRowsSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(
      z.strictObject({
        index: z.int().gte(0).meta({ description: 'Row in the test set, from 0.' }),
        actual: ValueSchema.meta({ description: 'The true class, or number in the unit of the data.' }),
        predicted: ValueSchema.meta({ description: 'The class that the model chose, or its number.' }),
      }),
    ),
    total: z.int().gte(0).meta({ description: 'How many rows there are, on all pages.' }),
    next: z.string().nullable().meta({ description: 'The next page, as a path; null on the last one.' }),
    links: z.strictObject({
      self: z.string(),
      images: z
        .string()
        .nullable()
        .meta({ description: 'The images of these rows in one PNG; null where the rows are no images.' }),
    }),
  })
  .meta({ id: 'EvaluationRows', description: 'In the order of the test set.' });

export type EvaluationRows = z.output<typeof EvaluationRowsSchema>;
