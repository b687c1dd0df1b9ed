import { applyDropout, type DropoutMask } from '../dropout.ts';
import type { Engine, EngineOptions, EngineState, EpochEnd, Predictions, Totals } from '../engine.ts';
import { Guards } from '../guards.ts';
import type { ModelLayout } from '../model-layout.ts';
import { initialiseWeights } from '../random.ts';
import { ACTIVATIONS, type Activation } from './activations.ts';
import {
  denseBackwardBiases,
  denseBackwardInputs,
  denseBackwardWeights,
  denseForward,
} from './dense-layer.ts';
import { type LayerBuffers, layerBuffers } from './layer-buffers.ts';
import { pixelsBackwardWeights, pixelsForward } from './pixel-layer.ts';
import { softmaxLossBackward, softmaxLossForward } from './softmax-loss.ts';
import { createUpdateRule, type UpdateRule } from './update-rules.ts';

/**
 * The reference engine: the specification in code, written to be compared with the formulas. All engines except
 * tensorflow must give its bits.
 *
 * A step is forward, loss, backward, update: one method each below. Their loops are functions in pixel-layer.ts,
 * dense-layer.ts, activations.ts, softmax-loss.ts and update-rules.ts. ../rules.ts has the numbered rules that make
 * the bits the same everywhere.
 *
 * It is not meant to be fast: a step of the reference run takes about 5 ms.
 */
export function createReferenceEngine(options: EngineOptions): Engine {
  return new ReferenceEngine(options);
}

class ReferenceEngine implements Engine {
  readonly layout: ModelLayout;
  readonly batchSize: number;
  readonly #guards: Guards;
  readonly #images: Uint8Array;
  readonly #labels: Uint8Array;
  readonly #epochRows: number;
  readonly #activation: Activation;
  readonly #dropout: number;
  readonly #seed: number;
  readonly #rule: UpdateRule;

  /** (P) each, in the layout's order. */
  readonly #weights: Float32Array;
  readonly #gradients: Float32Array;
  readonly #layers: readonly LayerBuffers[];

  /** (B, O), (B), (B): the loss layer's results for the latest batch. */
  readonly #probabilities: Float32Array;
  readonly #predicted: Uint16Array;
  readonly #losses: Float32Array;

  /** (I of the first layer): whether the latest batch has a lit pixel there, and the step of the row's last update. */
  readonly #touched: Uint8Array;
  readonly #updatedAt: Uint32Array;

  /** Steps of the job so far. */
  #steps = 0;

  /** The current epoch: steps done, and sums over their rows. */
  #epochStep = 0;
  #lossSum = 0;
  #correct = 0;

  constructor(options: EngineOptions) {
    const { layout, batchSize, epochRows, labels } = options;
    this.layout = layout;
    this.batchSize = batchSize;
    this.#guards = new Guards(options);
    this.#images = new Uint8Array(labels.length * layout.inputs);
    options.source.readImages(this.#images, 0);
    this.#labels = labels;
    this.#epochRows = epochRows;
    this.#activation = ACTIVATIONS[options.activation];
    this.#dropout = options.dropout;
    this.#seed = options.seed;
    this.#rule = createUpdateRule(options.optimizer, layout.parameters, this.#guards.stepsPerEpoch);

    this.#weights = new Float32Array(layout.parameters);
    initialiseWeights(this.#weights, layout, options.seed);
    this.#gradients = new Float32Array(layout.parameters);
    this.#layers = layerBuffers(layout, this.#weights, this.#gradients, batchSize, this.#dropout > 0);
    this.#probabilities = new Float32Array(batchSize * layout.classes);
    this.#predicted = new Uint16Array(batchSize);
    this.#losses = new Float32Array(batchSize);
    this.#touched = new Uint8Array(layout.inputs);
    this.#updatedAt = new Uint32Array(layout.inputs);
  }

  train(order: Uint32Array, from: number, steps: number): number {
    this.#guards.assertNext(order, from, this.#epochStep);
    for (let s = 0; s < steps; s += 1) {
      const start = (from + s) * this.batchSize;
      this.#guards.assertBatch(from + s);
      if (!this.#step(order.subarray(start, start + this.batchSize))) return s;
    }
    return steps;
  }

  /** One optimizer step. rows: (B), the batch's row numbers. False = the loss is not finite. */
  #step(rows: Uint32Array): boolean {
    this.#forward(this.#images, rows, true);
    this.#loss(this.#labels, rows);
    const totals = { lossSum: 0, correct: 0 };
    this.#addTotals(totals, this.#labels, rows);
    if (!Number.isFinite(totals.lossSum)) return false;
    this.#lossSum += totals.lossSum;
    this.#correct += totals.correct;
    this.#backward(rows);
    this.#steps += 1;
    this.#epochStep += 1;
    this.#update();
    return true;
  }

  /** Images to logits; applies dropout in training. images: (R, I), rows: (B). */
  #forward(images: Uint8Array, rows: Uint32Array, training: boolean): void {
    const B = rows.length;
    const hasDropout = training && this.#dropout > 0;
    this.#layers.forEach(({ I, O, W, b, out, kept }, l) => {
      const below = this.#layers[l - 1];
      if (below === undefined) pixelsForward(out, images, rows, W, b, B, I, O);
      else denseForward(out, hasDropout ? below.kept : below.out, W, b, B, I, O);
      if (l + 1 === this.#layers.length) return;
      this.#activation.forward(out, B * O);
      if (hasDropout) applyDropout(kept, out, this.#mask(l), B, O);
    });
  }

  /** The dropout of hidden layer l in the current step. */
  #mask(l: number): DropoutMask {
    return { seed: this.#seed, layer: l, step: this.#steps + 1, rate: this.#dropout };
  }

  /** Logits to losses, probabilities and predictions. labels: (R), rows: (B). */
  #loss(labels: Uint8Array, rows: Uint32Array): void {
    const { out: logits, O } = this.#layers.at(-1)!;
    softmaxLossForward(
      this.#losses,
      this.#predicted,
      this.#probabilities,
      logits,
      labels,
      rows,
      rows.length,
      O,
    );
  }

  /** Adds the batch's losses and correct predictions to totals, in float64, row by row. */
  #addTotals(totals: Totals, labels: Uint8Array, rows: Uint32Array): void {
    for (let r = 0; r < rows.length; r += 1) {
      totals.lossSum += this.#losses[r];
      if (this.#predicted[r] === labels[rows[r]]) totals.correct += 1;
    }
  }

  /** Probabilities to gradients, from the last layer to the first. rows: (B). */
  #backward(rows: Uint32Array): void {
    const B = rows.length;
    this.#gradients.fill(0);
    const last = this.#layers.at(-1)!;
    softmaxLossBackward(last.dz, this.#probabilities, this.#labels, rows, B, last.O);
    for (let l = this.#layers.length - 1; l > 0; l -= 1) {
      const { I, O, W, dW, db, dz } = this.#layers[l];
      const below = this.#layers[l - 1];
      denseBackwardBiases(db, dz, B, O);
      denseBackwardWeights(dW, below.kept, dz, B, I, O);
      denseBackwardInputs(below.dz, dz, W, B, I, O);
      if (this.#dropout > 0) applyDropout(below.dz, below.dz, this.#mask(l - 1), B, I);
      this.#activation.backward(below.dz, below.out, B * I);
    }
    const { I, O, dW, db, dz } = this.#layers[0];
    denseBackwardBiases(db, dz, B, O);
    pixelsBackwardWeights(dW, this.#touched, dz, this.#images, rows, B, I, O);
  }

  /** Gradients to weights. */
  #update(): void {
    const rule = this.#rule;
    const weights = this.#weights;
    const gradients = this.#gradients;
    const epochStep = this.#epochStep;
    rule.beginStep();
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

  endEpoch(): EpochEnd {
    const epochRows = this.#epochRows;
    const lossSum = this.#lossSum;
    const correct = this.#correct;
    this.#guards.assertEpochDone(this.#epochStep);
    if (this.#rule.skipsUntouchedRows) this.#settleRows();
    this.#epochStep = 0;
    this.#lossSum = 0;
    this.#correct = 0;
    const buffers = [this.#weights, ...this.#rule.slots.map((slot) => slot.values)];
    return { lossSum, correct, rows: epochRows, finite: buffers.every(isFiniteBuffer) };
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

  evaluate(images: Uint8Array, labels: Uint8Array, from: number, to: number, totals: Totals): void {
    for (const rows of this.#batches(from, to)) {
      this.#forward(images, rows, false);
      this.#loss(labels, rows);
      this.#addTotals(totals, labels, rows);
    }
  }

  predict(images: Uint8Array, labels: Uint8Array, from: number, to: number): Predictions {
    const O = this.layout.classes;
    const predicted = new Uint16Array(to - from);
    const probabilities = new Float32Array((to - from) * O);
    const losses = new Float32Array(to - from);
    for (const rows of this.#batches(from, to)) {
      const [B, start] = [rows.length, rows[0] - from];
      this.#forward(images, rows, false);
      this.#loss(labels, rows);
      predicted.set(this.#predicted.subarray(0, B), start);
      probabilities.set(this.#probabilities.subarray(0, B * O), start * O);
      losses.set(this.#losses.subarray(0, B), start);
    }
    return { predicted, probabilities, losses };
  }

  /** The rows from .. to - 1 in batches, as row numbers. */
  *#batches(from: number, to: number): Generator<Uint32Array> {
    for (let start = from; start < to; start += this.batchSize) {
      const B = Math.min(this.batchSize, to - start);
      yield Uint32Array.from({ length: B }, (_, r) => start + r);
    }
  }

  state(): EngineState {
    this.#guards.assertBetweenEpochs(this.#epochStep);
    return {
      weights: this.#weights.slice(),
      slots: this.#rule.slots.map(({ name, values }) => ({ name, values: values.slice() })),
      powers: [...this.#rule.powers],
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
