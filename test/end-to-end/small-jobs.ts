/** Small enough to train in a moment, with all that a job has. */
export const SMALL = {
  dataset: 'mnist_sample',
  model: { hidden_units: [16] },
  training: { epochs: 3, batch_size: 64, seed: 7 },
};

/** Long enough that checkpoints fall due on the way: some seconds, with the slow engine. */
export const MEDIUM = {
  dataset: 'mnist_sample',
  model: { hidden_units: [64, 32] },
  engine: 'reference',
  optimizer: { type: 'rmsprop', momentum: 0.5 },
  training: { epochs: 8, batch_size: 64, seed: 11 },
};
