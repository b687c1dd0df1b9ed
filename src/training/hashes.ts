import { createHash } from 'node:crypto';
import type { DataShape } from '../contract/data-shape.ts';
import type { EpochResult } from './epoch-result.ts';
import { littleEndianBytes } from './little-endian.ts';

/** The two hashes that compare the results of jobs. Both are in hex. */

/** SHA-256 of the weights as float32 little-endian: W1 b1 W2 b2 ..., row-major [in][out]. weights: (P). */
export function weightsSha256(weights: Float32Array): string {
  return createHash('sha256').update(littleEndianBytes(weights)).digest('hex');
}

const FLOAT64_BYTES = 8;
const CANONICAL_NAN_HIGH_WORD = 0x7ff8_0000;

/** What is hashed of an epoch, in order. */
const HASHED = {
  classification: ['loss', 'accuracy', 'val_loss', 'val_accuracy', 'learning_rate'],
  regression: ['loss', 'mae', 'val_loss', 'val_mae', 'learning_rate'],
} as const satisfies Record<DataShape['task'], readonly (keyof EpochResult)[]>;

/**
 * SHA-256 of the measures of each epoch as float64 little-endian: HASHED has which. null is written as the NaN
 * 0x7ff8000000000000. Times are left out, so that equal specs give equal hashes.
 */
export function metricsSha256(history: readonly EpochResult[], task: DataShape['task']): string {
  const numbers = history.flatMap((row) => HASHED[task].map((measure) => row[measure] ?? null));
  const view = new DataView(new ArrayBuffer(numbers.length * FLOAT64_BYTES));
  numbers.forEach((number, index) => {
    const offset = index * FLOAT64_BYTES;
    if (number !== null) view.setFloat64(offset, number, true);
    // Written as a word, because JavaScript does not specify which NaN setFloat64 writes.
    else view.setUint32(offset + 4, CANONICAL_NAN_HIGH_WORD, true);
  });
  return createHash('sha256').update(view).digest('hex');
}
