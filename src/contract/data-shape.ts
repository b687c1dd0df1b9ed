import { z } from 'zod';

/**
 * What a dataset's name meant when the job was created: the shape that the data give a model, and the hash of their
 * content. The name is resolved once; record, trainer, checkpoint and prepared file know the data by this.
 */
export const DataShapeSchema = z
  .strictObject({
    /** For people, and to find the source files. It becomes part of a file's name. */
    dataset: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/),
    /** Of the prepared content (dataset/content.ts), the same on every machine. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    kind: z.literal('images'),
    task: z.literal('classification'),
    /** What one row feeds into the model: height * width * channels. */
    inputs: z.int().gte(1),
    image: z.strictObject({ height: z.int().gte(1), width: z.int().gte(1), channels: z.int().gte(1) }),
    /** What the model puts out for a row: as many as there are classes. */
    outputs: z.int().gte(2),
    /** Class i of the labels is called classes[i]. */
    classes: z.array(z.string()).min(2),
    rows: z.strictObject({ train: z.int().gte(1), test: z.int().gte(1) }),
    /** How a value is stored: one byte, 0 to 255, of which the model sees a 255th. */
    storage: z.literal('u8'),
  })
  .refine(({ inputs, image }) => inputs === image.height * image.width * image.channels, {
    error: 'inputs must be height * width * channels',
  })
  .refine(({ outputs, classes }) => outputs === classes.length, {
    error: 'there must be an output for each class',
  });

export type DataShape = Readonly<z.output<typeof DataShapeSchema>>;
