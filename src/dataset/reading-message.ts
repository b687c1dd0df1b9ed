import { z } from 'zod';
import { DataShapeSchema } from '../contract/data-shape.ts';
import { DatasetFormatSchema, StoredDatasetSchema } from '../contract/dataset.ts';
import { PlaceSchema } from '../contract/problem.ts';

/** The messages between an API and the process that reads an upload for it. Both sides parse what they receive. */

export const ReadTaskSchema = z.strictObject({
  name: z.string(),
  format: DatasetFormatSchema,
  /** As text, from the query. */
  options: z.record(z.string(), z.unknown()),
  /** The folder of the upload: it has the body, and gets the rows and the description. */
  folder: z.string().min(1),
  limits: z.strictObject({ unpackedBytes: z.number(), preparedBytes: z.number() }),
});
export type ReadTask = z.output<typeof ReadTaskSchema>;

export const ReadAnswerSchema = z.discriminatedUnion('type', [
  /** bytes: of the files that were written, which are on disk. */
  z.strictObject({
    type: z.literal('made'),
    stored: StoredDatasetSchema.extend({ shape: DataShapeSchema }),
    bytes: z.int().gte(0),
  }),
  z.strictObject({ type: z.literal('refused'), message: z.string(), places: z.array(PlaceSchema) }),
  /** The disk is full. */
  z.strictObject({ type: z.literal('no_room') }),
  z.strictObject({ type: z.literal('no_memory') }),
]);
export type ReadAnswer = z.output<typeof ReadAnswerSchema>;
