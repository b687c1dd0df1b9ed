import { z } from 'zod';
import { DataShapeSchema } from '../contract/data-shape.ts';
import {
  JobErrorSchema,
  JobIdSchema,
  JobResultSchema,
  JobStatusSchema,
  LatestSchema,
  ParentSchema,
  ProgressSchema,
  VerificationSchema,
  VerifiesSchema,
} from '../contract/job.ts';
import { EngineNameSchema, JobSpecSchema } from '../contract/job-spec.ts';
import { PACKED_FIELDS, packedValues } from './job-view.ts';

/** Parses the hash `job:<id>`. Only the transitions write its fields. */

/** JSON text. */
export const json = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);

const count = z.coerce.number().int().gte(0);

/** A file of a job. It counts only if the record names it and its hash matches. */
export const FileNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);
export const JobFileSchema = z.strictObject({
  name: FileNameSchema,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type JobFile = z.output<typeof JobFileSchema>;

/** A checkpoint's file; the record names the last two, newest first. */
export const CheckpointFileSchema = JobFileSchema.extend({ epoch: z.int().gte(1) });
export type CheckpointFile = z.output<typeof CheckpointFileSchema>;

export const CheckpointsSchema = z.array(CheckpointFileSchema).max(2);

/** A checkpoint that the job keeps after its end; in the order of their epochs. */
export const KeptFileSchema = CheckpointFileSchema.extend({ bytes: z.int().gte(1) });
export type KeptFile = z.output<typeof KeptFileSchema>;
export const KeptFilesSchema = z.array(KeptFileSchema).max(1000);

/**
 * The version of the record's fields. Raise it when an older worker would misread a record; such a worker then leaves
 * the job to a newer one, so that an upgrade and its reversal lose nothing. 2: specs name their loss, and data may have a
 * number to predict, or be uploaded.
 */
export const RECORD_SCHEMA = 2;

const RecordSchema = z.object({
  owner: z.string(),
  spec: json(JobSpecSchema),
  /** The shape of the spec's dataset when the job was created; missing in records of 0.1.0 and earlier. */
  data: json(DataShapeSchema).optional(),
  version: z.string(),
  trace: z.string().optional(),
  status: JobStatusSchema,
  parameters: count,
  delivery: count.optional(),
  attempt: count.default(0),
  faults: count.default(0),
  epoch: count.default(0),
  seq: count,
  progress: json(ProgressSchema),
  latest: json(LatestSchema).optional(),
  checkpoint: z.union([z.literal('').transform(() => []), json(CheckpointsSchema)]).default([]),
  parent: json(ParentSchema).optional(),
  cached_from: JobIdSchema.optional(),
  verifies: json(VerifiesSchema).optional(),
  verification: json(VerificationSchema).optional(),
  result_key: z.string().optional(),
  kept: json(KeptFilesSchema).default([]),
  result: json(JobResultSchema).optional(),
  error: json(JobErrorSchema).optional(),
  evaluation: json(JobFileSchema).optional(),
  model: json(JobFileSchema).optional(),
  log: json(JobFileSchema).optional(),
  engine: EngineNameSchema.optional(),
  created_at: count,
  started_at: count.optional(),
  finished_at: count.optional(),
});

export type JobRecord = z.output<typeof RecordSchema>;

const HashSchema = z.record(z.string(), z.string());

/** Restores the fields of a packed record; see transitions/pack.lua. If the text is damaged, they are missing. */
function unpacked({ view, ...fields }: Record<string, string>): Record<string, string> {
  if (view === undefined) return fields;
  const values = packedValues(view);
  const there = PACKED_FIELDS.map((name, i) => [name, values[i] ?? '']).filter(([, value]) => value !== '');
  return { ...fields, ...Object.fromEntries(there) };
}

/** Another version wrote this record, or it was edited by hand: the job cannot run and fails with this error. */
export class UnreadableRecordError extends Error {
  override readonly name = 'UnreadableRecordError';
  readonly code = 'unreadable_record';
  /** What the start transition compares with the record. */
  readonly read: { attempt: number; checkpointEpoch: number };

  constructor(fields: Record<string, string>, options: ErrorOptions) {
    super('its record cannot be read by this version of Descent', options);
    this.read = { attempt: Number(fields.attempt), checkpointEpoch: Number(fields.checkpoint_epoch) };
  }
}

/** A later version of Descent wrote this record: the job is for its workers, and does not fail here. */
export class NewerRecordError extends UnreadableRecordError {}

/**
 * @returns undefined when the record does not exist.
 * @throws {NewerRecordError}
 * @throws {UnreadableRecordError}
 */
export function parseRecord(hash: unknown): JobRecord | undefined {
  const fields = unpacked(HashSchema.parse(hash));
  if (Object.keys(fields).length === 0) return undefined;
  const schema = Number(fields.schema ?? 1);
  if (schema > RECORD_SCHEMA) {
    const cause = `it has schema ${schema}, and the latest known is ${RECORD_SCHEMA}`;
    throw new NewerRecordError(fields, { cause });
  }
  const parsed = RecordSchema.safeParse(fields);
  if (!parsed.success) throw new UnreadableRecordError(fields, { cause: parsed.error });
  return parsed.data;
}
