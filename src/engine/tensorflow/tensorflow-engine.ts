import type { Activation } from '../../contract/activation.ts';
import type { Loss } from '../../contract/loss.ts';
import { applyDropout } from '../dropout.ts';
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
import type { ModelLayout } from '../model-layout.ts';
import { hasPenalty, penaltyOf } from '../penalty.ts';
import { clippedGradients, decayWeights } from './tensorflow-clipping.ts';
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
  readonly #values: Values;
  readonly #layers: readonly ReturnType<TensorFlow['layers']['layers']['dense']>[];
  /** In the layout's order: W1 b1 W2 b2 ... */
  readonly #weights: readonly Variable[];
  readonly #trained: TensorFlowOptimizer;

  /** Steps of the job so far. */
  #steps = 0;

  /** The current epoch: steps done, and sums over their rows. */
  #epochStep = 0;
  #totals = noTotals();

  constructor(tensorflow: TensorFlow, options: EngineOptions) {
    const { layout } = options;
    this.layout = layout;
    this.batchSize = options.batchSize;
    this.#tf = tensorflow.core;
    this.#options = options;
    this.#guards = new Guards(options);
    this.#values = newValues(options.source.storage, options.targets.length * layout.inputs);
    options.source.readValues(this.#values, 0);
    const last = layout.layers.length - 1;
    this.#layers = layout.layers.map(({ inputs, outputs }, l) => {
      const dense = tensorflow.layers.layers.dense({
        units: outputs,
        activation: l < last ? ACTIVATIONS[options.activation] : 'linear',
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
    initialiseWeights(weights, options);
    this.#write(this.#weights, weights);
  }

  train(order: Uint32Array, from: number, rates: Float64Array): number {
    this.#guards.assertNext(order, from, this.#epochStep);
    for (let s = 0; s < rates.length; s += 1) {
      const start = (from + s) * this.batchSize;
      this.#guards.assertBatch(from + s);
      const rows = order.subarray(start, start + this.batchSize);
      if (!this.#tf.tidy(() => this.#step(rows, rates[s]))) return s;
    }
    return rates.length;
  }

  /** It does not tell its gradients, nor which units fire. */
  measureStep(
    order: Uint32Array,
    from: number,
    rate: number,
    fired: readonly Uint8Array[],
  ): StepFigures | null {
    const before = this.#totals;
    this.#totals = noTotals();
    const trained = this.train(order, from, Float64Array.of(rate));
    const totals = this.#totals;
    this.#totals = {
      lossSum: before.lossSum + totals.lossSum,
      correct: before.correct + totals.correct,
      absoluteError: before.absoluteError + totals.absoluteError,
    };
    if (trained === 0) return null;
    for (const units of fired) units.fill(1);
    const rows = Math.min(this.batchSize, this.#options.epochRows - from * this.batchSize);
    return { ...totals, rows, squares: null };
  }

  /** One optimizer step. rows: (B), the batch's row numbers. False = the loss is not finite. */
  #step(rows: Uint32Array, rate: number): boolean {
    const { targets } = this.#options;
    const { optimizer } = this.#trained;
    const x = this.#inputs(this.#values, rows);
    const totals = noTotals();
    const { grads } = optimizer.computeGradients(() => {
      const outputs = this.#forward(x, true);
      const losses = this.#weighed(this.#losses(outputs, targets, rows), rows);
      this.#addTotals(totals, this.#measured(outputs, losses), targets, rows);
      const penalty = this.#penalty();
      totals.lossSum += rows.length * floats(penalty)[0];
      return this.#tf.add(this.#tf.mean(losses), penalty) as Scalar;
    }, [...this.#weights]);
    if (!Number.isFinite(totals.lossSum)) return false;
    const options = this.#options.optimizer;
    const all = this.#weights.map(({ name }) => grads[name]);
    const gradients = clippedGradients({ core: this.#tf }, all, options);
    if (gradients === undefined) return false;
    if (options.weight_decay !== null)
      decayWeights({ core: this.#tf }, this.#weights, options.weight_decay, rate);
    this.#trained.beginStep(rate);
    optimizer.applyGradients(this.#weights.map(({ name }, w) => ({ name, tensor: gradients[w] })));
    this.#totals.lossSum += totals.lossSum;
    this.#totals.correct += totals.correct;
    this.#totals.absoluteError += totals.absoluteError;
    this.#steps += 1;
    this.#epochStep += 1;
    return true;
  }

  /** (B, I): byte / 255, or the float32. values: (R, I), rows: (B). */
  #inputs(values: Values, rows: Uint32Array): Tensor2D {
    const I = this.layout.inputs;
    const x = new Float32Array(rows.length * I);
    const divisor = values instanceof Uint8Array ? 255 : 1;
    rows.forEach((row, r) => {
      for (let i = 0; i < I; i += 1) x[r * I + i] = values[row * I + i] / divisor;
    });
    return this.#tf.tensor2d(x, [rows.length, I]);
  }

  /** Inputs to logits, or to the number; applies dropout in training. x: (B, I), result: (B, O). */
  #forward(x: Tensor2D, training: boolean): Tensor2D {
    const hasDropout = training && this.#options.dropout > 0;
    let h = x;
    this.#layers.forEach((dense, l) => {
      h = dense.apply(h) as Tensor2D;
      if (l + 1 === this.#layers.length) return;
      if (this.#options.activation === 'leaky_relu') h = this.#tf.leakyRelu(h, NEGATIVE_SLOPE);
      if (hasDropout) h = this.#tf.mul(h, this.#mask(l, h.shape));
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

  /** (B). outputs: (B, O), targets: (R), rows: (B). */
  #losses(outputs: Tensor2D, targets: Targets, rows: Uint32Array): Tensor1D {
    const tf = this.#tf;
    const { loss, labelSmoothing } = this.#options;
    if (loss !== 'categorical_crossentropy') {
      const y = tf.tensor1d(Float32Array.from(rows, (row) => targets[row]));
      return NUMBER_LOSSES[loss](tf, y, tf.reshape(outputs, [rows.length]));
    }
    const y = tf.oneHot(
      tf.tensor1d(
        Int32Array.from(rows, (row) => targets[row]),
        'int32',
      ),
      this.layout.outputs,
    );
    return tf.losses.softmaxCrossEntropy(y, outputs, undefined, labelSmoothing, tf.Reduction.NONE);
  }

  /** (B): each loss times the weight of its class. losses: (B), rows: (B). */
  #weighed(losses: Tensor1D, rows: Uint32Array): Tensor1D {
    const { classWeights, targets } = this.#options;
    if (classWeights === null) return losses;
    return this.#tf.mul(
      losses,
      this.#tf.tensor1d(Float32Array.from(rows, (row) => classWeights[targets[row]])),
    );
  }

  /** What l1 and l2 add to the mean loss. */
  #penalty(): Scalar {
    const tf = this.#tf;
    const { l1, l2 } = this.#options;
    let sum: Tensor = tf.scalar(0);
    if (!hasPenalty({ l1, l2 })) return sum as Scalar;
    for (const kernel of this.#weights.filter(({ rank }) => rank === 2)) {
      // |w|, whose derivative at 0 is 0; that of tfjs's abs is -1.
      const size = tf.add(tf.relu(kernel), tf.relu(tf.neg(kernel)));
      sum = tf.add(sum, tf.mul(l1, tf.sum(size)));
      sum = tf.add(sum, tf.mul(l2, tf.sum(tf.square(kernel))));
    }
    return sum as Scalar;
  }

  penalty(): number {
    return penaltyOf(this.#read(this.#weights), this.#options);
  }

  get #isNumber(): boolean {
    return this.#options.loss !== 'categorical_crossentropy';
  }

  /** outputs: (B, O), losses: (B). */
  #measured(outputs: Tensor2D, losses: Tensor1D): Measured {
    return {
      predicted: largest(floats(outputs), this.layout.outputs),
      outputs: floats(outputs),
      losses: floats(losses),
    };
  }

  /** Adds a batch's losses, correct predictions and errors to totals, in float64, row by row. */
  #addTotals(
    totals: Totals,
    { predicted, outputs, losses }: Measured,
    targets: Targets,
    rows: Uint32Array,
  ): void {
    rows.forEach((row, r) => {
      totals.lossSum += losses[r];
      if (this.#isNumber) totals.absoluteError += Math.abs(Math.fround(outputs[r] - targets[row]));
      else if (predicted[r] === targets[row]) totals.correct += 1;
    });
  }

  endEpoch(): EpochEnd {
    const totals = this.#totals;
    this.#guards.assertEpochDone(this.#epochStep);
    this.#epochStep = 0;
    this.#totals = noTotals();
    // The WASM backend's relu turns NaN into 0, so a loss may not show a divergence.
    const variables = [this.#weights, ...this.#trained.slots.map((slot) => slot.variables)].flat();
    const finite = variables.every((variable) => floats(variable).every(Number.isFinite));
    return { ...totals, rows: this.#options.epochRows, finite };
  }

  evaluate(values: Values, targets: Targets, from: number, to: number, totals: Totals): void {
    for (const rows of this.#batches(from, to)) {
      this.#tf.tidy(() => {
        const outputs = this.#forward(this.#inputs(values, rows), false);
        const losses = this.#losses(outputs, targets, rows);
        this.#addTotals(totals, this.#measured(outputs, losses), targets, rows);
      });
    }
  }

  predict(values: Values, targets: Targets, from: number, to: number): Predictions {
    const O = this.layout.outputs;
    const predictions = {
      predicted: new Uint16Array(to - from),
      outputs: new Float32Array((to - from) * O),
      losses: new Float32Array(to - from),
    };
    for (const rows of this.#batches(from, to)) {
      const start = rows[0] - from;
      this.#tf.tidy(() => {
        const outputs = this.#forward(this.#inputs(values, rows), false);
        const measured = this.#measured(outputs, this.#losses(outputs, targets, rows));
        if (!this.#isNumber) predictions.predicted.set(measured.predicted, start);
        predictions.losses.set(measured.losses, start);
        predictions.outputs.set(floats(this.#isNumber ? outputs : this.#tf.softmax(outputs)), start * O);
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

  valuesAt(places: Uint32Array, slot?: string): Float32Array {
    const values = this.#read(
      this.#trained.slots.find(({ name }) => name === slot)?.variables ?? this.#weights,
    );
    return Float32Array.from(places, (place) => values[place]);
  }

  powers(): number[] {
    return [...this.#trained.powers];
  }

  state(): EngineState {
    this.#guards.assertBetweenEpochs(this.#epochStep);
    const { slots } = this.#trained;
    return {
      weights: this.#read(this.#weights),
      slots: slots.map(({ name, variables }) => ({ name, values: this.#read(variables) })),
      powers: this.powers(),
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
  /** (B, O) */
  readonly outputs: Float32Array;
}

/** As TensorFlow.js's dense layers call them; leaky_relu is a function of its own there. */
const ACTIVATIONS: {
  readonly [Name in Activation]: NonNullable<
    Parameters<TensorFlow['layers']['layers']['dense']>[0]['activation']
  >;
} = {
  relu: 'relu',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  leaky_relu: 'linear',
  elu: 'elu',
  selu: 'selu',
  gelu_tanh: 'gelu_new',
  silu: 'swish',
  softplus: 'softplus',
  linear: 'linear',
};
const NEGATIVE_SLOPE = 0.2;

/** Each (B), for the targets y and the outputs z. */
const NUMBER_LOSSES: {
  readonly [Name in Exclude<Loss, 'categorical_crossentropy'>]: (
    tf: TensorFlow['core'],
    y: Tensor1D,
    z: Tensor1D,
  ) => Tensor1D;
} = {
  mse: (tf, y, z) => tf.losses.meanSquaredError(y, z, undefined, tf.Reduction.NONE),
  mae: (tf, y, z) => tf.losses.absoluteDifference(y, z, undefined, tf.Reduction.NONE),
  huber: (tf, y, z) => tf.losses.huberLoss(y, z, undefined, 1, tf.Reduction.NONE),
};

const floats = (tensor: Tensor) => tensor.dataSync<'float32'>();

/** (B): the column of each row's largest value, the lowest among equals. values: (B, O). */
function largest(values: Float32Array, O: number): Uint16Array {
  return Uint16Array.from({ length: values.length / O }, (_, r) => {
    let best = 0;
    for (let j = 1; j < O; j += 1) if (values[r * O + j] > values[r * O + best]) best = j;
    return best;
  });
}
