import { z } from 'zod';
import { EngineReportSchema, WorkerReportSchema } from './worker-report.ts';

/** What this installation offers: engines and workers, and whether it is ready. */

export const EngineListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(
      EngineReportSchema.extend({
        workers: z.array(z.string()).meta({ description: 'The workers that report exactly this.' }),
      }).meta({ id: 'Engine' }),
    ),
    has_more: z.literal(false),
  })
  .meta({ id: 'EngineList', description: 'What the live workers report; empty while no worker is up.' });

export const WorkerListSchema = z
  .strictObject({ object: z.literal('list'), data: z.array(WorkerReportSchema), has_more: z.literal(false) })
  .meta({ id: 'WorkerList' });

export const LivenessSchema = z
  .strictObject({ status: z.literal('ok'), version: z.string() })
  .meta({ id: 'Liveness' });

const CheckSchema = z.string().meta({ description: '`ok`, or a sentence that explains what is wrong.' });

export const ReadinessSchema = z
  .strictObject({
    status: z.literal('ready'),
    version: z.string(),
    checks: z
      .strictObject({
        redis: CheckSchema,
        queue: CheckSchema.meta({
          description:
            'Whether accepted jobs reach the queue: `ok`, or a sentence that explains what is wrong.',
        }),
        storage: CheckSchema.meta({
          description:
            'Whether this process can read DATA_DIR: `ok`, or a sentence that explains what is wrong.',
        }),
        workers: CheckSchema.meta({
          description:
            'Whether a worker that reported in the last 4 seconds takes jobs: `ok`, or a sentence that explains what is wrong.',
        }),
      })
      .meta({
        description:
          'State of the services this installation depends on. A check that `exclude` leaves out may be a sentence.',
      }),
  })
  .meta({ id: 'Readiness' });

export type EngineList = z.output<typeof EngineListSchema>;
export type Readiness = z.output<typeof ReadinessSchema>;
