import type { Activation } from '../contract/activation.ts';
import type { DataShape } from '../contract/data-shape.ts';
import type { Initializer } from '../contract/initializer.ts';
import type { Loss } from '../contract/loss.ts';
import type { Optimizer } from '../contract/optimizer.ts';
import type { ModelLayout } from './model-layout.ts';

/**
 * The interface of every engine. An engine is one model in training: it owns the weights, the optimizer's slots
 * and the running totals of the epoch, and does not depend on files, clocks or datasets. All engines except
 * tensorflow follow the numbered rules in rules.ts and give the same bits.
 *
 * The caller slices the work: one call of `train` with 1,500 rates and 1,500 calls with one each give the same bits.
 *
 * Dims: S = steps of a call, R = rows of data, I = inputs, P = parameters of the model, O = outputs: one for each class, or one number.
 */

/** Inputs of rows, (R, I): bytes, which the model sees divided by 255, or float32, which it sees as they are. */
export type Values = Uint8Array | Float32Array;

/** Room for n values. */
export const newValues = (storage: DataShape['storage'], n: number): Values =>
  storage === 'u8' ? new Uint8Array(n) : new Float32Array(n);

/** What the rows' outputs should be, (R): the index of a class, or a number. */
export type Targets = Uint16Array | Float32Array;

export interface EngineOptions {
  readonly layout: ModelLayout;
  readonly activation: Activation;
  /** How the weights begin: of all layers but the last, and of the last one. */
  readonly kernelInitializer: Initializer;
  readonly outputInitializer: Initializer;
  /** Share of each hidden layer's outputs dropped in training: 0 to less than 1. */
  readonly dropout: number;
  /** The factors of sum |w| and sum w^2 over the kernels in the loss: 0 or more. */
  readonly l1: number;
  readonly l2: number;
  readonly optimizer: Optimizer;
  /** Rows per step, >= 1; the last batch of an epoch may be shorter. */
  readonly batchSize: number;
  /** Decides the initial weights and what dropout drops: 0 to 2^32 - 1. */
  readonly seed: number;
  /** `categorical_crossentropy` for classes; the others for a number, with one output. */
  readonly loss: Loss;
  /** Share of each target spread over all classes: 0 to 1; 0 where the target is a number. */
  readonly labelSmoothing: number;
  /** (O): what losses and gradients of a class are multiplied by in training; null = 1. */
  readonly classWeights: Float32Array | null;
  readonly source: ValueSource;
  /** (R): classes, each smaller than layout.outputs, or finite numbers. */
  readonly targets: Targets;
  /** Rows an epoch visits: the length of every `order` given to train(). */
  readonly epochRows: number;
  /** An engine that is not used any more. A new one on the same source may take over the rows it has packed. */
  readonly previous?: Engine | undefined;
}

/** The same source always gives the same values. */
export interface ValueSource {
  /** Whether its values are bytes or float32. */
  readonly storage: DataShape['storage'];
  /** Fills `into`, (n, layout.inputs), with the values of n rows, starting at row `from`. */
  readValues(into: Values, from: number): void;
}

/** One of the optimizer's buffers: a value for each parameter, in the layout's order. */
export interface Slot {
  readonly name: string;
  readonly values: Float32Array;
}

/** Everything a resume needs, saved and restored at epoch ends only. */
export interface EngineState {
  /** (P) */
  readonly weights: Float32Array;
  /** Each (P), in the optimizer's own order. */
  readonly slots: readonly Slot[];
  /** Running products in float64, such as adam's beta_1^t and beta_2^t; empty for optimizers without. */
  readonly powers: readonly number[];
  /** Optimizer steps since the start of the job. */
  readonly steps: number;
}

/** Sums over rows; divided by the number of rows they are the mean loss, the accuracy and the mean absolute error. */
export interface Totals {
  lossSum: number;
  /** Rows whose class was predicted; 0 where the target is a number. */
  correct: number;
  /** Of |output - target|; 0 where the target is a class. */
  absoluteError: number;
}

export const noTotals = (): Totals => ({ lossSum: 0, correct: 0, absoluteError: 0 });

/** What a step measured of itself, before its update. */
export type StepFigures = Totals & {
  readonly rows: number;
  /**
   * (2 L): the squares of the norms of each layer's gradients, of its kernel and of its bias, before anything is clipped
   * (rule 17); null where the engine does not tell.
   */
  readonly squares: Float64Array | null;
};

export type EpochEnd = Totals & {
  readonly rows: number;
  /** False when a weight or a slot is NaN or infinite: the job has diverged. */
  readonly finite: boolean;
};

/** The model's predictions for a range of rows; entry 0 is the range's first row. */
export interface Predictions {
  /** (R): the class with the largest logit, the lowest index among equals; 0 where the target is a number. */
  readonly predicted: Uint16Array;
  /** (R, O): softmax, or the predicted number. */
  readonly outputs: Float32Array;
  /** (R): against the target. */
  readonly losses: Float32Array;
}

export interface Engine {
  readonly layout: ModelLayout;
  readonly batchSize: number;

  /**
   * Trains S consecutive batches of an epoch, the first being batch `from` (counted from 0).
   *
   * rates: (S), the learning rate of each step, in float64. It may depend on the number of the step in the job alone,
   * so that slices never change a bit.
   *
   * order: (epochRows), the epoch's row numbers; batch s is order[s * batchSize .. (s + 1) * batchSize).
   * The batches of an epoch come in ascending order, each once.
   *
   * Returns how many steps were trained. Fewer than S means that the loss of batch `from + result`, or a norm
   * by which its gradient is clipped, is not finite; that step changed no weight, and the engine must not be trained
   * further.
   */
  train(order: Uint32Array, from: number, rates: Float64Array): number;

  /**
   * Trains one batch as train() does, to the same bits, and tells its figures; null = it diverged, as train() says.
   * It may take twice as long.
   *
   * fired: for each hidden layer (units), gets a 1 for each unit whose output was more than 0 for a row of the batch.
   * An engine that does not tell sets all to 1.
   */
  measureStep(
    order: Uint32Array,
    from: number,
    rate: number,
    fired: readonly Uint8Array[],
  ): StepFigures | null;

  /** (N): the weights at some places of the layout, (N) and ascending, at any time; or those of a slot, between epochs. */
  valuesAt(places: Uint32Array, slot?: string): Float32Array;

  /** The optimizer's running products, as in its state. */
  powers(): readonly number[];

  /**
   * Ends an epoch after its last batch: brings late slots up to date, scans weights and slots, and returns
   * (and resets) the totals over the epoch's batches, each measured before its own update.
   */
  endEpoch(): EpochEnd;

  /**
   * Adds what the rows `from` .. `to` - 1 give to `totals`, row by row, so that a range may be split anywhere.
   * values: (R, I), as the source has them; targets: (R).
   */
  evaluate(values: Values, targets: Targets, from: number, to: number, totals: Totals): void;

  /** Predicts the rows `from` .. `to` - 1. values: (R, I), as the source has them; targets: (R). */
  predict(values: Values, targets: Targets, from: number, to: number): Predictions;

  /** What l1 and l2 add to the mean loss with the present weights. evaluate() and predict() leave it out. */
  penalty(): number;

  /** A copy of weights and optimizer. Valid before the first epoch and after endEpoch(). */
  state(): EngineState;

  /** Continues from a state of the same layout and optimizer; throws if shapes or names do not match. */
  restore(state: EngineState): void;
}
