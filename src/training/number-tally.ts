import type { NumberEvaluation } from '../contract/evaluation.ts';
import { inUnit, type Standardised, targetInUnit } from '../contract/in-unit.ts';
import type { Predictions, Targets } from '../engine/engine.ts';
import type { Tally } from './tally.ts';

const WORST_ROWS = 20;
const BINS = 20;

/** The test rows of a model that predicts a number. Sums are float64, over the rows in file order. */
export class NumberTally implements Tally {
  readonly predicted: Float32Array;
  readonly #target: Standardised;
  readonly #targets: Targets;
  readonly #worst: Worst[] = [];
  lossSum = 0;

  /** targets: (test rows), standardised. */
  constructor(target: Standardised, targets: Targets) {
    this.predicted = new Float32Array(targets.length);
    this.#target = target;
    this.#targets = targets;
  }

  add({ outputs, losses }: Predictions, _targets: Targets, from: number): void {
    this.predicted.set(outputs, from);
    for (let r = 0; r < losses.length; r += 1) {
      const loss = losses[r];
      this.lossSum += loss;
      this.#noteWorst({ index: from + r, loss });
    }
  }

  /** Rows come in order, so that of equal losses the first stays. */
  #noteWorst(row: Worst): void {
    const worst = this.#worst;
    if (worst.length === WORST_ROWS && !(row.loss > worst[WORST_ROWS - 1].loss)) return;
    const place = worst.findIndex(({ loss }) => row.loss > loss);
    worst.splice(place === -1 ? worst.length : place, 0, row);
    worst.length = Math.min(worst.length, WORST_ROWS);
  }

  evaluation(penalty: number): NumberEvaluation {
    const rows = this.predicted.length;
    const targets = this.#targets;
    const { deviation } = this.#target;
    let [absolute, squares, sum] = [0, 0, 0];
    for (let r = 0; r < rows; r += 1) {
      const residual = targets[r] - this.predicted[r];
      absolute += Math.abs(residual);
      squares += residual * residual;
      sum += targets[r];
    }
    const mean = sum / rows;
    let variation = 0;
    for (let r = 0; r < rows; r += 1) variation += (targets[r] - mean) * (targets[r] - mean);
    return {
      object: 'evaluation',
      task: 'regression',
      rows,
      loss: this.lossSum / rows + penalty,
      mae: (absolute / rows) * deviation,
      rmse: Math.sqrt(squares / rows) * deviation,
      r2: variation === 0 ? null : 1 - squares / variation,
      residuals: this.#histogram(),
      worst_rows: this.#worst.map(({ index, loss }) => ({
        index,
        actual: targetInUnit(targets[index], this.#target),
        predicted: inUnit(this.predicted[index], this.#target),
        loss,
      })),
    };
  }

  /** As NumPy's histogram(actual - predicted, bins=20). */
  #histogram(): NumberEvaluation['residuals'] {
    const { deviation } = this.#target;
    const residuals = Float64Array.from(this.predicted, (value, r) => (this.#targets[r] - value) * deviation);
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const residual of residuals) {
      low = Math.min(low, residual);
      high = Math.max(high, residual);
    }
    if (low === high) {
      const room = Math.max(0.5, Math.abs(low) * 1e-6);
      [low, high] = [low - room, high + room];
    }
    const edges = Array.from({ length: BINS + 1 }, (_, i) =>
      i === BINS ? high : low + ((high - low) * i) / BINS,
    );
    const counts = new Array<number>(BINS).fill(0);
    for (const residual of residuals) {
      let bin = Math.min(Math.floor(((residual - low) / (high - low)) * BINS), BINS - 1);
      // The division may round to the other side of an edge.
      if (residual < edges[bin]) bin -= 1;
      else if (bin < BINS - 1 && residual >= edges[bin + 1]) bin += 1;
      counts[bin] += 1;
    }
    return { edges, counts };
  }
}

interface Worst {
  readonly index: number;
  readonly loss: number;
}
