import { z } from 'zod';
import { DataShapeSchema } from '../contract/data-shape.ts';
import {
  type Attempt,
  AttemptOutcomeSchema,
  isTerminal,
  type Job,
  JobErrorSchema,
  JobResultSchema,
  JobStatusSchema,
  LatestSchema,
  ProgressSchema,
} from '../contract/job.ts';
import { EngineNameSchema, JobSpecSchema } from '../contract/job-spec.ts';

/** The hash `job:<id>` as text, and what it means. Fields are written by the transitions alone. */

const json = <Schema extends z.ZodType>(schema: Schema) =>
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

/** A file of a job: only the one that the record names, with this hash, counts. */
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

const RecordSchema = z.object({
  owner: z.string(),
  spec: json(JobSpecSchema),
  /** What the spec's dataset was when the job was created; missing in records of 0.1.0 and before. */
  data: json(DataShapeSchema).optional(),
  version: z.string(),
  status: JobStatusSchema,
  parameters: count,
  delivery: count,
  attempt: count,
  faults: count,
  epoch: count,
  seq: count,
  progress: json(ProgressSchema),
  latest: json(LatestSchema).optional(),
  checkpoint: z.union([z.literal('').transform(() => []), json(CheckpointsSchema)]).default([]),
  result: json(JobResultSchema).optional(),
  error: json(JobErrorSchema).optional(),
  evaluation: json(JobFileSchema).optional(),
  model: json(JobFileSchema).optional(),
  engine: EngineNameSchema.optional(),
  created_at: count,
  started_at: count.optional(),
  finished_at: count.optional(),
});

export type JobRecord = z.output<typeof RecordSchema>;

const HashSchema = z.record(z.string(), z.string());

/** A record that another version wrote, or somebody's hand: the job cannot be run, and should end with that. */
export class UnreadableRecordError extends Error {
  override readonly name = 'UnreadableRecordError';
  /** What a start needs to know of it. */
  readonly read: { attempt: number; checkpointEpoch: number };

  constructor(fields: Record<string, string>, options: ErrorOptions) {
    super('its record cannot be read by this version of Descent', options);
    this.read = { attempt: Number(fields.attempt), checkpointEpoch: Number(fields.checkpoint_epoch) };
  }
}

/**
 * @returns undefined when there is no such record.
 * @throws {UnreadableRecordError}
 */
export function parseRecord(hash: unknown): JobRecord | undefined {
  const fields = HashSchema.parse(hash);
  if (Object.keys(fields).length === 0) return undefined;
  const parsed = RecordSchema.safeParse(fields);
  if (!parsed.success) throw new UnreadableRecordError(fields, { cause: parsed.error });
  return parsed.data;
}

/** ISO 8601 of milliseconds since the epoch. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

const isoTimeOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : isoTime(ms));

/** A line of `job:<id>:attempts`: attempt, worker, from_epoch, reason, started_at, and at its end ended_at, outcome. */
function parseAttempt(line: string): Attempt {
  const [attempt, worker, fromEpoch, reason, startedAt, endedAt, outcome] = line.split('\n');
  return {
    attempt: count.parse(attempt),
    worker: z.string().parse(worker),
    from_epoch: count.parse(fromEpoch),
    started_at: isoTime(count.parse(startedAt)),
    ended_at: endedAt === undefined ? null : isoTime(count.parse(endedAt)),
    outcome: outcome === undefined ? null : AttemptOutcomeSchema.parse(outcome),
    reason: reason === undefined || reason === '' ? null : reason,
  };
}

export const parseAttempts = (lines: unknown): Attempt[] =>
  z.array(z.string()).parse(lines).map(parseAttempt);

const linksOf = (id: string): Job['links'] => ({
  self: `/jobs/${id}`,
  metrics: `/jobs/${id}/metrics`,
  events: `/jobs/${id}/events`,
  evaluation: `/jobs/${id}/evaluation`,
  loss_chart: `/jobs/${id}/charts/loss.svg`,
  accuracy_chart: `/jobs/${id}/charts/accuracy.svg`,
  cancel: `/jobs/${id}/cancel`,
});

/** What the API shows of a record. */
export function renderJob(
  id: string,
  record: JobRecord,
  attempts: Attempt[],
  queuePosition: number | null,
): Job {
  return {
    id,
    object: 'job',
    status: record.status,
    terminal: isTerminal(record.status),
    version: record.version,
    created_at: isoTime(record.created_at),
    started_at: isoTimeOrNull(record.started_at),
    finished_at: isoTimeOrNull(record.finished_at),
    spec: record.spec,
    engine: record.engine ?? null,
    parameters: record.parameters,
    queue_position: record.status === 'queued' ? queuePosition : null,
    progress: record.progress,
    latest: record.latest ?? null,
    result: record.result ?? null,
    error: record.error ?? null,
    attempts,
    links: linksOf(id),
  };
}
