import { z } from 'zod';
import { JobIdSchema, TimeSchema } from './job.ts';
import { EngineNameSchema } from './job-spec.ts';

/** What a worker reports at intervals. */

export const EngineReportSchema = z
  .strictObject({
    name: EngineNameSchema,
    available: z.boolean(),
    version: z.string().nullable(),
    backend: z.string().nullable(),
    reason: z.string().nullable().meta({
      description:
        'Why the engine is missing or, if it is available, why it does not run on a faster backend; null when it runs on its best backend.',
    }),
  })
  .meta({ id: 'EngineReport' });

export const WorkerReportSchema = z
  .strictObject({
    id: z.string().meta({ description: 'host/pid' }),
    host: z.string(),
    pid: z.int().gte(1),
    version: z.string(),
    concurrency: z.int().gte(1).meta({ description: 'Jobs this worker trains at a time.' }),
    memory_mb: z.int().gte(1).nullable().default(null).meta({
      description: 'Megabytes of memory that a job may take on this worker; null if the worker does not say.',
    }),
    started_at: TimeSchema,
    reported_at: TimeSchema,
    problem: z.string().nullable().default(null).meta({
      description:
        'Why this worker takes no jobs at the moment, such as a DATA_DIR it cannot write to; null while it takes jobs. The worker recovers unaided.',
    }),
    running: z.array(
      z.strictObject({
        job: JobIdSchema,
        epoch: z.int().gte(0).meta({ description: 'Epochs finished.' }),
        epochs: z.int().gte(1),
        steps_per_second: z.number().gte(0).nullable(),
      }),
    ),
    engines: z.array(EngineReportSchema),
    trained: z
      .array(
        z.strictObject({
          engine: EngineNameSchema,
          epochs: z.int().gte(0),
          steps: z
            .int()
            .gte(0)
            .meta({ description: 'Optimizer steps; those repeated after a fault do not count.' }),
        }),
      )
      .default([])
      .meta({ description: 'What each engine has computed since this worker started.' }),
    clock_offset_ms: z.int().nullable().default(null).meta({
      description: "This machine's clock minus Redis's, in milliseconds, including the way to Redis.",
    }),
    counters: z
      .strictObject({
        jobs_started: z.int().gte(0),
        jobs_succeeded: z.int().gte(0),
        jobs_failed: z.int().gte(0),
        jobs_cancelled: z.int().gte(0),
        jobs_requeued: z.int().gte(0),
        trainers_crashed: z.int().gte(0),
        leases_lost: z.int().gte(0),
        epochs: z.int().gte(0),
      })
      .meta({ description: 'Counted since this worker started.' }),
  })
  .meta({ id: 'WorkerReport' });

export type EngineReport = z.output<typeof EngineReportSchema>;
export type WorkerReport = z.output<typeof WorkerReportSchema>;
