import type { JobSpec } from '../contract/job-spec.ts';
import type { Schedule } from '../contract/learning-rate.ts';
import { type Loss, lossOf } from '../contract/loss.ts';
import type { Optimizer } from '../contract/optimizer.ts';
import { type ExportedLayer, type ExportedModel, layersOf, rescalingOf } from './exported-model.ts';
import { encodeHdf5, type Hdf5Dataset, type Hdf5Group } from './hdf5.ts';
import { kerasNames, rescalingName } from './keras-names.ts';
import { encodeZip } from './zip.ts';

/**
 * Keras 3's own file: a ZIP with the model as JSON and its weights as HDF5. With the state of the optimizer, so that
 * Keras goes on training where the job stopped. Layout: keras/src/saving/saving_lib.py of Keras 3.15.
 */

/** The version whose format this is. */
const KERAS_VERSION = '3.15.1';

export function encodeKeras(model: ExportedModel): Uint8Array {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value), 'utf8');
  return encodeZip([
    {
      name: 'metadata.json',
      bytes: json({ keras_version: KERAS_VERSION, date_saved: '1980-01-01@00:00:00' }),
    },
    { name: 'config.json', bytes: Buffer.from(configText(model), 'utf8') },
    { name: 'model.weights.h5', bytes: encodeKerasWeights(model) },
  ]);
}

/** The inner file alone, for `load_weights`. */
export function encodeKerasWeights(model: ExportedModel): Uint8Array {
  const names = kerasNames(model);
  const layers: Record<string, Hdf5Group> = {};
  for (const [l, layer] of layersOf(model, model.file.weights).entries()) {
    layers[names.dense[l]!] = {
      vars: Object.fromEntries(variablesOf(layer).map((variable, v) => [v, variable])),
    };
  }
  if (model.spec.model.dropout > 0) {
    for (const name of names.dropout) layers[name] = { seed_generator: { vars: { 0: seedState(model) } } };
  }
  const { optimizer } = model.file;
  return encodeHdf5({
    layers,
    ...(optimizer && { optimizer: { vars: optimizerVariables(model, optimizer) } }),
  });
}

const seedState = ({ spec }: ExportedModel): Hdf5Dataset => ({
  dims: [2],
  values: Uint32Array.of(spec.training.seed, 0),
});

const variablesOf = ({ inputs, outputs, kernel, bias }: ExportedLayer): Hdf5Dataset[] => [
  { dims: [inputs, outputs], values: kernel },
  { dims: [outputs], values: bias },
];

/** Iteration, learning rate, then the slots in the order in which Keras's optimizer builds them. */
function optimizerVariables(
  model: ExportedModel,
  { steps, slots, powers }: NonNullable<ExportedModel['file']['optimizer']>,
): Record<string, Hdf5Dataset> {
  const bySlot = new Map(
    slots.map(({ name, values }) => [name, layersOf(model, values).flatMap(variablesOf)] as const),
  );
  const slot = (name: string): Hdf5Dataset[] => bySlot.get(name) ?? [];
  const { type, learning_rate } = model.spec.optimizer;
  const ordered: Hdf5Dataset[] = [
    { dims: [], values: Int32Array.of(steps) },
    // Keras keeps no rate of a schedule.
    ...(typeof learning_rate === 'number' ? [{ dims: [], values: Float32Array.of(learning_rate) }] : []),
    ...slotsInOrder(model.spec.optimizer, slot),
    // The running product of its momenta.
    ...(type === 'nadam' ? [{ dims: [], values: Float32Array.of(powers[1]!) }] : []),
  ];
  return Object.fromEntries(ordered.map((variable, v) => [v, variable]));
}

function slotsInOrder({ type }: Optimizer, slot: (name: string) => Hdf5Dataset[]): Hdf5Dataset[] {
  switch (type) {
    case 'rmsprop':
      return [...slot('mean_square'), ...slot('momentum'), ...slot('mean_gradient')];
    case 'adam':
    case 'adamw':
    case 'nadam':
      return [...pairs(slot('first_moment'), slot('second_moment')), ...slot('largest_second_moment')];
    case 'adamax':
      return pairs(slot('first_moment'), slot('infinity_norm'));
    case 'adadelta':
      return pairs(slot('mean_square'), slot('mean_square_update'));
    case 'lion':
      return slot('first_moment');
    case 'sgd':
      return slot('momentum');
    case 'adagrad':
      return slot('accumulator');
  }
}

/** Variable by variable: its value in the first slot, then that in the second. */
const pairs = (first: Hdf5Dataset[], second: Hdf5Dataset[]): Hdf5Dataset[] =>
  first.flatMap((variable, v) => [variable, second[v]!]);

const KERAS_CLASSES: { readonly [Type in Optimizer['type']]: string } = {
  rmsprop: 'RMSprop',
  sgd: 'SGD',
  adagrad: 'Adagrad',
  adam: 'Adam',
  adamw: 'AdamW',
  nadam: 'Nadam',
  adamax: 'Adamax',
  adadelta: 'Adadelta',
  lion: 'Lion',
};

const KERAS_SCHEDULES: { readonly [Type in Schedule['type']]: string } = {
  exponential_decay: 'ExponentialDecay',
  piecewise_constant_decay: 'PiecewiseConstantDecay',
  polynomial_decay: 'PolynomialDecay',
  inverse_time_decay: 'InverseTimeDecay',
  cosine_decay: 'CosineDecay',
  cosine_decay_restarts: 'CosineDecayRestarts',
};

function configOf(model: ExportedModel): object {
  const { layout, spec, data, outputScale, file } = model;
  const names = kerasNames(model);
  const chain = [
    layer('InputLayer', {
      batch_shape: [null, layout.inputs],
      dtype: 'float32',
      sparse: false,
      name: 'input',
    }),
    ...rescalingOf(model).map((rescaling, k) =>
      layer('Rescaling', { name: rescalingName(k), dtype: 'float32', ...rescaling }),
    ),
    ...layersOf(model, file.weights).flatMap(({ outputs, activation, isLast }, l) => [
      layer('Dense', {
        name: names.dense[l],
        dtype: 'float32',
        units: outputs,
        activation: activation === 'gelu_tanh' ? 'linear' : activation,
        use_bias: true,
        ...((spec.model.l1 > 0 || spec.model.l2 > 0) && { kernel_regularizer: regularizer(spec.model) }),
      }),
      ...(activation === 'gelu_tanh' ? [gelu(l)] : []),
      ...(spec.model.dropout > 0 && !isLast
        ? [
            layer('Dropout', {
              name: names.dropout[l],
              dtype: 'float32',
              rate: spec.model.dropout,
              seed: spec.training.seed,
            }),
          ]
        : []),
    ]),
    ...(outputScale === undefined
      ? []
      : [layer('Rescaling', { name: 'output', dtype: 'float32', ...outputScale })]),
  ];
  const isSequential = spec.model.activation !== 'gelu_tanh';
  return {
    module: 'keras',
    class_name: isSequential ? 'Sequential' : 'Model',
    config: {
      name: data.dataset,
      trainable: true,
      dtype: 'float32',
      ...(isSequential ? { layers: chain, build_input_shape: [null, layout.inputs] } : functional(chain)),
    },
    registered_name: null,
    build_config: { input_shape: [null, layout.inputs] },
  };
}

interface KerasLayer {
  readonly module: string;
  readonly class_name: string;
  readonly config: { readonly name?: string | undefined };
}

/** A chain of layers and operations, which a Sequential model cannot have: each takes the output of the one before. */
function functional(chain: readonly KerasLayer[]): object {
  const output = (name: string | undefined) => [name, 0, 0];
  return {
    layers: chain.map((each, k) => ({
      ...each,
      name: each.config.name,
      inbound_nodes: k === 0 ? [] : [[[...output(chain[k - 1]!.config.name), {}]]],
    })),
    input_layers: output(chain[0]!.config.name),
    output_layers: output(chain.at(-1)!.config.name),
  };
}

const regularizer = ({ l1, l2 }: JobSpec['model']) => ({
  module: 'keras.regularizers',
  class_name: 'L1L2',
  config: { l1, l2 },
  registered_name: null,
});

/** An operation, since as an activation Keras's gelu is the exact one, with erf, and takes no argument. */
const gelu = (l: number) => ({
  module: 'keras.src.ops.nn',
  class_name: 'Gelu',
  config: { approximate: true, name: `gelu_${l}` },
  registered_name: 'Gelu',
});

const layer = (className: string, config: object) => ({
  module: 'keras.layers',
  class_name: className,
  config,
  registered_name: null,
});

/** The model's config, with that of the optimizer, if it has one, in the form of kerasOptimizerText(). */
function configText(model: ExportedModel): string {
  const config = JSON.stringify(configOf(model));
  if (model.file.optimizer === undefined) return config;
  const compiled = `{"optimizer":${kerasOptimizerText(model.spec.optimizer)},${JSON.stringify(compiledWith(lossOf(model.spec, model.data))).slice(1)}`;
  return `${config.slice(0, -1)},"compile_config":${compiled}}`;
}

/**
 * The JSON of which Keras makes the optimizer. Its numbers are written with a point: Keras refuses a momentum of 0 that is
 * no float, and computes schedules in the type of their first rate.
 */
export const kerasOptimizerText = (optimizer: Optimizer): string =>
  JSON.stringify(optimizerConfig(optimizer)).replaceAll(/([:[,])(-?\d+)(?=[,\]}])/g, '$1$2.0');

/** The hyper-parameters have Keras's names. */
function optimizerConfig({ type, learning_rate, ...hyperParameters }: Optimizer): object {
  const { weight_decay } = hyperParameters;
  return {
    module: 'keras.optimizers',
    class_name: KERAS_CLASSES[type],
    config: {
      name: type,
      learning_rate: typeof learning_rate === 'number' ? learning_rate : scheduleConfig(learning_rate),
      ...hyperParameters,
      // The only one of Keras's optimizers that takes no null here.
      ...(type === 'adamw' && { weight_decay: weight_decay ?? 0 }),
    },
    registered_name: null,
  };
}

const compiledWith = (loss: Loss): object => ({
  // Keras's name where targets are the indices of classes, not one-hot.
  loss: loss === 'categorical_crossentropy' ? 'sparse_categorical_crossentropy' : loss,
  loss_weights: null,
  metrics: [loss === 'categorical_crossentropy' ? 'accuracy' : 'mae'],
  weighted_metrics: null,
  run_eagerly: false,
  steps_per_execution: 1,
  jit_compile: false,
});

const scheduleConfig = ({ type, ...config }: Schedule): object => ({
  module: 'keras.optimizers.schedules',
  class_name: KERAS_SCHEDULES[type],
  config,
  registered_name: null,
});
