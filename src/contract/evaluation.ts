import { z } from 'zod';

/** How well the finished model does on the test rows. */
export const EvaluationSchema = z
  .strictObject({
    object: z.literal('evaluation'),
    rows: z.int().gte(1).meta({ description: 'Number of test rows.' }),
    loss: z.number(),
    accuracy: z.number().gte(0).lte(1),
    confusion_matrix: z
      .array(z.array(z.int().gte(0)))
      .meta({ description: 'confusion_matrix[i][j] = rows of true class i that were predicted as class j.' }),
    classes: z
      .array(
        z.strictObject({
          label: z.string(),
          precision: z.number().gte(0).lte(1).meta({
            description:
              'Share of the rows predicted as this class that belong to it; 0 if no row was predicted as it.',
          }),
          recall: z.number().gte(0).lte(1).meta({
            description:
              'Share of the rows of this class that were predicted as it; 0 if the class has no rows.',
          }),
          f1: z
            .number()
            .gte(0)
            .lte(1)
            .meta({ description: 'Harmonic mean of precision and recall; 0 if both are 0.' }),
          support: z.int().gte(0).meta({ description: 'Test rows of this class.' }),
        }),
      )
      .meta({ description: 'One entry per class, in the order of the confusion matrix.' }),
    worst_mistakes: z
      .array(
        z.strictObject({
          index: z.int().gte(0).meta({ description: 'Row in the test set, from 0.' }),
          label: z.string().meta({ description: 'The true class.' }),
          predicted: z.string().meta({ description: 'The class the model chose.' }),
          probability: z
            .number()
            .gte(0)
            .lte(1)
            .meta({ description: 'The probability the model gave to the class it chose.' }),
          loss: z.number().gte(0),
        }),
      )
      .max(20)
      .meta({ description: 'The misclassified rows with the highest loss, worst first; at most 20.' }),
  })
  .meta({ id: 'Evaluation' });

export type Evaluation = z.output<typeof EvaluationSchema>;
