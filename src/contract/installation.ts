import { z } from 'zod';
import { DatasetNameSchema } from './job-spec.ts';
import { EngineReportSchema, WorkerReportSchema } from './worker-report.ts';

/** What this installation offers: datasets, engines and workers, and whether it is ready. */

export const DatasetSchema = z
  .strictObject({
    name: DatasetNameSchema,
    title: z.string(),
    description: z.string(),
    train_rows: z.int().gte(1),
    test_rows: z.int().gte(1),
    kind: z.enum(['images', 'table']),
    inputs: z.int().gte(1).meta({ description: 'Numbers of a row: its pixels, for images.' }),
    image: z
      .strictObject({ height: z.int().gte(1), width: z.int().gte(1) })
      .nullable()
      .meta({ description: 'null for a table.' }),
    task: z
      .enum(['classification', 'regression'])
      .meta({ description: 'What a model predicts: the class of a row, or a number.' }),
    classes: z
      .array(z.string())
      .nullable()
      .meta({ description: 'classes[i] is the name of class i; null for regression.' }),
    target: z.strictObject({ mean: z.number(), deviation: z.number().positive() }).nullable().meta({
      description:
        'Mean and deviation of the numbers of the train rows, by which models see them standardised; null for classification.',
    }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .meta({
        description: 'SHA-256 of the content a job sees: shape, labels, values. The same on every machine.',
      }),
    files: z.array(z.strictObject({ file: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })).meta({
      description:
        'The files the dataset is read from; a file with another SHA-256 is refused. Of a .gz, the hash is that of what it holds. Empty for a set that is generated.',
    }),
    problem: z.string().nullable().meta({
      description: 'Why a job on it would fail here, and what to do: sentences; null if it would not.',
    }),
  })
  .meta({ id: 'Dataset' });

export const DatasetListSchema = z
  .strictObject({ object: z.literal('list'), data: z.array(DatasetSchema), has_more: z.literal(false) })
  .meta({ id: 'DatasetList' });

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

export type Dataset = z.output<typeof DatasetSchema>;
export type EngineList = z.output<typeof EngineListSchema>;
export type Readiness = z.output<typeof ReadinessSchema>;
