import { z } from 'zod';
import { ActivationSchema } from './activation.ts';
import { InitializerSchema, KernelInitializerSchema } from './initializer.ts';
import { EarlyStoppingSchema, ReduceLrOnPlateauSchema } from './monitors.ts';
import { OptimizerSchema } from './optimizer.ts';
import { text } from './text.ts';

/**
 * The body of `POST /jobs`. `{}` is the reference run: every field has a default, and parsing writes all of
 * them out, so that a stored spec holds everything that decides the bits of the result.
 */

export const DatasetNameSchema = z
  .enum(['mnist', 'mnist_sample', 'fashion_mnist', 'moons', 'circles', 'spirals', 'xor', 'blobs'])
  .meta({
    id: 'DatasetName',
    description:
      'mnist: 60,000 + 10,000 images; mnist_sample: the first 6,000 + 1,000; fashion_mnist: 60,000 + 10,000 images of clothes, where it is installed (GET /datasets); moons, circles, spirals, xor and blobs: 2,000 + 500 points in a plane.',
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
  .meta({ id: 'Model', description: 'Flatten, dense hidden layers, dense softmax over the classes.' });

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
  })
  .meta({ id: 'Training' });

const LimitsSchema = z
  .strictObject({
    max_seconds: z.number().gte(1).lte(604_800).nullable().default(null).meta({
      description:
        'Longest time from the first start to the end, in seconds: 1 to 604800; null = no limit. A job that takes longer fails with the code timeout.',
    }),
  })
  .meta({ id: 'Limits' });

export const NameSchema = text(1, 200);

export const MetadataSchema = z
  .record(text(1, 64), text(0, 512))
  .refine((pairs) => Object.keys(pairs).length <= 16, { error: 'must have at most 16 pairs' });

export const JobSpecSchema = z
  .strictObject({
    name: NameSchema.nullable()
      .default(null)
      .meta({ description: 'A name for people: 1 to 200 characters.' }),
    dataset: DatasetNameSchema.default('mnist'),
    model: ModelSchema.prefault({}),
    optimizer: OptimizerSchema.prefault({ type: 'rmsprop' }),
    training: TrainingSchema.prefault({}),
    engine: z
      .enum(['auto', ...EngineNameSchema.options])
      .default('auto')
      .meta({
        description: 'auto = the fastest available of the engines that give the same bits.',
      }),
    metadata: MetadataSchema.default({}).meta({
      description:
        'Up to 16 key-value pairs of your own: keys of 1 to 64 characters, string values of up to 512.',
      maxProperties: 16,
    }),
    limits: LimitsSchema.prefault({}),
  })
  .meta({ id: 'JobSpec', description: 'What to train. Every field has a default; {} is the reference run.' });

export type JobSpec = z.output<typeof JobSpecSchema>;
export type DatasetName = z.output<typeof DatasetNameSchema>;
export type EngineName = z.output<typeof EngineNameSchema>;
