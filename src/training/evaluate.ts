import type { Evaluation } from '../contract/evaluation.ts';
import type { Dataset } from '../dataset/prepared.ts';
import type { Engine } from '../engine/engine.ts';
import { ClassTally } from './class-tally.ts';
import { NumberTally } from './number-tally.ts';
import { askedFor } from './pull.ts';
import { RowReader } from './row-reader.ts';
import type { Predicted, Tally } from './tally.ts';

/** row = test rows measured. */
export interface EvaluateYield {
  readonly type: 'evaluation';
  readonly row: number;
}

export type EvaluateOutcome =
  | {
      readonly outcome: 'evaluated';
      readonly evaluation: Evaluation;
      readonly predicted: Predicted;
    }
  /** The weights are finite, but so large that a test row's loss is not. */
  | { readonly outcome: 'diverged' };

export interface EvaluateOptions {
  readonly dataset: Dataset;
  readonly engine: Engine;
}

/**
 * Measures the engine's model on the test rows, in file order.
 *
 * next(n) measures at most n batches of rows, then yields. How the work is sliced does not affect the result.
 */
export function* evaluate({
  dataset,
  engine,
}: EvaluateOptions): Generator<EvaluateYield, EvaluateOutcome, number | undefined> {
  const { shape, test } = dataset;
  const tally: Tally = shape.classes
    ? new ClassTally(shape.classes, test.rows)
    : new NumberTally(shape.target!, test.targets);
  const reader = new RowReader(test, shape.inputs);
  let slice = 1;
  for (let from = 0; from < test.rows; ) {
    const { values, targets, rows } = reader.read(from, slice * engine.batchSize);
    tally.add(engine.predict(values, targets, 0, rows), targets, from);
    from += rows;
    slice = askedFor(yield { type: 'evaluation', row: from });
  }
  if (!Number.isFinite(tally.lossSum)) return { outcome: 'diverged' };
  const evaluation = tally.evaluation(engine.penalty());
  return { outcome: 'evaluated', predicted: tally.predicted, evaluation };
}
