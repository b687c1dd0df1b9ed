/** The row arithmetic that needs no data. */

/**
 * Train rows that are left when a share at the END is kept for validation, as Keras counts them
 * (keras/src/trainers/data_adapters/data_adapter_utils.py, train_validation_split):
 * floor(rows * (1 - validationSplit)). The other rows are only measured.
 */
export function countTrainRows(rows: number, validationSplit: number): number {
  return Math.floor(rows * (1 - validationSplit));
}

/** Optimizer steps of an epoch: the last batch may be short, but it is a step. */
export function stepsPerEpoch(rows: number, batchSize: number): number {
  return Math.ceil(rows / batchSize);
}
