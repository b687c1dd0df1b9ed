import type { Evaluation } from '../contract/evaluation.ts';
import type { Dataset } from '../dataset/prepared.ts';
import type { Engine, Predictions, Targets } from '../engine/engine.ts';
import { askedFor } from './pull.ts';
import { RowReader } from './row-reader.ts';

/** row = test rows measured. */
export interface EvaluateYield {
  readonly type: 'evaluation';
  readonly row: number;
}

export type EvaluateOutcome =
  | {
      readonly outcome: 'evaluated';
      readonly evaluation: Evaluation;
      /** (test rows): the class with the highest probability. */
      readonly predicted: Uint16Array;
    }
  /** The weights are finite, but so large that a test row's loss is not. */
  | { readonly outcome: 'diverged' };

export interface EvaluateOptions {
  readonly dataset: Dataset;
  readonly engine: Engine;
}

const WORST_MISTAKES = 20;

type Mistake = Evaluation['worst_mistakes'][number];

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
  const { classes, outputs: O } = shape;
  const tally: Tally = {
    lossSum: 0,
    confusion: classes.map(() => new Array<number>(O).fill(0)),
    mistakes: [],
  };
  const predicted = new Uint16Array(test.rows);
  const reader = new RowReader(test, shape.inputs);
  let slice = 1;
  for (let from = 0; from < test.rows; ) {
    const { values, targets, rows } = reader.read(from, slice * engine.batchSize);
    const predictions = engine.predict(values, targets, 0, rows);
    predicted.set(predictions.predicted, from);
    add(tally, predictions, targets, from, classes);
    from += rows;
    slice = askedFor(yield { type: 'evaluation', row: from });
  }
  const { lossSum, confusion, mistakes } = tally;
  if (!Number.isFinite(lossSum)) return { outcome: 'diverged' };
  return {
    outcome: 'evaluated',
    predicted,
    evaluation: {
      object: 'evaluation',
      rows: test.rows,
      loss: lossSum / test.rows + engine.penalty(),
      accuracy: (test.rows - mistakes.length) / test.rows,
      confusion_matrix: confusion,
      classes: classes.map((label, c) => ({ label, ...classScores(confusion, c) })),
      worst_mistakes: mistakes.sort(worstFirst).slice(0, WORST_MISTAKES),
    },
  };
}

interface Tally {
  lossSum: number;
  /** (classes, classes): see classScores. */
  readonly confusion: number[][];
  /** In file order. */
  readonly mistakes: Mistake[];
}

/**
 * Counts the predictions of the rows that start at `from`. A function of its own, because V8 compiles a hot loop sooner
 * here than in a generator.
 */
function add(
  tally: Tally,
  { predicted, outputs, losses }: Predictions,
  targets: Targets,
  from: number,
  classes: readonly string[],
): void {
  for (let r = 0; r < predicted.length; r += 1) {
    const label = targets[r];
    const choice = predicted[r];
    const loss = losses[r];
    tally.lossSum += loss;
    tally.confusion[label][choice] += 1;
    if (choice === label) continue;
    tally.mistakes.push({
      index: from + r,
      label: classes[label],
      predicted: classes[choice],
      probability: outputs[r * classes.length + choice],
      loss,
    });
  }
}

/** confusion[i][j] = rows of class i predicted as class j. A share of nothing is 0. */
function classScores(confusion: readonly number[][], c: number) {
  const right = confusion[c][c];
  const support = confusion[c].reduce((sum, rows) => sum + rows, 0);
  const chosen = confusion.reduce((sum, row) => sum + row[c], 0);
  const precision = share(right, chosen);
  const recall = share(right, support);
  return { precision, recall, f1: share(2 * precision * recall, precision + recall), support };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** Sorts by loss; equal losses keep file order, so that every machine gives the same list. */
function worstFirst(a: Mistake, b: Mistake): number {
  return b.loss - a.loss || a.index - b.index;
}
