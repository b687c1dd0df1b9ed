import { z } from 'zod';

/** The checkpoints that a job keeps. */

const CheckpointSchema = z
  .strictObject({
    object: z.literal('checkpoint'),
    epoch: z.int().gte(1).meta({ description: 'Epochs finished.' }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .meta({ description: 'Of the file.' }),
    bytes: z.int().gte(1),
    links: z.strictObject({ self: z.string().meta({ description: 'The file.' }) }),
  })
  .meta({ id: 'Checkpoint' });

export const CheckpointListSchema = z
  .strictObject({ object: z.literal('list'), data: z.array(CheckpointSchema), has_more: z.literal(false) })
  .meta({ id: 'CheckpointList' });

export type CheckpointList = z.output<typeof CheckpointListSchema>;
