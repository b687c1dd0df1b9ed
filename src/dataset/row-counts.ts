/** Row arithmetic that needs no data. */

/**
 * Train rows that remain when a share at the END is held out for validation, counted as Keras does
 * (keras/src/trainers/data_adapters/data_adapter_utils.py, train_validation_split):
 * floor(rows * (1 - validationSplit)).
 */
export function countTrainRows(rows: number, validationSplit: number): number {
  return Math.floor(rows * (1 - validationSplit));
}

/** Optimizer steps per epoch: the last batch may be short, but it still counts as a step. */
export function stepsPerEpoch(rows: number, batchSize: number): number {
  return Math.ceil(rows / batchSize);
}
