import { z } from 'zod';

/** How well the finished model does on the test rows. */

const rows = z.int().gte(1).meta({ description: 'Number of test rows.' });
const index = z.int().gte(0).meta({ description: 'Row in the test set, from 0.' });
const share = z.number().gte(0).lte(1);

/** Of a model that predicts classes. */
export const ClassEvaluationSchema = z
  .strictObject({
    object: z.literal('evaluation'),
    task: z
      .literal('classification')
      .optional()
      .meta({ description: 'Missing in jobs that ended under an older version.' }),
    rows,
    loss: z.number(),
    accuracy: share,
    confusion_matrix: z
      .array(z.array(z.int().gte(0)))
      .meta({ description: 'confusion_matrix[i][j] = rows of true class i that were predicted as class j.' }),
    classes: z
      .array(
        z.strictObject({
          label: z.string(),
          precision: share.meta({
            description:
              'Share of the rows predicted as this class that belong to it; 0 if no row was predicted as it.',
          }),
          recall: share.meta({
            description:
              'Share of the rows of this class that were predicted as it; 0 if the class has no rows.',
          }),
          f1: share.meta({ description: 'Harmonic mean of precision and recall; 0 if both are 0.' }),
          support: z.int().gte(0).meta({ description: 'Test rows of this class.' }),
        }),
      )
      .meta({ description: 'One entry per class, in the order of the confusion matrix.' }),
    worst_mistakes: z
      .array(
        z.strictObject({
          index,
          label: z.string().meta({ description: 'The true class.' }),
          predicted: z.string().meta({ description: 'The class the model chose.' }),
          probability: share.meta({ description: 'The probability the model gave to the class it chose.' }),
          loss: z.number().gte(0),
        }),
      )
      .max(20)
      .meta({ description: 'The misclassified rows with the highest loss, worst first; at most 20.' }),
  })
  .meta({ id: 'ClassEvaluation' });

export type ClassEvaluation = z.output<typeof ClassEvaluationSchema>;

/** Of a model that predicts a number. All but `loss` and `r2` are in the unit of the data. */
export const NumberEvaluationSchema = z
  .strictObject({
    object: z.literal('evaluation'),
    task: z.literal('regression'),
    rows,
    loss: z.number().gte(0).meta({ description: 'Mean loss of the standardised numbers.' }),
    mae: z.number().gte(0).meta({ description: 'Mean absolute error, in the unit of the data.' }),
    rmse: z
      .number()
      .gte(0)
      .meta({ description: 'Square root of the mean squared error, in the unit of the data.' }),
    r2: z.number().lte(1).nullable().meta({
      description:
        'Share of the variance of the test rows that the model explains: 1 is perfect, 0 as good as their mean; null if they are all the same.',
    }),
    residuals: z
      .strictObject({
        edges: z
          .array(z.number())
          .meta({ description: 'Of the bins, from the smallest residual to the largest.' }),
        counts: z.array(z.int().gte(0)).meta({
          description:
            'Rows from edges[i] to edges[i + 1]; one on an edge counts above it, except on the last.',
        }),
      })
      .meta({
        description: 'Histogram of actual - predicted, in the unit of the data: 20 bins of one width.',
      }),
    worst_rows: z
      .array(
        z.strictObject({
          index,
          actual: z.number().meta({ description: 'The true number.' }),
          predicted: z.number().meta({ description: 'The number that the model gave.' }),
          loss: z.number().gte(0),
        }),
      )
      .max(20)
      .meta({ description: 'The rows with the highest loss, worst first; at most 20.' }),
  })
  .meta({ id: 'NumberEvaluation' });

export type NumberEvaluation = z.output<typeof NumberEvaluationSchema>;

export const EvaluationSchema = z.union([ClassEvaluationSchema, NumberEvaluationSchema]).meta({
  id: 'Evaluation',
  description: '`task` says which: of classes (missing in those of older versions) or of numbers.',
});

export type Evaluation = z.output<typeof EvaluationSchema>;
