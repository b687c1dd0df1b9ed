import { optionedSpecs } from '../support/training-options.ts';
import type { Random } from './random.ts';

/** Small jobs that together use every feature of a spec. */

const ENGINE = 'wasm';

/** Ends at once. */
const TINY: readonly object[] = [
  { model: { hidden_units: [16] }, training: { epochs: 3, batch_size: 64, seed: 1 } },
  { model: { hidden_units: [32, 16], dropout: 0.2 }, training: { epochs: 2, batch_size: 32, seed: 2 } },
  {
    model: { hidden_units: [] },
    optimizer: { type: 'sgd' },
    training: { epochs: 4, batch_size: 128, seed: 3 },
  },
  {
    model: { hidden_units: [8], activation: 'tanh' },
    optimizer: { type: 'adam' },
    training: { epochs: 1, seed: 4 },
  },
  {
    model: { hidden_units: [24] },
    training: { epochs: 3, batch_size: 100, seed: 5, validation_split: 0, shuffle: false },
  },
  {
    model: { hidden_units: [16], activation: 'sigmoid' },
    optimizer: { type: 'adagrad' },
    training: { epochs: 2, seed: 6 },
  },
].map((spec) => ({ dataset: 'mnist_sample', engine: ENGINE, ...spec }));

export const tinySpec = (random: Random): object => random.pick(TINY);

/** Many short epochs, each with its event: for trials about the events. */
export const manyEpochs = (epochs: number): object => ({
  dataset: 'mnist_sample',
  engine: ENGINE,
  model: { hidden_units: [8] },
  training: { epochs, batch_size: 256, seed: 9 },
});

const OPTIMIZERS: readonly object[] = [
  { type: 'rmsprop' },
  { type: 'rmsprop', momentum: 0.9, learning_rate: 0.0005 },
  { type: 'rmsprop', centered: true },
  { type: 'sgd', momentum: 0.9, nesterov: true },
  { type: 'adam', amsgrad: true },
];
const SHAPES: readonly object[] = [
  { hidden_units: [64, 32] },
  { hidden_units: [48], dropout: 0.3 },
  { hidden_units: [32, 32, 16], activation: 'tanh' },
  { hidden_units: [96], activation: 'sigmoid', dropout: 0.1 },
];

/** 20 more, with the other options of training. Those that stop early do so after many epochs, if at all. */
export const optioned = (epochs: number): readonly object[] =>
  optionedSpecs({ epochs, patience: Math.ceil(epochs / 3) }).map((spec) => ({
    dataset: 'mnist_sample',
    engine: ENGINE,
    ...spec,
  }));

/** 20 configurations; the number of epochs sets their duration. */
export const resumable = (epochs: number): readonly object[] =>
  OPTIMIZERS.flatMap((optimizer, o) =>
    SHAPES.map((model, s) => ({
      dataset: 'mnist_sample',
      engine: ENGINE,
      model,
      optimizer,
      training: { epochs, batch_size: 32, seed: 100 + 4 * o + s, shuffle: (o + s) % 3 !== 0 },
    })),
  );

/** Train for some seconds when other jobs train at the same time. */
export const RESUMABLE = resumable(60);

/** Different shapes and optimizers, long enough for two checkpoints when three other jobs train at the same time. */
export const LONG = resumable(120).filter((_, i) => i % 5 === 0);

/** Outlasts any trial; its epochs are short. */
export const endless = (seed: number): object => ({
  dataset: 'mnist_sample',
  engine: ENGINE,
  model: { hidden_units: [64, 64] },
  training: { epochs: 1000, batch_size: 4, seed },
});

/** One step takes far longer than a trial, so its trainer handles no messages. */
export const blocking = (): object => ({
  dataset: 'mnist_sample',
  engine: 'reference',
  model: { hidden_units: [2000, 1000] },
  training: { epochs: 1000, batch_size: 4096 },
});

/** Epochs of minutes, steps of less than a millisecond. */
export const SLOW_EPOCHS: object = {
  dataset: 'mnist',
  engine: 'reference',
  training: { epochs: 100, batch_size: 1 },
};

export const DIVERGING: object = {
  dataset: 'mnist_sample',
  engine: ENGINE,
  model: { hidden_units: [32, 32, 32, 32, 32, 32] },
  optimizer: { type: 'sgd', learning_rate: 10 },
};
