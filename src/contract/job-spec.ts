import { z } from 'zod';
import { ActivationSchema } from './activation.ts';
import { InitializerSchema, KernelInitializerSchema } from './initializer.ts';
import { LossSchema } from './loss.ts';
import { EarlyStoppingSchema, MonitorSchema, ReduceLrOnPlateauSchema } from './monitors.ts';
import { OptimizerSchema } from './optimizer.ts';
import { text } from './text.ts';
import { WebhooksSchema } from './webhook.ts';

/**
 * What a job trains. `{}` is the reference run: every field has a default, and parsing writes all of
 * them out, so that a stored spec holds everything that decides the bits of the result.
 */

/** Datasets that come with Descent. No upload may take one of these names. */
export const BUILT_IN_DATASETS = [
  'mnist',
  'mnist_sample',
  'fashion_mnist',
  'moons',
  'circles',
  'spirals',
  'xor',
  'blobs',
  'sine',
] as const;

export const DatasetNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/)
  .meta({
    id: 'DatasetName',
    title: 'a name of 1 to 64 characters: a lowercase letter or digit, then also _ and -',
    description:
      'One of your own (PUT /datasets/{name}), or mnist: 60,000 + 10,000 images; mnist_sample: the first 6,000 + 1,000; fashion_mnist: 60,000 + 10,000 images of clothes, where it is installed (GET /datasets); moons, circles, spirals, xor and blobs: 2,000 + 500 points in a plane; sine: 2,000 + 500 points of a wave, a number to predict.',
    examples: ['mnist'],
  });

export const EngineNameSchema = z.enum(['native', 'wasm', 'reference', 'tensorflow']).meta({
  id: 'EngineName',
  description:
    'native: C, twice as fast as wasm, on machines with a C compiler. wasm: WebAssembly with SIMD. reference: plain TypeScript, the specification in code, about 20 times slower. These three give the same bits. tensorflow: TensorFlow.js, for comparison. It starts from the same weights and sees the same batches; its losses stay close, but its bits differ. It is not available on every installation (GET /engines) or for every optimizer option, and auto never chooses it.',
});

const penalty = (what: string) =>
  z
    .number()
    .gte(0)
    .lte(10)
    .default(0)
    .meta({
      description: `How much ${what} over the weights of all kernels (not biases) adds to loss, val_loss and test loss, as Keras's kernel_regularizer: 0 to 10.`,
    });

const ModelSchema = z
  .strictObject({
    hidden_units: z.array(z.int().gte(1).lte(4096)).max(8).default([128, 64]).meta({
      description: 'Width of each hidden layer, from input to output: 0 to 8 layers of 1 to 4096 units.',
    }),
    activation: ActivationSchema.default('relu'),
    kernel_initializer: KernelInitializerSchema.default('glorot_uniform').meta({
      description:
        "How the weights of every layer are drawn from (seed, layer), as Keras's initializer of the same name; biases begin at 0.",
    }),
    output_initializer: InitializerSchema.nullable().default(null).meta({
      description:
        'The same of the last layer alone, where zeros makes all classes equal at first; null = kernel_initializer.',
    }),
    l1: penalty('the sum of |w|'),
    l2: penalty('the sum of w^2'),
    dropout: z.number().gte(0).lt(1).default(0).meta({
      description:
        'Share of the outputs of every hidden layer that training drops, chosen anew in each step: 0 to less than 1.',
    }),
  })
  .meta({
    id: 'Model',
    description:
      'Flatten, dense hidden layers, dense softmax over the classes; for a number, one linear output.',
  });

const ClassWeightSchema = z
  .union([z.literal('balanced'), z.record(text(1, 200), z.number().gte(0).lte(1e6))])
  .meta({
    id: 'ClassWeight',
    description:
      'An object of labels and weights from 0 to 1e6 (1 for those left out), or balanced: rows / (classes * rows of the class), counted without the validation rows.',
  });

const TrainingSchema = z
  .strictObject({
    epochs: z
      .int()
      .gte(1)
      .lte(1000)
      .default(10)
      .meta({ description: 'Passes over the train rows: 1 to 1000.' }),
    batch_size: z
      .int()
      .gte(1)
      .lte(4096)
      .default(32)
      .meta({ description: 'Rows per step: 1 to 4096, and at most the number of train rows.' }),
    validation_split: z.number().gte(0).lte(0.9).default(0.2).meta({
      description:
        'Share of the train rows held out for validation, chosen before shuffling: 0 to 0.9. With 0, every val_* is null.',
    }),
    validation: z.enum(['last', 'random', 'stratified']).default('last').meta({
      description:
        'Which rows are held out. last: those at the end, as in Keras. random: drawn from (seed, row). stratified: drawn from each class in proportion to its rows.',
    }),
    label_smoothing: z.number().gte(0).lte(1).default(0).meta({
      description:
        'Share of each target that is spread over all classes, in training, validation and test: 0 to 1. As in Keras, it is part of the loss.',
    }),
    class_weight: ClassWeightSchema.nullable().default(null).meta({
      description:
        'What the loss and the gradient of a train row are multiplied by, for each class. As in Keras, accuracy and every val_* are not weighted. null = 1.',
    }),
    shuffle: z.boolean().default(true).meta({
      description: 'Whether each epoch visits the train rows in a new order, drawn from (seed, epoch).',
    }),
    seed: z
      .int()
      .gte(0)
      .lte(2 ** 32 - 1)
      .default(42)
      .meta({
        description:
          'Decides the initial weights, the order of the rows, what dropout drops and which rows are drawn for validation: 0 to 4294967295.',
      }),
    reduce_lr_on_plateau: ReduceLrOnPlateauSchema.nullable().default(null).meta({
      description:
        'Reduces a learning_rate that is a number when a measure no longer improves; null = never.',
    }),
    early_stopping: EarlyStoppingSchema.nullable().default(null).meta({
      description:
        'Ends the training, before the last of its epochs, when a measure no longer improves; null = never.',
    }),
    log_every: z.int().gte(1).lte(1_000_000).nullable().default(null).meta({
      description:
        'Every how many steps one is logged (GET /jobs/{id}/metrics?granularity=step): 1 to 1000000, at most 50,000 rows in all. It changes no bit; a logged step takes about twice as long. null = each tenth step at most, 10 an epoch and 10,000 in all.',
    }),
  })
  .meta({ id: 'Training' });

const LimitsSchema = z
  .strictObject({
    max_seconds: z.number().gte(1).lte(604_800).nullable().default(null).meta({
      description:
        'Longest time from the first start to the end, without the time that the job is paused, in seconds: 1 to 604800; null = no limit. A job that takes longer fails with the code timeout.',
    }),
  })
  .meta({ id: 'Limits' });

const CheckpointsSchema = z
  .strictObject({
    keep: z.enum(['none', 'best', 'last', 'all']).default('last').meta({
      description:
        'Which checkpoints a job keeps after its end: none, that of the best epoch by `monitor`, that of the last epoch, or all. A job can be forked or extended from them. Of one that fails or is cancelled, last is the newest that was written, two seconds apart or more.',
    }),
    monitor: MonitorSchema.default('val_loss').meta({
      description: 'What `best` compares: the lowest loss or the highest accuracy; of equal ones, the first.',
    }),
    every: z.int().gte(1).lte(1000).default(1).meta({
      description:
        '`best` and `all` look at each epoch that is a multiple of this, and at the last one: 1 to 1000.',
    }),
  })
  .meta({ id: 'Checkpoints' });

const JobEngineSchema = z.enum(['auto', ...EngineNameSchema.options]).meta({
  description: 'auto = the fastest available of the engines that give the same bits.',
});

export const NameSchema = text(1, 200);

export const PrioritySchema = z.int().gte(-10).lte(10).meta({
  description:
    'Which of your queued jobs start first: those of a higher priority, -10 to 10, and of one priority the older ones.',
});

const metadataKey = text(1, 64);
const metadataValue = text(0, 512);

export const MetadataSchema = z
  .record(metadataKey, metadataValue)
  .refine((pairs) => Object.keys(pairs).length <= 16, { error: 'must have at most 16 pairs' });

export const JobSpecSchema = z
  .strictObject({
    name: NameSchema.nullable()
      .default(null)
      .meta({ description: 'A name for people: 1 to 200 characters.' }),
    dataset: DatasetNameSchema.default('mnist'),
    model: ModelSchema.prefault({}),
    optimizer: OptimizerSchema.prefault({ type: 'rmsprop' }),
    loss: LossSchema.optional().meta({
      description:
        "What training makes small, by Keras's names: categorical_crossentropy where the rows have classes; mse, mae or huber (with delta 1), of the standardised numbers, where they have numbers. By default the first that fits the dataset.",
    }),
    training: TrainingSchema.prefault({}),
    engine: JobEngineSchema.default('auto'),
    metadata: MetadataSchema.default({}).meta({
      description:
        'Up to 16 key-value pairs of your own: keys of 1 to 64 characters, string values of up to 512.',
      maxProperties: 16,
    }),
    limits: LimitsSchema.prefault({}),
    priority: PrioritySchema.default(0),
    checkpoints: CheckpointsSchema.prefault({}),
    cache: z.boolean().default(true).meta({
      description:
        'Whether the job may end at once with the result of an earlier job of yours that has the same bits. false trains in any case.',
    }),
  })
  .meta({ id: 'NormalisedJobSpec', description: 'What to train, with every default written out.' });

/** The body of `POST /jobs`: a spec, and who is told of the job, which is no part of what it computes. */
export const JobRequestSchema = JobSpecSchema.extend({ webhooks: WebhooksSchema.default([]) }).meta({
  id: 'JobSpec',
  description: 'What to train. Every field has a default; {} is the reference run.',
});

export type JobSpec = z.output<typeof JobSpecSchema>;
export type JobRequest = z.output<typeof JobRequestSchema>;
export type BuiltInName = (typeof BUILT_IN_DATASETS)[number];
export type EngineName = z.output<typeof EngineNameSchema>;

/**
 * The body of `PATCH /jobs/{id}`, a JSON Merge Patch (RFC 7396): what is absent stays, null is the default, and in
 * `metadata` null removes a pair.
 */
export const JobPatchSchema = z
  .strictObject({
    name: NameSchema.nullable().optional().meta({ description: 'null removes it.' }),
    metadata: z
      .record(metadataKey, metadataValue.nullable())
      .nullable()
      .optional()
      .meta({ description: 'Pairs to set; null removes a pair, or all of them.' }),
    priority: PrioritySchema.nullable().optional(),
  })
  .meta({ id: 'JobPatch', description: 'A JSON Merge Patch (RFC 7396): what is absent stays.' });

export type JobPatch = z.output<typeof JobPatchSchema>;

/** The spec with the patch applied; it may break a limit of the whole, such as the number of pairs. */
export function patched(spec: JobSpec, { name, metadata, priority }: JobPatch): JobSpec {
  return {
    ...spec,
    ...(name !== undefined && { name }),
    ...(metadata !== undefined && { metadata: mergedPairs(spec.metadata, metadata) }),
    ...(priority !== undefined && { priority: priority ?? 0 }),
  };
}

function mergedPairs(pairs: JobSpec['metadata'], changes: JobPatch['metadata']): JobSpec['metadata'] {
  if (changes == null) return {};
  const merged = { ...pairs, ...changes };
  return Object.fromEntries(
    Object.entries(merged).filter((pair): pair is [string, string] => pair[1] !== null),
  );
}

/** What a fork may change: whatever leaves the model and its data alone. */
const OverridesSchema = z
  .strictObject({
    ...JobPatchSchema.shape,
    optimizer: z.record(z.string(), z.unknown()).optional().meta({
      description: 'Options to change; with another `type`, all that are absent have their defaults.',
    }),
    training: z
      .strictObject({
        epochs: TrainingSchema.shape.epochs.unwrap().optional(),
        batch_size: TrainingSchema.shape.batch_size.unwrap().optional(),
      })
      .optional()
      .meta({ description: '`epochs` counts those of the parent, too.' }),
    engine: JobEngineSchema.optional(),
    limits: z.strictObject({ max_seconds: LimitsSchema.shape.max_seconds.unwrap().optional() }).optional(),
    checkpoints: z
      .strictObject({
        keep: CheckpointsSchema.shape.keep.unwrap().optional(),
        monitor: CheckpointsSchema.shape.monitor.unwrap().optional(),
        every: CheckpointsSchema.shape.every.unwrap().optional(),
      })
      .optional(),
    cache: z.boolean().optional(),
  })
  .meta({ id: 'Overrides', description: 'What is absent stays as the parent has it.' });

const FORK_WEBHOOKS = 'As in POST /jobs. Those of the parent are not told of the new job.';

export const ForkSchema = z
  .strictObject({
    webhooks: WebhooksSchema.default([]).meta({ description: FORK_WEBHOOKS }),
    from_epoch: z.int().gte(1).lte(1000).optional().meta({
      description: 'The epoch after which the new job goes on; by default the last one with a checkpoint.',
    }),
    overrides: OverridesSchema.default({}),
  })
  .meta({ id: 'Fork' });

export const ExtendSchema = z
  .strictObject({
    webhooks: WebhooksSchema.default([]).meta({ description: FORK_WEBHOOKS }),
    epochs: z.int().gte(2).lte(1000).meta({
      description: 'Passes over the train rows in all, those of the finished job included: more than it had.',
    }),
  })
  .meta({ id: 'Extend' });

export type Fork = z.output<typeof ForkSchema>;

/** The spec of a fork, not checked yet. */
export function forkedSpec(spec: JobSpec, overrides: Fork['overrides']): unknown {
  const { optimizer, training, engine, limits, checkpoints, cache } = overrides;
  const isOther = optimizer?.type !== undefined && optimizer.type !== spec.optimizer.type;
  return {
    ...patched(spec, overrides),
    optimizer: isOther ? optimizer : { ...spec.optimizer, ...optimizer },
    training: { ...spec.training, ...training },
    engine: engine ?? spec.engine,
    limits: { ...spec.limits, ...limits },
    checkpoints: { ...spec.checkpoints, ...checkpoints },
    cache: cache ?? spec.cache,
  };
}
