import { z } from 'zod';

/**
 * What a dataset's name meant when the job was created: the shape of the data, and the hash of their content. The name
 * is resolved once; record, trainer, checkpoint and prepared file then identify the data by this shape.
 */
export const DataShapeSchema = z
  .strictObject({
    /** Shown to people and used to find the source files. It becomes part of a file name. */
    dataset: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/),
    /** Hash of the content (dataset/content.ts), the same on every machine. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    kind: z.enum(['images', 'table']),
    /** What is predicted: a class, or a number. */
    task: z.enum(['classification', 'regression']),
    /** Values per row: height * width * channels, or what the columns of a table give. */
    inputs: z.int().gte(1),
    /** null for a table. */
    image: z
      .strictObject({ height: z.int().gte(1), width: z.int().gte(1), channels: z.int().gte(1) })
      .nullable(),
    /** The model's outputs per row: one for each class, or 1 for a number. */
    outputs: z.int().gte(1),
    /** Class i of the labels is called classes[i]; null for a number. */
    classes: z.array(z.string()).min(2).nullable(),
    /**
     * How a number was standardised: target = (number - mean) / deviation. There exactly for regression; optional, so that
     * the content hashes of data with classes do not depend on it.
     */
    target: z.strictObject({ mean: z.number(), deviation: z.number().positive() }).optional(),
    rows: z.strictObject({ train: z.int().gte(1), test: z.int().gte(1) }),
    /** How a value is stored: a byte, which the model sees divided by 255, or a float32, which it sees as it is. */
    storage: z.enum(['u8', 'f32']),
  })
  .refine(({ kind, image }) => (kind === 'images') === (image !== null), {
    error: 'images have an image, and tables none',
  })
  .refine(({ inputs, image }) => image === null || inputs === image.height * image.width * image.channels, {
    error: 'inputs must be height * width * channels',
  })
  .refine(({ outputs, classes }) => outputs === (classes?.length ?? 1), {
    error: 'outputs must be the number of classes, or 1 for a number',
  })
  .refine(
    ({ task, classes, target }) =>
      (task === 'classification') === (classes !== null) &&
      (task === 'regression') === (target !== undefined),
    { error: 'classification needs classes, and regression a target' },
  );

export type DataShape = Readonly<z.output<typeof DataShapeSchema>>;
