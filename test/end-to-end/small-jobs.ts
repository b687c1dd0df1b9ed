/** Small enough to train in a moment, but a complete job. */
export const SMALL = {
  dataset: 'mnist_sample',
  model: { hidden_units: [16] },
  training: { epochs: 3, batch_size: 64, seed: 7 },
};

/** Takes some seconds on the slow engine, so that checkpoints fall due. The others come to the same bits sooner. */
export const MEDIUM = {
  dataset: 'mnist_sample',
  model: { hidden_units: [64, 32] },
  engine: 'reference',
  optimizer: { type: 'rmsprop', momentum: 0.5 },
  training: { epochs: 8, batch_size: 64, seed: 11 },
};
