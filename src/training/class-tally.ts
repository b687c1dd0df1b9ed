import type { ClassEvaluation } from '../contract/evaluation.ts';
import type { Predictions, Targets } from '../engine/engine.ts';
import type { Tally } from './tally.ts';

const WORST_MISTAKES = 20;

type Mistake = ClassEvaluation['worst_mistakes'][number];

/** The test rows of a model that predicts classes. */
export class ClassTally implements Tally {
  readonly predicted: Uint16Array;
  readonly #classes: readonly string[];
  /** (classes, classes): see classScores. */
  readonly #confusion: number[][];
  /** In file order. */
  readonly #mistakes: Mistake[] = [];
  lossSum = 0;

  constructor(classes: readonly string[], rows: number) {
    this.predicted = new Uint16Array(rows);
    this.#classes = classes;
    this.#confusion = classes.map(() => new Array<number>(classes.length).fill(0));
  }

  add({ predicted, outputs, losses }: Predictions, targets: Targets, from: number): void {
    const classes = this.#classes;
    this.predicted.set(predicted, from);
    for (let r = 0; r < predicted.length; r += 1) {
      const label = targets[r];
      const choice = predicted[r];
      const loss = losses[r];
      this.lossSum += loss;
      this.#confusion[label][choice] += 1;
      if (choice === label) continue;
      this.#mistakes.push({
        index: from + r,
        label: classes[label],
        predicted: classes[choice],
        probability: outputs[r * classes.length + choice],
        loss,
      });
    }
  }

  evaluation(penalty: number): ClassEvaluation {
    const rows = this.predicted.length;
    const confusion = this.#confusion;
    return {
      object: 'evaluation',
      task: 'classification',
      rows,
      loss: this.lossSum / rows + penalty,
      accuracy: (rows - this.#mistakes.length) / rows,
      confusion_matrix: confusion,
      classes: this.#classes.map((label, c) => ({ label, ...classScores(confusion, c) })),
      worst_mistakes: this.#mistakes.sort(worstFirst).slice(0, WORST_MISTAKES),
    };
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
