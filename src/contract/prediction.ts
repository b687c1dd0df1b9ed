import { z } from 'zod';

/** Asking a model. */

/** Rows in one request. */
export const MOST_ROWS = 1_000;

/** Bytes of a body with rows as bytes or of a picture; JSON and CSV may have a quarter of that. */
export const MOST_BYTES = 1024 * 1024;
export const MOST_TEXT_BYTES = 256 * 1024;

/** Pixels along a side of a picture. */
export const MOST_SIDE = 2048;

export const FitSchema = z.enum(['mnist', 'stretch', 'none']);
export type Fit = z.output<typeof FitSchema>;

/** Which checkpoint answers: the newest, or that of an epoch. */
export const CheckpointChoiceSchema = z.union([z.enum(['latest']), z.int().gte(1).lte(1000)]);
export type CheckpointChoice = z.output<typeof CheckpointChoiceSchema>;

/** What a table has in a row and column; null where it has nothing. */
const CellSchema = z.union([z.number(), z.string(), z.boolean(), z.null()]);
export type Cell = z.output<typeof CellSchema>;

const RowSchema = z.union([z.array(CellSchema), z.record(z.string(), CellSchema)]);
export type TableRow = z.output<typeof RowSchema>;

export const PredictRequestSchema = z
  .strictObject({
    inputs: z.array(RowSchema).min(1).max(MOST_ROWS).meta({
      description:
        'Rows in the dataset\'s own units: for images, their bytes row by row, 0 (background) to 255; for tables, the numbers and texts of their columns, in order, or by name: { "mass": 3750, "island": "Dream" }. null stands for a missing value. Columns that the model does not know are ignored.',
    }),
  })
  .meta({ id: 'PredictRequest' });

/** The same of a model that knows no columns. */
export const NumericRequestSchema = z.strictObject({
  inputs: z.array(z.array(z.number())).min(1).max(MOST_ROWS),
});

const answer = {
  epoch: z.int().gte(1).meta({
    description:
      'How many epochs the model was trained: of a finished job, those up to the weights that it has, all or those up to its best epoch; else, and with `checkpoint` of an epoch, those up to the checkpoint.',
  }),
  weights_sha256: z.string(),
  seen: z
    .array(z.array(z.number()))
    .optional()
    .meta({ description: 'Only for a picture: the pixels that the model saw, row by row.' }),
};

const perRow = <Schema extends z.ZodType>(schema: Schema) =>
  z.array(schema).meta({ description: 'One entry per row, in the order of the request.' });

const ClassPredictionsSchema = z
  .strictObject({
    object: z.literal('list'),
    task: z.literal('classification'),
    data: perRow(
      z.strictObject({
        label: z.string().meta({ description: 'The class with the highest probability.' }),
        class: z.int().gte(0).meta({ description: 'Its index among the classes.' }),
        probability: z.number().gte(0).lte(1),
        probabilities: z
          .array(z.number().gte(0).lte(1))
          .meta({ description: 'One for each class, in order.' }),
      }),
    ),
    classes: z.array(z.string()),
    ...answer,
  })
  .meta({ id: 'ClassPredictions' });

export type ClassPredictions = z.output<typeof ClassPredictionsSchema>;

const NumberPredictionsSchema = z
  .strictObject({
    object: z.literal('list'),
    task: z.literal('regression'),
    data: perRow(
      z.strictObject({ value: z.number().meta({ description: 'The number, in the unit of the data.' }) }),
    ),
    ...answer,
  })
  .meta({ id: 'NumberPredictions' });

export const PredictionListSchema = z
  .discriminatedUnion('task', [ClassPredictionsSchema, NumberPredictionsSchema])
  .meta({ id: 'PredictionList' });

export type PredictionList = z.output<typeof PredictionListSchema>;
