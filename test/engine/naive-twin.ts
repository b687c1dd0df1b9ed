import { nominalRate } from '../../src/contract/learning-rate.ts';
import { noTotals, type Totals } from '../../src/engine/engine.ts';
import { u32 } from '../../src/engine/random.ts';
import {
  elu64,
  geluTanh64,
  geluTanhSlope64,
  selu64,
  sigmoid64,
  silu64,
  siluSlope64,
  softplus64,
  tanh64,
} from '../../src/engine/reference/activations.ts';
import { exp, log } from '../../src/engine/reference/exp-log.ts';
import type { EngineProblem } from './small-problem.ts';

/**
 * A second implementation of the engine's rules (src/engine/rules.ts), as literal as possible: one sum per output with
 * every term, including inputs of 0, and rule 8 (untouched rows) exactly as written. It gives the same bits as the
 * engine with different loops. Slow.
 *
 * Takes the initial weights from the engine under test, and uses its exp, log, curves and u32, which have their own
 * oracles.
 */

const f = Math.fround;

/** Sums terms from +0 upwards in float32. */
function sum(count: number, term: (index: number) => number): number {
  let total = 0;
  for (let index = 0; index < count; index += 1) total = f(total + f(term(index)));
  return total;
}

/** Rule 13. */
const flushed = (slot: number): number => (Math.abs(slot) < 2 ** -126 ? 0 : slot);

const CURVES = {
  tanh: tanh64,
  sigmoid: sigmoid64,
  elu: elu64,
  selu: selu64,
  silu: silu64,
  gelu_tanh: geluTanh64,
  softplus: softplus64,
};

export class NaiveTwin {
  readonly weights: Float32Array;
  readonly slots: Record<string, Float32Array> = {};
  readonly #options: EngineProblem;
  readonly #lastUpdate: number[];
  #jobStep = 0;
  #p1 = 1;
  #p2 = 1;
  /** nadam's: 0.96^t and the product of its momenta. */
  #decay96 = 1;
  #momenta = 1;

  constructor(options: EngineProblem, initialWeights: Float32Array) {
    this.#options = options;
    this.weights = initialWeights.slice();
    this.#lastUpdate = new Array<number>(options.layout.inputs).fill(0);
    const { optimizer, layout } = options;
    const slot = (name: string, start = 0) => {
      this.slots[name] = new Float32Array(layout.parameters).fill(start);
    };
    if (optimizer.type === 'rmsprop') slot('mean_square');
    if (optimizer.type === 'rmsprop' && optimizer.centered) slot('mean_gradient');
    if ('momentum' in optimizer && optimizer.momentum > 0) slot('momentum');
    if (optimizer.type === 'adagrad') slot('accumulator', optimizer.initial_accumulator_value);
    if ('beta_1' in optimizer) slot('first_moment');
    if ('beta_1' in optimizer && !['adamax', 'lion'].includes(optimizer.type)) slot('second_moment');
    if ('amsgrad' in optimizer && optimizer.amsgrad) slot('largest_second_moment');
    if (optimizer.type === 'adamax') slot('infinity_norm');
    if (optimizer.type === 'adadelta') slot('mean_square');
    if (optimizer.type === 'adadelta') slot('mean_square_update');
  }

  /** Trains one epoch in the given order. Returns the sum of the losses and the number of correct predictions. */
  epoch(order: Uint32Array): Totals {
    const { batchSize } = this.#options;
    const totals = noTotals();
    let step = 0;
    for (let start = 0; start < order.length; start += batchSize) {
      step += 1;
      const batch = this.#step([...order.subarray(start, start + batchSize)], step);
      totals.lossSum += batch.lossSum;
      totals.correct += batch.correct;
      totals.absoluteError += batch.absoluteError;
    }
    this.#catchUp(step);
    return totals;
  }

  #step(rows: number[], step: number): Totals {
    const { layout, values, targets, loss } = this.#options;
    const { weights } = this;
    const n = rows.length;
    const last = layout.layers.length - 1;
    this.#jobStep += 1;

    // Forward. x[l][r][i] = input i of layer l; x[last + 1] = the logits. h = the same before dropout.
    const h: number[][][] = [[]];
    const sums: number[][][] = [[]];
    const x: number[][][] = [
      rows.map((row) =>
        Array.from({ length: layout.inputs }, (_, i) => this.#input(values[row * layout.inputs + i])),
      ),
    ];
    layout.layers.forEach(({ inputs, outputs, weightsOffset, biasesOffset }, l) => {
      sums.push(
        rows.map((_, r) =>
          Array.from({ length: outputs }, (_, j) => {
            const product = sum(inputs, (i) => x[l][r][i] * weights[weightsOffset + i * outputs + j]);
            return f(product + weights[biasesOffset + j]);
          }),
        ),
      );
      h.push(sums[l + 1].map((row) => row.map((z) => (l < last ? this.#activation(z) : z))));
      x.push(
        h[l + 1].map((row, r) => (l < last ? row.map((v, j) => this.#drop(v, l, r * outputs + j)) : row)),
      );
    });

    // Loss, and the gradient d[r][j] of its mean with respect to the logits.
    const totals = noTotals();
    let d = x[last + 1].map((z, r) => {
      const y = targets[rows[r]];
      if (loss !== 'categorical_crossentropy') {
        const e = f(z[0] - y);
        totals.lossSum += this.#numberLoss(e);
        totals.absoluteError += Math.abs(e);
        return [f(this.#numberSlope(e) / n)];
      }
      const m = Math.max(...z);
      const e = z.map((value) => f(exp(f(value - m))));
      const s = sum(e.length, (j) => e[j]);
      const weight = this.#options.classWeights?.[y] ?? 1;
      const target = (j: number) => this.#target(j === y);
      const rowLoss =
        this.#options.labelSmoothing === 0
          ? f(f(log(s)) - f(z[y] - m))
          : sum(z.length, (j) => target(j) * f(f(log(s)) - f(z[j] - m)));
      totals.lossSum += f(weight * rowLoss);
      if (z.indexOf(m) === y) totals.correct += 1;
      return e.map((ej, j) => f(f(f(f(ej / s) - target(j)) / n) * weight));
    });

    // Backward, with the weights from before the update.
    const gradients = new Float32Array(layout.parameters);
    for (let l = last; l >= 0; l -= 1) {
      const { inputs, outputs, weightsOffset, biasesOffset } = layout.layers[l];
      for (let j = 0; j < outputs; j += 1) {
        gradients[biasesOffset + j] = sum(n, (r) => d[r][j]);
        for (let k = 0; k < inputs; k += 1) {
          gradients[weightsOffset + k * outputs + j] = sum(n, (r) => f(x[l][r][k] * d[r][j]));
        }
      }
      const above = d;
      d = rows.map((_, r) =>
        Array.from({ length: inputs }, (_, k) => {
          const dh = sum(outputs, (j) => f(above[r][j] * weights[weightsOffset + k * outputs + j]));
          if (l === 0) return dh;
          const delta = this.#drop(dh, l - 1, r * inputs + k);
          return this.#backward(delta, sums[l][r][k], h[l][r][k]);
        }),
      );
    }

    const { l1, l2 } = this.#options;
    let [sizes, squares] = [0, 0];
    for (const { inputs, outputs, weightsOffset } of layout.layers) {
      let [sizesOf, squaresOf] = [0, 0];
      for (let j = 0; j < outputs; j += 1) {
        let [size, square] = [0, 0];
        for (let k = 0; k < inputs; k += 1) {
          const p = weightsOffset + k * outputs + j;
          size += Math.abs(weights[p]);
          square += weights[p] ** 2;
          if (l1 + l2 === 0) continue;
          const slope = f(f(l1) * Math.sign(weights[p]));
          gradients[p] = f(f(gradients[p] + slope) + f(f(2 * l2) * weights[p]));
        }
        sizesOf += size;
        squaresOf += square;
      }
      sizes += sizesOf;
      squares += squaresOf;
    }
    totals.lossSum += n * (l1 * sizes + l2 * squares);

    this.#clip(gradients);
    this.#decayWeights();
    this.#beginUpdate();
    const isTouched = (i: number) => x[0].some((row) => row[i] !== 0);
    for (let p = 0; p < layout.parameters; p += 1) {
      const first = layout.layers[0];
      const row = p < first.inputs * first.outputs ? Math.floor(p / first.outputs) : undefined;
      if (row === undefined) this.#update(p, gradients[p], 1);
      else if (!this.#skips() || isTouched(row)) this.#update(p, gradients[p], step - this.#lastUpdate[row]);
    }
    if (this.#skips()) {
      for (let i = 0; i < layout.inputs; i += 1) if (isTouched(i)) this.#lastUpdate[i] = step;
    } else {
      this.#lastUpdate.fill(step);
    }
    return totals;
  }

  /** Rules 16 and 17. */
  #clip(gradients: Float32Array): void {
    const { optimizer, layout } = this.#options;
    const { clipvalue, clipnorm, global_clipnorm } = optimizer;
    if (clipvalue !== null) {
      const most = f(clipvalue);
      gradients.forEach((g, p) => {
        gradients[p] = Math.max(-most, Math.min(g, most));
      });
    }
    // [first, rows, columns] of W1, b1, W2, b2, ...
    const tensors = layout.layers.flatMap(({ inputs, outputs, weightsOffset, biasesOffset }) => [
      [weightsOffset, inputs, outputs],
      [biasesOffset, 1, outputs],
    ]);
    const squares = tensors.map(([first, rows, columns]) => {
      let total = 0;
      for (let j = 0; j < columns!; j += 1) {
        let column = 0;
        for (let i = 0; i < rows!; i += 1) column += gradients[first! + i * columns! + j] ** 2;
        total += column;
      }
      return total;
    });
    const all = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
    tensors.forEach(([first, rows, columns], t) => {
      const [norm, most] = clipnorm !== null ? [Math.sqrt(squares[t]), clipnorm] : [all, global_clipnorm];
      if (most === null || norm <= most) return;
      for (let k = first!; k < first! + rows! * columns!; k += 1)
        gradients[k] = f(gradients[k] * f(most / norm));
    });
  }

  #decayWeights(): void {
    const { weight_decay, learning_rate } = this.#options.optimizer;
    if (weight_decay === null) return;
    const { weights } = this;
    weights.forEach((w, p) => {
      weights[p] = f(w - f(f(w * f(weight_decay)) * f(nominalRate(learning_rate))));
    });
  }

  /** Rule 1. */
  #input(value: number): number {
    return this.#options.source.storage === 'u8' ? f(value / 255) : value;
  }

  /** Rule 5, label smoothing. */
  #target(isClass: boolean): number {
    const { labelSmoothing: a, layout } = this.#options;
    return f(isClass ? 1 - a + a / layout.outputs : a / layout.outputs);
  }

  /** Rule 5, for a number. */
  #numberLoss(e: number): number {
    const { loss } = this.#options;
    const size = Math.abs(e);
    if (loss === 'mse') return f(e * e);
    if (loss === 'mae') return size;
    return size <= 1 ? f(0.5 * f(e * e)) : f(size - 0.5);
  }

  #numberSlope(e: number): number {
    const { loss } = this.#options;
    if (loss === 'mse') return f(2 * e);
    return loss === 'huber' && Math.abs(e) <= 1 ? e : Math.sign(e);
  }

  /** Rule 3. */
  #activation(z: number): number {
    const { activation } = this.#options;
    switch (activation) {
      case 'relu':
        // biome-ignore lint/complexity/useMathMinMax: the rule as it is written; Math.max makes +0 of -0
        return z < 0 ? 0 : z;
      case 'leaky_relu':
        return z < 0 ? f(f(0.2) * z) : z;
      case 'linear':
        return z;
      default:
        return f(CURVES[activation](z));
    }
  }

  /** Delta times the activation's derivative, from its output h or its sum z. */
  #backward(delta: number, z: number, h: number): number {
    const { activation } = this.#options;
    switch (activation) {
      case 'relu':
        return h > 0 ? delta : 0;
      case 'linear':
        return delta;
      case 'leaky_relu':
        return h > 0 ? delta : f(delta * f(0.2));
      case 'tanh':
        return f(delta * f(1 - f(h * h)));
      case 'sigmoid':
        return f(delta * f(h * f(1 - h)));
      case 'elu':
        return h < 0 ? f(delta * f(h + 1)) : delta;
      case 'selu':
        return f(delta * (h < 0 ? f(h + f(1.7580993408473768)) : f(1.0507009873554805)));
      case 'silu':
        return f(delta * f(siluSlope64(z)));
      case 'gelu_tanh':
        return f(delta * f(geluTanhSlope64(z)));
      case 'softplus':
        return f(delta * f(sigmoid64(z)));
    }
  }

  /** Rule 4. place: row * units + unit. */
  #drop(value: number, layer: number, place: number): number {
    const { dropout, seed } = this.#options;
    if (dropout === 0) return value;
    const isKept = u32(seed, layer, this.#jobStep, place) >= Math.floor(dropout * 2 ** 32);
    return isKept ? f(value * f(1 / (1 - dropout))) : 0;
  }

  /** Rule 8: whether untouched rows are skipped. */
  #skips(): boolean {
    const { optimizer, l1, l2 } = this.#options;
    if (optimizer.weight_decay !== null || l1 + l2 > 0) return false;
    if (optimizer.type === 'rmsprop') return optimizer.momentum === 0 && !optimizer.centered;
    return optimizer.type === 'adagrad' || (optimizer.type === 'sgd' && optimizer.momentum === 0);
  }

  /** Rule 8's P[k]. */
  #decay(rho: number, k: number): number {
    let power = 1;
    for (let n = 0; n < k; n += 1) {
      power = f(power * f(rho));
      if (power < 2 ** -126) power = 0;
    }
    return power;
  }

  /** Rule 8 at the end of an epoch: every row with s < T gets v = P[T - s] * v, s = T. */
  #catchUp(T: number): void {
    const { optimizer, layout } = this.#options;
    if (optimizer.type === 'rmsprop' && this.#skips()) {
      const v = this.slots.mean_square!;
      const { inputs, outputs } = layout.layers[0];
      for (let p = 0; p < inputs * outputs; p += 1) {
        const s = this.#lastUpdate[Math.floor(p / outputs)];
        if (s < T) v[p] = flushed(f(this.#decay(optimizer.rho, T - s) * v[p]));
      }
    }
    this.#lastUpdate.fill(0);
  }

  #beginUpdate(): void {
    const { optimizer } = this.#options;
    if (!('beta_1' in optimizer)) return;
    this.#p1 *= optimizer.beta_1;
    this.#p2 *= optimizer.beta_2;
    this.#decay96 *= 0.96;
    this.#momenta *= optimizer.beta_1 * (1 - 0.5 * this.#decay96);
  }

  #update(p: number, g: number, elapsed: number): void {
    const { optimizer } = this.#options;
    const { weights: w, slots } = this;
    const rate = nominalRate(optimizer.learning_rate);
    const lr = f(rate);
    switch (optimizer.type) {
      case 'sgd': {
        const s = f(g * lr);
        if (optimizer.momentum === 0) {
          w[p] = f(w[p] - s);
        } else {
          const m = slots.momentum!;
          m[p] = flushed(f(f(m[p] * f(optimizer.momentum)) - s));
          w[p] = f(w[p] + (optimizer.nesterov ? f(f(m[p] * f(optimizer.momentum)) - s) : m[p]));
        }
        break;
      }
      case 'adagrad': {
        const acc = slots.accumulator!;
        acc[p] = f(acc[p] + f(g * g));
        w[p] = f(w[p] - f(f(lr * g) / f(Math.sqrt(f(acc[p] + f(optimizer.epsilon))))));
        break;
      }
      case 'adam':
      case 'adamw': {
        const alpha = f((rate * Math.sqrt(1 - this.#p2)) / (1 - this.#p1));
        const [m, v] = [slots.first_moment!, slots.second_moment!];
        m[p] = flushed(f(m[p] + f(f(g - m[p]) * f(1 - optimizer.beta_1))));
        v[p] = flushed(f(v[p] + f(f(f(g * g) - v[p]) * f(1 - optimizer.beta_2))));
        let d = v[p];
        if (optimizer.amsgrad) {
          const largest = slots.largest_second_moment!;
          largest[p] = Math.max(largest[p], d);
          d = largest[p];
        }
        w[p] = f(w[p] - f(f(m[p] * alpha) / f(f(Math.sqrt(d)) + f(optimizer.epsilon))));
        break;
      }
      case 'nadam': {
        const { beta_1, beta_2 } = optimizer;
        const u = beta_1 * (1 - 0.5 * this.#decay96);
        const next = beta_1 * (1 - 0.5 * (this.#decay96 * 0.96));
        const [m, v] = [slots.first_moment!, slots.second_moment!];
        m[p] = flushed(f(m[p] + f(f(g - m[p]) * f(1 - beta_1))));
        v[p] = flushed(f(v[p] + f(f(f(g * g) - v[p]) * f(1 - beta_2))));
        const ahead = f(f(f(next) * m[p]) / f(1 - this.#momenta * next));
        const now = f(f(f(1 - u) * g) / f(1 - this.#momenta));
        const root = f(f(Math.sqrt(f(v[p] / f(1 - this.#p2)))) + f(optimizer.epsilon));
        w[p] = f(w[p] - f(f(f(ahead + now) * lr) / root));
        break;
      }
      case 'adamax': {
        const [m, u] = [slots.first_moment!, slots.infinity_norm!];
        m[p] = flushed(f(m[p] + f(f(g - m[p]) * f(1 - optimizer.beta_1))));
        u[p] = flushed(Math.max(f(f(optimizer.beta_2) * u[p]), Math.abs(g)));
        const divisor = f(f(1 - this.#p1) * f(u[p] + f(optimizer.epsilon)));
        w[p] = f(w[p] - f(f(lr * m[p]) / divisor));
        break;
      }
      case 'adadelta': {
        const [v, a] = [slots.mean_square!, slots.mean_square_update!];
        const [rho, rest, epsilon] = [f(optimizer.rho), f(1 - optimizer.rho), f(optimizer.epsilon)];
        v[p] = flushed(f(f(rho * v[p]) + f(rest * f(g * g))));
        const delta = -f(f(f(Math.sqrt(f(a[p] + epsilon))) * g) / f(Math.sqrt(f(v[p] + epsilon))));
        a[p] = flushed(f(f(rho * a[p]) + f(rest * f(delta * delta))));
        w[p] = f(w[p] + f(lr * delta));
        break;
      }
      case 'lion': {
        const m = slots.first_moment!;
        const [beta1, beta2] = [f(optimizer.beta_1), f(optimizer.beta_2)];
        const direction = f(f(m[p] * beta1) + f(g * f(1 - optimizer.beta_1)));
        w[p] = f(w[p] - f(lr * Math.sign(direction)));
        m[p] = flushed(f(f(m[p] * beta2) + f(g * f(1 - optimizer.beta_2))));
        break;
      }
      case 'rmsprop': {
        const v = slots.mean_square!;
        const oneMinusRho = f(1 - optimizer.rho);
        v[p] = flushed(f(f(this.#decay(optimizer.rho, elapsed) * v[p]) + f(oneMinusRho * f(g * g))));
        let d = f(v[p] + f(optimizer.epsilon));
        if (optimizer.centered) {
          const a = slots.mean_gradient!;
          a[p] = flushed(f(f(f(optimizer.rho) * a[p]) + f(oneMinusRho * g)));
          const variance = f(v[p] - f(a[p] * a[p]));
          d = f(Math.max(variance, 0) + f(optimizer.epsilon));
        }
        const inc = f(f(lr * g) / f(Math.sqrt(d)));
        if (optimizer.momentum === 0) {
          w[p] = f(w[p] - inc);
        } else {
          const m = slots.momentum!;
          m[p] = flushed(f(f(f(optimizer.momentum) * m[p]) + inc));
          w[p] = f(w[p] - m[p]);
        }
      }
    }
  }
}
