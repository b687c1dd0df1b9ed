import { type Loss, lossOf } from '../contract/loss.ts';
import type { Optimizer } from '../contract/optimizer.ts';
import { type ExportedLayer, type ExportedModel, layersOf } from './exported-model.ts';
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
  const { layout, spec, data, inputScale, outputScale, file } = model;
  const names = kerasNames(model);
  const layers = [
    layer('InputLayer', {
      batch_shape: [null, layout.inputs],
      dtype: 'float32',
      sparse: false,
      name: 'input',
    }),
    ...(inputScale !== undefined
      ? [layer('Rescaling', { name: 'rescaling', dtype: 'float32', scale: inputScale, offset: 0 })]
      : []),
    ...layersOf(model, file.weights).flatMap(({ outputs, activation, isLast }, l) => [
      layer('Dense', { name: names.dense[l], dtype: 'float32', units: outputs, activation, use_bias: true }),
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
  return {
    module: 'keras',
    class_name: 'Sequential',
    config: {
      name: data.dataset,
      trainable: true,
      dtype: 'float32',
      layers,
      build_input_shape: [null, layout.inputs],
    },
    registered_name: null,
    build_config: { input_shape: [null, layout.inputs] },
    ...(file.optimizer && { compile_config: compileConfig(spec.optimizer, lossOf(spec, data)) }),
  };
}

const layer = (className: string, config: object) => ({
  module: 'keras.layers',
  class_name: className,
  config,
  registered_name: null,
});

/** The hyper-parameters have Keras's names. */
function compileConfig({ type, ...hyperParameters }: Optimizer, loss: Loss): object {
  return {
    optimizer: {
      module: 'keras.optimizers',
      class_name: KERAS_CLASSES[type],
      config: { name: type, ...hyperParameters },
      registered_name: null,
    },
    // Keras's name where targets are the indices of classes, not one-hot.
    loss: loss === 'categorical_crossentropy' ? 'sparse_categorical_crossentropy' : loss,
    loss_weights: null,
    metrics: [loss === 'categorical_crossentropy' ? 'accuracy' : 'mae'],
    weighted_metrics: null,
    run_eagerly: false,
    steps_per_execution: 1,
    jit_compile: false,
  };
}
