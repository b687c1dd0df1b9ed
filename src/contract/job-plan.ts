import { z } from 'zod';
import { JobIdSchema } from './job.ts';
import { EngineNameSchema, JobSpecSchema } from './job-spec.ts';

const WhySchema = z.string().optional();

/** What a spec would lead to, without creating the job. */
export const JobPlanSchema = z
  .strictObject({
    object: z.literal('job_plan'),
    spec: JobSpecSchema.meta({ description: 'The spec with every default written out.' }),
    parameters: z.int().gte(1).meta({ description: 'Weights and biases of the model.' }),
    steps: z.int().gte(1).meta({ description: 'Optimizer steps of all epochs.' }),
    memory_bytes: z
      .int()
      .gte(1)
      .meta({ description: 'Memory that a trainer takes for the job: rather too much than too little.' }),
    model_bytes: z.int().gte(1).meta({
      description:
        "Room of the finished model's weights and its optimizer's state; the files of the job take a little more.",
    }),
    engine: EngineNameSchema.nullable().meta({ description: 'The engine that would train the job.' }),
    estimated_seconds: z.number().gte(0).nullable().meta({
      description: 'How long the job would take from its start to its end.',
    }),
    measured_jobs: z.int().gte(0).meta({
      description:
        'Finished jobs of this installation, of the same engine, that estimated_seconds rests on: the latest, 50 at most.',
    }),
    cached_from: JobIdSchema.nullable().meta({
      description: 'The job with whose result the job would end at once; null if it would train.',
    }),
    queue_position: z.int().gte(1).meta({ description: 'The queue position that the job would get.' }),
    starts_in_seconds: z.number().gte(0).nullable().meta({
      description:
        'When the job would start if every job before it takes as long as expected, and no other comes before it.',
    }),
    unknown: z
      .strictObject({ engine: WhySchema, estimated_seconds: WhySchema, starts_in_seconds: WhySchema })
      .meta({ description: 'For each of these fields that is null, the reason in words.' }),
  })
  .meta({ id: 'JobPlan' });

export type JobPlan = z.output<typeof JobPlanSchema>;
