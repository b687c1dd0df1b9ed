import type { Evaluation } from '../contract/evaluation.ts';
import type { Predictions, Targets } from '../engine/engine.ts';

/** (test rows): the class with the highest probability, or the standardised number. */
export type Predicted = Uint16Array | Float32Array;

/** What is counted of the test rows, in file order. */
export interface Tally {
  readonly lossSum: number;
  readonly predicted: Predicted;
  /** Counts the predictions of the rows that start at `from`. */
  add(predictions: Predictions, targets: Targets, from: number): void;
  /** All rows must have been counted, and lossSum be finite. penalty: a part of the loss that no row has. */
  evaluation(penalty: number): Evaluation;
}
