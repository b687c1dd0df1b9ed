import { applyDropout } from '../dropout.ts';
import type { Engine, EngineOptions, EngineState, EpochEnd, Predictions, Totals } from '../engine.ts';
import { Guards } from '../guards.ts';
import type { ModelLayout } from '../model-layout.ts';
import { initialiseWeights } from '../random.ts';
import type { Scalar, Tensor, Tensor1D, Tensor2D, TensorFlow, Variable } from './tensorflow-module.ts';
import { createTensorFlowOptimizer, type TensorFlowOptimizer } from './tensorflow-optimizers.ts';

/**
 * The tensorflow engine, for comparison with common practice: TensorFlow.js's dense layers, gradients and optimizers.
 * It starts from the same weights as the others, visits the same batches and drops the same outputs. Its losses stay
 * close to theirs, but its bits differ, since TensorFlow adds in another order.
 *
 * A process that has created one must not run another engine: TensorFlow's native library may switch denormals off, and
 * the model's tensors stay until the process ends.
 */
export function createTensorFlowEngine(tensorflow: TensorFlow, options: EngineOptions): Engine {
  return new TensorFlowEngine(tensorflow, options);
}

class TensorFlowEngine implements Engine {
  readonly layout: ModelLayout;
  readonly batchSize: number;
  readonly #tf: TensorFlow['core'];
  readonly #options: EngineOptions;
  readonly #guards: Guards;
  readonly #images: Uint8Array;
  readonly #layers: readonly ReturnType<TensorFlow['layers']['layers']['dense']>[];
  /** In the layout's order: W1 b1 W2 b2 ... */
  readonly #weights: readonly Variable[];
  readonly #trained: TensorFlowOptimizer;

  /** Steps of the job so far. */
  #steps = 0;

  /** The current epoch: steps done, and sums over their rows. */
  #epochStep = 0;
  #lossSum = 0;
  #correct = 0;

  constructor(tensorflow: TensorFlow, options: EngineOptions) {
    const { layout } = options;
    this.layout = layout;
    this.batchSize = options.batchSize;
    this.#tf = tensorflow.core;
    this.#options = options;
    this.#guards = new Guards(options);
    this.#images = new Uint8Array(options.labels.length * layout.inputs);
    options.source.readImages(this.#images, 0);
    const last = layout.layers.length - 1;
    this.#layers = layout.layers.map(({ inputs, outputs }, l) => {
      const dense = tensorflow.layers.layers.dense({
        units: outputs,
        activation: l < last ? options.activation : 'linear',
        kernelInitializer: 'zeros',
      });
      dense.build([null, inputs]);
      return dense;
    });
    this.#weights = this.#layers.flatMap((dense) =>
      dense.trainableWeights.map((weight) => weight.read() as Variable),
    );
    this.#trained = createTensorFlowOptimizer(tensorflow, options.optimizer, this.#weights);
    const weights = new Float32Array(layout.parameters);
    initialiseWeights(weights, layout, options.seed);
    this.#write(this.#weights, weights);
  }

  train(order: Uint32Array, from: number, steps: number): number {
    this.#guards.assertNext(order, from, this.#epochStep);
    for (let s = 0; s < steps; s += 1) {
      const start = (from + s) * this.batchSize;
      this.#guards.assertBatch(from + s);
      const rows = order.subarray(start, start + this.batchSize);
      if (!this.#tf.tidy(() => this.#step(rows))) return s;
    }
    return steps;
  }

  /** One optimizer step. rows: (B), the batch's row numbers. False = the loss is not finite. */
  #step(rows: Uint32Array): boolean {
    const { labels } = this.#options;
    const { optimizer } = this.#trained;
    const x = this.#pixels(this.#images, rows);
    const totals = { lossSum: 0, correct: 0 };
    const { grads } = optimizer.computeGradients(() => {
      const logits = this.#forward(x, true);
      const losses = this.#losses(logits, labels, rows);
      addTotals(totals, this.#measured(logits, losses), labels, rows);
      return this.#tf.mean(losses) as Scalar;
    }, [...this.#weights]);
    if (!Number.isFinite(totals.lossSum)) return false;
    this.#trained.beginStep();
    optimizer.applyGradients(this.#weights.map(({ name }) => ({ name, tensor: grads[name] })));
    this.#lossSum += totals.lossSum;
    this.#correct += totals.correct;
    this.#steps += 1;
    this.#epochStep += 1;
    return true;
  }

  /** (B, I): pixel / 255. images: (R, I), rows: (B). */
  #pixels(images: Uint8Array, rows: Uint32Array): Tensor2D {
    const I = this.layout.inputs;
    const x = new Float32Array(rows.length * I);
    rows.forEach((row, r) => {
      for (let i = 0; i < I; i += 1) x[r * I + i] = images[row * I + i] / 255;
    });
    return this.#tf.tensor2d(x, [rows.length, I]);
  }

  /** Images to logits; applies dropout in training. x: (B, I), result: (B, O). */
  #forward(x: Tensor2D, training: boolean): Tensor2D {
    const hasDropout = training && this.#options.dropout > 0;
    let h = x;
    this.#layers.forEach((dense, l) => {
      h = dense.apply(h) as Tensor2D;
      if (hasDropout && l + 1 < this.#layers.length) h = this.#tf.mul(h, this.#mask(l, h.shape));
    });
    return h;
  }

  /** (B, O): the dropout factors for the outputs of hidden layer l in the current step. */
  #mask(l: number, shape: [number, number]): Tensor2D {
    const { seed, dropout } = this.#options;
    const mask = new Float32Array(shape[0] * shape[1]).fill(1);
    applyDropout(mask, mask, { seed, layer: l, step: this.#steps + 1, rate: dropout }, ...shape);
    return this.#tf.tensor2d(mask, shape);
  }

  /** (B): cross-entropy. logits: (B, O), labels: (R), rows: (B). */
  #losses(logits: Tensor2D, labels: Uint8Array, rows: Uint32Array): Tensor1D {
    const tf = this.#tf;
    const y = tf.oneHot(
      tf.tensor1d(
        Int32Array.from(rows, (row) => labels[row]),
        'int32',
      ),
      this.layout.classes,
    );
    return tf.losses.softmaxCrossEntropy(y, logits, undefined, 0, tf.Reduction.NONE);
  }

  /** logits: (B, O), losses: (B). */
  #measured(logits: Tensor2D, losses: Tensor1D): Measured {
    return { predicted: largest(floats(logits), this.layout.classes), losses: floats(losses) };
  }

  endEpoch(): EpochEnd {
    const lossSum = this.#lossSum;
    const correct = this.#correct;
    const options = this.#options;
    this.#guards.assertEpochDone(this.#epochStep);
    this.#epochStep = 0;
    this.#lossSum = 0;
    this.#correct = 0;
    // The WASM backend's relu turns NaN into 0, so a loss may not show a divergence.
    const variables = [this.#weights, ...this.#trained.slots.map((slot) => slot.variables)].flat();
    const finite = variables.every((variable) => floats(variable).every(Number.isFinite));
    return { lossSum, correct, rows: options.epochRows, finite };
  }

  evaluate(images: Uint8Array, labels: Uint8Array, from: number, to: number, totals: Totals): void {
    for (const rows of this.#batches(from, to)) {
      this.#tf.tidy(() => {
        const logits = this.#forward(this.#pixels(images, rows), false);
        addTotals(totals, this.#measured(logits, this.#losses(logits, labels, rows)), labels, rows);
      });
    }
  }

  predict(images: Uint8Array, labels: Uint8Array, from: number, to: number): Predictions {
    const O = this.layout.classes;
    const predictions = {
      predicted: new Uint16Array(to - from),
      probabilities: new Float32Array((to - from) * O),
      losses: new Float32Array(to - from),
    };
    for (const rows of this.#batches(from, to)) {
      const start = rows[0] - from;
      this.#tf.tidy(() => {
        const logits = this.#forward(this.#pixels(images, rows), false);
        const measured = this.#measured(logits, this.#losses(logits, labels, rows));
        predictions.predicted.set(measured.predicted, start);
        predictions.losses.set(measured.losses, start);
        predictions.probabilities.set(floats(this.#tf.softmax(logits)), start * O);
      });
    }
    return predictions;
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
    const { slots, powers } = this.#trained;
    return {
      weights: this.#read(this.#weights),
      slots: slots.map(({ name, variables }) => ({ name, values: this.#read(variables) })),
      powers: [...powers],
      steps: this.#steps,
    };
  }

  restore(state: EngineState): void {
    this.#guards.assertBetweenEpochs(this.#epochStep);
    this.#guards.assertOwnState(state);
    const trained = this.#trained;
    this.#write(this.#weights, state.weights);
    trained.slots.forEach(({ variables }, s) => {
      this.#write(variables, state.slots[s].values);
    });
    trained.powers.set(state.powers);
    this.#steps = state.steps;
  }

  /** Copies a flat buffer, (P), to the variables W1 b1 W2 b2 ... */
  #write(variables: readonly Variable[], flat: Float32Array): void {
    let offset = 0;
    for (const variable of variables) {
      const values = flat.slice(offset, offset + variable.size);
      this.#tf.tidy(() => variable.assign(this.#tf.tensor(values, variable.shape)));
      offset += variable.size;
    }
  }

  #read(variables: readonly Variable[]): Float32Array {
    const flat = new Float32Array(this.layout.parameters);
    let offset = 0;
    for (const variable of variables) {
      flat.set(floats(variable), offset);
      offset += variable.size;
    }
    return flat;
  }
}

/** (B) each. */
interface Measured {
  readonly predicted: Uint16Array;
  readonly losses: Float32Array;
}

const floats = (tensor: Tensor) => tensor.dataSync<'float32'>();

/** Adds a batch's losses and correct predictions to totals, in float64, row by row. */
function addTotals(
  totals: Totals,
  { predicted, losses }: Measured,
  labels: Uint8Array,
  rows: Uint32Array,
): void {
  rows.forEach((row, r) => {
    totals.lossSum += losses[r];
    if (predicted[r] === labels[row]) totals.correct += 1;
  });
}

/** (B): the column of each row's largest value, the lowest among equals. values: (B, O). */
function largest(values: Float32Array, O: number): Uint16Array {
  return Uint16Array.from({ length: values.length / O }, (_, r) => {
    let best = 0;
    for (let j = 1; j < O; j += 1) if (values[r * O + j] > values[r * O + best]) best = j;
    return best;
  });
}
