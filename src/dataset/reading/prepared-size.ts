import { MOST_INPUTS, MOST_ROWS, type ReadLimits } from './limits.ts';
import { DatasetRefusedError } from './refusal.ts';

/** An input counts 4 bytes, as engines hold it, also when it is stored in one; so does a target. */
const BYTES_PER_NUMBER = 4;

/**
 * To be asked before the memory of the rows is taken. rows: train and test.
 * @throws {DatasetRefusedError}
 */
export function refuseLarge(rows: number, inputs: number, limits: ReadLimits): void {
  if (rows > MOST_ROWS) {
    throw new DatasetRefusedError(
      `The file has ${rows} rows; at most ${MOST_ROWS} are taken. Upload a sample of them.`,
    );
  }
  refuseManyInputs(inputs);
  const bytes = rows * (inputs + 1) * BYTES_PER_NUMBER;
  if (bytes > limits.preparedBytes) {
    throw new DatasetRefusedError(
      `${rows} rows of ${inputs} numbers take ${bytes} bytes; at most ${limits.preparedBytes} are taken. Upload fewer rows, or smaller ones.`,
    );
  }
}

/** @throws {DatasetRefusedError} */
export function refuseManyInputs(inputs: number): void {
  if (inputs <= MOST_INPUTS) return;
  throw new DatasetRefusedError(
    `Each row has ${inputs} numbers; at most ${MOST_INPUTS} are taken. Make pictures smaller, or leave columns out.`,
  );
}
