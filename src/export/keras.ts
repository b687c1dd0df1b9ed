import type { JobSpec } from '../contract/job-spec.ts';
import type { Optimizer } from '../contract/optimizer.ts';
import { type ExportedLayer, type ExportedModel, INPUT_SCALE, layersOf } from './exported-model.ts';
import { encodeHdf5, type Hdf5Dataset, type Hdf5Group } from './hdf5.ts';
import { kerasNames } from './keras-names.ts';
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
    { name: 'config.json', bytes: json(configOf(model)) },
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
  { steps, slots }: NonNullable<ExportedModel['file']['optimizer']>,
): Record<string, Hdf5Dataset> {
  const bySlot = new Map(
    slots.map(({ name, values }) => [name, layersOf(model, values).flatMap(variablesOf)] as const),
  );
  const slot = (name: string): Hdf5Dataset[] => bySlot.get(name) ?? [];
  const ordered: Hdf5Dataset[] = [
    { dims: [], values: Int32Array.of(steps) },
    { dims: [], values: Float32Array.of(model.spec.optimizer.learning_rate) },
    ...slotsInOrder(model.spec.optimizer, slot),
  ];
  return Object.fromEntries(ordered.map((variable, v) => [v, variable]));
}

function slotsInOrder({ type }: Optimizer, slot: (name: string) => Hdf5Dataset[]): Hdf5Dataset[] {
  switch (type) {
    case 'rmsprop':
      return [...slot('mean_square'), ...slot('momentum'), ...slot('mean_gradient')];
    case 'adam': {
      const velocities = slot('second_moment');
      return [
        ...slot('first_moment').flatMap((momentum, v) => [momentum, velocities[v]!]),
        ...slot('largest_second_moment'),
      ];
    }
    case 'sgd':
      return slot('momentum');
    case 'adagrad':
      return slot('accumulator');
  }
}

const KERAS_CLASSES = { rmsprop: 'RMSprop', adam: 'Adam', sgd: 'SGD', adagrad: 'Adagrad' } as const;

function configOf(model: ExportedModel): object {
  const { layout, spec, data, preprocessing, file } = model;
  const names = kerasNames(model);
  const chain = [
    layer('InputLayer', {
      batch_shape: [null, layout.inputs],
      dtype: 'float32',
      sparse: false,
      name: 'input',
    }),
    ...(preprocessing === 'raw'
      ? [layer('Rescaling', { name: 'rescaling', dtype: 'float32', scale: INPUT_SCALE, offset: 0 })]
      : []),
    ...layersOf(model, file.weights).flatMap(({ outputs, activation }, l) => [
      layer('Dense', {
        name: names.dense[l],
        dtype: 'float32',
        units: outputs,
        activation: activation === 'gelu_tanh' ? 'linear' : activation,
        use_bias: true,
        ...((spec.model.l1 > 0 || spec.model.l2 > 0) && { kernel_regularizer: regularizer(spec.model) }),
      }),
      ...(activation === 'gelu_tanh' ? [gelu(l)] : []),
      ...(spec.model.dropout > 0 && activation !== 'softmax'
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
    ...(file.optimizer && { compile_config: compileConfig(spec.optimizer) }),
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
    input_layers: [output(chain[0]!.config.name)],
    output_layers: [output(chain.at(-1)!.config.name)],
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

/** The hyper-parameters have Keras's names. */
function compileConfig({ type, ...hyperParameters }: Optimizer): object {
  return {
    optimizer: {
      module: 'keras.optimizers',
      class_name: KERAS_CLASSES[type],
      config: { name: type, ...hyperParameters },
      registered_name: null,
    },
    loss: 'sparse_categorical_crossentropy',
    loss_weights: null,
    metrics: ['accuracy'],
    weighted_metrics: null,
    run_eagerly: false,
    steps_per_execution: 1,
    jit_compile: false,
  };
}
