import type { Loss } from '../../contract/loss.ts';
import { applyDropout, type DropoutMask } from '../dropout.ts';
import {
  type Engine,
  type EngineOptions,
  type EngineState,
  type EpochEnd,
  newValues,
  noTotals,
  type Predictions,
  type StepFigures,
  type Targets,
  type Totals,
  type Values,
} from '../engine.ts';
import { Guards } from '../guards.ts';
import { initialiseWeights } from '../initial-weights.ts';
import { type LabelValues, labelValues } from '../label-smoothing.ts';
import type { ModelLayout } from '../model-layout.ts';
import { hasPenalty, type Penalty, penaltyOf } from '../penalty.ts';
import { ACTIVATIONS, type Activation } from './activations.ts';
import { clipGradients, decayWeights, squaresOfNorms } from './clipping.ts';
import {
  denseBackwardBiases,
  denseBackwardInputs,
  denseBackwardWeights,
  denseForward,
} from './dense-layer.ts';
import { firstBackwardWeights, firstForward, readInputs } from './first-layer.ts';
import { type LayerBuffers, layerBuffers } from './layer-buffers.ts';
import { NUMBER_LOSSES, numberLossBackward, numberLossForward } from './number-loss.ts';
import { softmaxLossBackward, softmaxLossForward } from './softmax-loss.ts';
import type { UpdateRule } from './update-rule.ts';
import { createUpdateRule } from './update-rules.ts';

/**
 * The reference engine: the specification in code, written to be compared with the formulas. All engines except
 * tensorflow must give its bits.
 *
 * A step is forward, loss, backward, update: one method each below. Their loops are functions in first-layer.ts,
 * dense-layer.ts, activations.ts, softmax-loss.ts, number-loss.ts and update-rules.ts. ../rules.ts has the numbered
 * rules that make the bits the same everywhere.
 *
 * It is not meant to be fast: a step of the reference run takes about 5 ms.
 */
export function createReferenceEngine(options: EngineOptions): Engine {
  return new ReferenceEngine(options);
}

const { fround } = Math;

class ReferenceEngine implements Engine {
  readonly layout: ModelLayout;
  readonly batchSize: number;
  readonly #guards: Guards;
  readonly #values: Values;
  readonly #targets: Targets;
  readonly #lossName: Loss;
  readonly #labels: LabelValues;
  readonly #classWeights: Float32Array | null;
  readonly #epochRows: number;
  readonly #activation: Activation;
  readonly #dropout: number;
  readonly #penalty: Penalty;
  readonly #seed: number;
  readonly #optimizer: EngineOptions['optimizer'];
  readonly #rule: UpdateRule;

  /** (P) each, in the layout's order. */
  readonly #weights: Float32Array;
  readonly #gradients: Float32Array;
  readonly #layers: readonly LayerBuffers[];

  /** (B, I): the model's inputs for the latest batch. */
  readonly #inputs: Float32Array;

  /** The loss layer's results for the latest batch: (B, O) probabilities, or (B) errors; (B); (B). */
  readonly #probabilities: Float32Array;
  readonly #errors: Float32Array;
  readonly #predicted: Uint16Array;
  readonly #losses: Float32Array;

  /** (I of the first layer): whether the latest batch has an input there that is not 0, and the step of the row's last update. */
  readonly #touched: Uint8Array;
  readonly #updatedAt: Uint32Array;

  /** Steps of the job so far. */
  #steps = 0;

  /** The current epoch: steps done, and sums over their rows. */
  #epochStep = 0;
  #totals = noTotals();

  /** What the latest step measured, if it was asked to. */
  #figures: StepFigures | null = null;

  constructor(options: EngineOptions) {
    const { layout, batchSize, epochRows, source, targets } = options;
    this.layout = layout;
    this.batchSize = batchSize;
    this.#guards = new Guards(options);
    this.#values = newValues(source.storage, targets.length * layout.inputs);
    source.readValues(this.#values, 0);
    this.#targets = targets;
    this.#lossName = options.loss;
    this.#labels = labelValues(options.labelSmoothing, layout.outputs);
    this.#classWeights = options.classWeights;
    this.#epochRows = epochRows;
    this.#activation = ACTIVATIONS[options.activation];
    this.#dropout = options.dropout;
    this.#penalty = { l1: options.l1, l2: options.l2 };
    this.#seed = options.seed;
    this.#optimizer = options.optimizer;
    this.#rule = createUpdateRule(options, layout.parameters, this.#guards.stepsPerEpoch);

    this.#weights = new Float32Array(layout.parameters);
    initialiseWeights(this.#weights, options);
    this.#gradients = new Float32Array(layout.parameters);
    this.#layers = layerBuffers(this.#weights, this.#gradients, options);
    this.#inputs = new Float32Array(batchSize * layout.inputs);
    this.#probabilities = new Float32Array(batchSize * layout.outputs);
    this.#errors = new Float32Array(batchSize);
    this.#predicted = new Uint16Array(batchSize);
    this.#losses = new Float32Array(batchSize);
    this.#touched = new Uint8Array(layout.inputs);
    this.#updatedAt = new Uint32Array(layout.inputs);
  }

  train(order: Uint32Array, from: number, rates: Float64Array): number {
    this.#guards.assertNext(order, from, this.#epochStep);
    for (let s = 0; s < rates.length; s += 1) {
      const start = (from + s) * this.batchSize;
      this.#guards.assertBatch(from + s);
      if (!this.#step(order.subarray(start, start + this.batchSize), rates[s])) return s;
    }
    return rates.length;
  }

  measureStep(
    order: Uint32Array,
    from: number,
    rate: number,
    fired: readonly Uint8Array[],
  ): StepFigures | null {
    this.#guards.assertNext(order, from, this.#epochStep);
    this.#guards.assertBatch(from);
    const start = from * this.batchSize;
    const rows = order.subarray(start, start + this.batchSize);
    if (!this.#step(rows, rate, true)) return null;
    for (const [l, units] of fired.entries()) {
      const { out } = this.#layers[l];
      for (let k = 0; k < rows.length * units.length; k += 1) if (out[k] > 0) units[k % units.length] = 1;
    }
    return this.#figures;
  }

  /** One optimizer step. rows: (B), the batch's row numbers. False = the loss or a norm is not finite. */
  #step(rows: Uint32Array, rate: number, measures = false): boolean {
    this.#forward(this.#values, rows, true);
    this.#loss(this.#targets, rows);
    this.#weigh(rows);
    const totals = noTotals();
    this.#addTotals(totals, this.#targets, rows);
    totals.lossSum += rows.length * this.penalty();
    if (!Number.isFinite(totals.lossSum)) return false;
    this.#totals.lossSum += totals.lossSum;
    this.#totals.correct += totals.correct;
    this.#totals.absoluteError += totals.absoluteError;
    this.#backward(rows);
    if (hasPenalty(this.#penalty)) this.#addPenalty();
    if (measures) {
      const squares = squaresOfNorms(this.#gradients, this.layout);
      this.#figures = { ...totals, rows: rows.length, squares };
    }
    if (!clipGradients(this.#gradients, this.layout, this.#optimizer)) return false;
    this.#steps += 1;
    this.#epochStep += 1;
    this.#update(rate);
    return true;
  }

  /** Values to logits, or to the number; applies dropout in training. values: (R, I), rows: (B). */
  #forward(values: Values, rows: Uint32Array, training: boolean): void {
    const B = rows.length;
    readInputs(this.#inputs, values, rows, B, this.layout.inputs);
    const hasDropout = training && this.#dropout > 0;
    this.#layers.forEach(({ I, O, W, b, out, slopes, kept }, l) => {
      const below = this.#layers[l - 1];
      if (below === undefined) firstForward(out, this.#inputs, W, b, B, I, O);
      else denseForward(out, hasDropout ? below.kept : below.out, W, b, B, I, O);
      if (l + 1 === this.#layers.length) return;
      this.#activation.forward(out, slopes, B * O);
      if (hasDropout) applyDropout(kept, out, this.#mask(l), B, O);
    });
  }

  /** The dropout of hidden layer l in the current step. */
  #mask(l: number): DropoutMask {
    return { seed: this.#seed, layer: l, step: this.#steps + 1, rate: this.#dropout };
  }

  /** Logits to losses, probabilities and predictions; a number to losses and errors. targets: (R), rows: (B). */
  #loss(targets: Targets, rows: Uint32Array): void {
    const { out, O } = this.#layers.at(-1)!;
    const B = rows.length;
    if (this.#lossName === 'categorical_crossentropy') {
      const [losses, predicted, p] = [this.#losses, this.#predicted, this.#probabilities];
      softmaxLossForward(losses, predicted, p, out, targets as Uint16Array, rows, B, O, this.#labels);
    } else {
      const loss = NUMBER_LOSSES[this.#lossName];
      numberLossForward(loss, this.#losses, this.#errors, out, targets as Float32Array, rows, B);
    }
  }

  /** Multiplies the batch's losses by the weights of their classes. rows: (B). */
  #weigh(rows: Uint32Array): void {
    if (this.#classWeights === null) return;
    for (let r = 0; r < rows.length; r += 1) this.#losses[r] *= this.#classWeights[this.#targets[rows[r]]];
  }

  /** Adds the batch's losses, correct predictions and errors to totals, in float64, row by row. */
  #addTotals(totals: Totals, targets: Targets, rows: Uint32Array): void {
    const isNumber = this.#lossName !== 'categorical_crossentropy';
    for (let r = 0; r < rows.length; r += 1) {
      totals.lossSum += this.#losses[r];
      if (isNumber) totals.absoluteError += Math.abs(this.#errors[r]);
      else if (this.#predicted[r] === targets[rows[r]]) totals.correct += 1;
    }
  }

  /** Probabilities or errors to gradients, from the last layer to the first. rows: (B). */
  #backward(rows: Uint32Array): void {
    const B = rows.length;
    this.#gradients.fill(0);
    const last = this.#layers.at(-1)!;
    if (this.#lossName === 'categorical_crossentropy')
      softmaxLossBackward(
        last.dz,
        this.#probabilities,
        this.#targets as Uint16Array,
        rows,
        B,
        last.O,
        this.#labels,
        this.#classWeights,
      );
    else numberLossBackward(NUMBER_LOSSES[this.#lossName], last.dz, this.#errors, B);
    for (let l = this.#layers.length - 1; l > 0; l -= 1) {
      const { I, O, W, dW, db, dz } = this.#layers[l];
      const below = this.#layers[l - 1];
      denseBackwardBiases(db, dz, B, O);
      denseBackwardWeights(dW, below.kept, dz, B, I, O);
      denseBackwardInputs(below.dz, dz, W, B, I, O);
      if (this.#dropout > 0) applyDropout(below.dz, below.dz, this.#mask(l - 1), B, I);
      this.#activation.backward(below.dz, below.out, below.slopes, B * I);
    }
    const { I, O, dW, db, dz } = this.#layers[0];
    denseBackwardBiases(db, dz, B, O);
    firstBackwardWeights(dW, this.#touched, dz, this.#inputs, B, I, O);
  }

  /** Gradients to weights. */
  #update(rate: number): void {
    const rule = this.#rule;
    const weights = this.#weights;
    const gradients = this.#gradients;
    const epochStep = this.#epochStep;
    const { weight_decay } = this.#optimizer;
    rule.beginStep(rate);
    if (weight_decay !== null) decayWeights(weights, weight_decay, rate);
    if (!rule.skipsUntouchedRows) {
      rule.update(weights, gradients, 0, weights.length, 1);
      return;
    }
    const { I, O } = this.#layers[0];
    for (let i = 0; i < I; i += 1) {
      if (this.#touched[i] === 0) continue;
      rule.update(weights, gradients, i * O, i * O + O, epochStep - this.#updatedAt[i]);
      this.#updatedAt[i] = epochStep;
    }
    rule.update(weights, gradients, I * O, weights.length, 1);
  }

  /** Adds the gradients of l1 and l2. */
  #addPenalty(): void {
    const l1 = fround(this.#penalty.l1);
    const twiceL2 = fround(2 * this.#penalty.l2);
    for (const { W, dW } of this.#layers) {
      for (let k = 0; k < W.length; k += 1) {
        const sign = W[k] > 0 ? l1 : W[k] < 0 ? -l1 : 0;
        dW[k] = fround(dW[k] + sign) + fround(twiceL2 * W[k]);
      }
    }
  }

  penalty(): number {
    return penaltyOf(this.#weights, { layout: this.layout, ...this.#penalty });
  }

  endEpoch(): EpochEnd {
    const totals = this.#totals;
    this.#guards.assertEpochDone(this.#epochStep);
    if (this.#rule.skipsUntouchedRows) this.#settleRows();
    this.#epochStep = 0;
    this.#totals = noTotals();
    const buffers = [this.#weights, ...this.#rule.slots.map((slot) => slot.values)];
    return { ...totals, rows: this.#epochRows, finite: buffers.every(isFiniteBuffer) };
  }

  /** Brings the slots of rows that the last steps skipped up to date with the end of the epoch. */
  #settleRows(): void {
    const { I, O } = this.#layers[0];
    for (let i = 0; i < I; i += 1) {
      const elapsed = this.#epochStep - this.#updatedAt[i];
      if (elapsed > 0) this.#rule.settle(i * O, i * O + O, elapsed);
    }
    this.#updatedAt.fill(0);
  }

  evaluate(values: Values, targets: Targets, from: number, to: number, totals: Totals): void {
    for (const rows of this.#batches(from, to)) {
      this.#forward(values, rows, false);
      this.#loss(targets, rows);
      this.#addTotals(totals, targets, rows);
    }
  }

  predict(values: Values, targets: Targets, from: number, to: number): Predictions {
    const O = this.layout.outputs;
    const predicted = new Uint16Array(to - from);
    const outputs = new Float32Array((to - from) * O);
    const losses = new Float32Array(to - from);
    const told =
      this.#lossName === 'categorical_crossentropy' ? this.#probabilities : this.#layers.at(-1)!.out;
    for (const rows of this.#batches(from, to)) {
      const [B, start] = [rows.length, rows[0] - from];
      this.#forward(values, rows, false);
      this.#loss(targets, rows);
      predicted.set(this.#predicted.subarray(0, B), start);
      outputs.set(told.subarray(0, B * O), start * O);
      losses.set(this.#losses.subarray(0, B), start);
    }
    return { predicted, outputs, losses };
  }

  /** The rows from .. to - 1 in batches, as row numbers. */
  *#batches(from: number, to: number): Generator<Uint32Array> {
    for (let start = from; start < to; start += this.batchSize) {
      const B = Math.min(this.batchSize, to - start);
      yield Uint32Array.from({ length: B }, (_, r) => start + r);
    }
  }

  valuesAt(places: Uint32Array, slot?: string): Float32Array {
    const values = this.#rule.slots.find(({ name }) => name === slot)?.values ?? this.#weights;
    return Float32Array.from(places, (place) => values[place]);
  }

  powers(): number[] {
    return [...this.#rule.powers];
  }

  state(): EngineState {
    this.#guards.assertBetweenEpochs(this.#epochStep);
    return {
      weights: this.#weights.slice(),
      slots: this.#rule.slots.map(({ name, values }) => ({ name, values: values.slice() })),
      powers: this.powers(),
      steps: this.#steps,
    };
  }

  restore(state: EngineState): void {
    this.#guards.assertBetweenEpochs(this.#epochStep);
    this.#guards.assertOwnState(state);
    const { slots, powers } = this.#rule;
    this.#weights.set(state.weights);
    slots.forEach((slot, s) => {
      slot.values.set(state.slots[s].values);
    });
    powers.set(state.powers);
    this.#steps = state.steps;
  }
}

function isFiniteBuffer(values: Float32Array): boolean {
  // A plain loop is four times as fast as values.every, and this scans up to 20 million values per epoch.
  for (let k = 0; k < values.length; k += 1) if (!Number.isFinite(values[k])) return false;
  return true;
}
