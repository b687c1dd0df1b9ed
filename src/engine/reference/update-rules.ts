import type { Adagrad, Adam, Optimizer, Rmsprop, Sgd } from '../../contract/optimizer.ts';
import type { Slot } from '../engine.ts';
import {
  initialSlotValue,
  powersOf,
  SMALLEST_NORMAL,
  skipsUntouchedRows,
  slotNames,
  unknown,
} from '../optimizer-state.ts';

/**
 * Keras's update rules in Keras's order of operations (keras/src/optimizers/{rmsprop,sgd,adagrad,adam}.py, 3.16); every
 * operation is rounded to float32 immediately (rule 12).
 *
 * In the formulas w = a weight, g = its gradient, lr = learning rate; the other letters are slots: buffers
 * shaped like the weights, one value per parameter. Hyper-parameters and constants derived from them are computed
 * in float64 and rounded to float32 once.
 */
export interface UpdateRule {
  /** In the order in which they are saved. */
  readonly slots: readonly Slot[];
  /** Running products in float64 (adam); otherwise empty. */
  readonly powers: Float64Array;
  /** The optimizer's skipsUntouchedRows(). */
  readonly skipsUntouchedRows: boolean;
  /** Called once before the updates of each step, with its learning rate. */
  beginStep(rate: number): void;
  /**
   * Updates the parameters from .. to - 1. weights, gradients: (P).
   *
   * elapsed: steps since these parameters' last update, this one included; 1 unless rows are skipped.
   */
  update(weights: Float32Array, gradients: Float32Array, from: number, to: number, elapsed: number): void;
  /** Brings the slots of skipped parameters to the values that `elapsed` updates with gradient 0 would give. */
  settle(from: number, to: number, elapsed: number): void;
}

const { abs, fround, sqrt } = Math;

/** The rule for a model with `parameters` parameters. stepsPerEpoch: the most steps in a row that can skip a row. */
export function createUpdateRule(
  optimizer: Optimizer,
  parameters: number,
  stepsPerEpoch: number,
): UpdateRule {
  const slots = slotNames(optimizer).map((name) => ({
    name,
    values: new Float32Array(parameters).fill(initialSlotValue(optimizer)),
  }));
  switch (optimizer.type) {
    case 'rmsprop':
      return rmsprop(optimizer, slots, stepsPerEpoch);
    case 'sgd':
      return sgd(optimizer, slots);
    case 'adagrad':
      return adagrad(optimizer, slots);
    case 'adam':
      return adam(optimizer, slots);
    default:
      return unknown(optimizer);
  }
}

/**
 * v = rho * v + (1 - rho) * g^2
 * w = w - lr * g / sqrt(v + epsilon)
 *
 * centered:  a = rho * a + (1 - rho) * g, and max(v - a^2, 0) replaces v in the root. The max is our addition:
 *            rounding can make v - a^2 negative for steady gradients, and the root NaN.
 * momentum:  m = momentum * m + lr * g / sqrt(...);  w = w - m
 *
 * Without momentum and not centered, a weight whose gradient is 0 does not move; only v decays. So steps may skip
 * such rows and bring v up to date later with one factor: decays[n] for n steps (rule 8).
 */
function rmsprop(options: Rmsprop, slots: Slot[], stepsPerEpoch: number): UpdateRule {
  const { centered, momentum } = options;
  const skips = skipsUntouchedRows(options);
  let lr = 0;
  const rho = fround(options.rho);
  const oneMinusRho = fround(1 - options.rho);
  const mu = fround(momentum);
  const epsilon = fround(options.epsilon);
  const decays = powersOf(rho, skips ? stepsPerEpoch : 1);
  const meanSquare = values(slots, 'mean_square');
  const meanGradient = values(slots, 'mean_gradient');
  const increment = values(slots, 'momentum');

  return {
    slots,
    powers: new Float64Array(0),
    skipsUntouchedRows: skips,
    beginStep(rate) {
      lr = fround(rate);
    },
    update(weights, gradients, from, to, elapsed) {
      const decay = skips ? decays[elapsed] : rho;
      for (let k = from; k < to; k += 1) {
        const g = gradients[k];
        const v = flushed(fround(fround(decay * meanSquare[k]) + fround(oneMinusRho * fround(g * g))));
        meanSquare[k] = v;
        let d = v;
        if (centered) {
          const a = flushed(fround(fround(rho * meanGradient[k]) + fround(oneMinusRho * g)));
          meanGradient[k] = a;
          d = fround(v - fround(a * a));
          if (d < 0) d = 0;
        }
        let step = fround(fround(lr * g) / fround(sqrt(fround(d + epsilon))));
        if (momentum > 0) {
          step = flushed(fround(fround(mu * increment[k]) + step));
          increment[k] = step;
        }
        weights[k] = fround(weights[k] - step);
      }
    },
    settle(from, to, elapsed) {
      const decay = decays[elapsed];
      for (let k = from; k < to; k += 1) meanSquare[k] = flushed(fround(decay * meanSquare[k]));
    },
  };
}

/**
 * w = w - lr * g
 *
 * momentum:  m = momentum * m - lr * g;  w = w + m
 * nesterov:  m likewise;                 w = w + (momentum * m - lr * g)
 */
function sgd(options: Sgd, slots: Slot[]): UpdateRule {
  const { momentum, nesterov } = options;
  let lr = 0;
  const mu = fround(momentum);
  const velocity = values(slots, 'momentum');

  return {
    slots,
    powers: new Float64Array(0),
    skipsUntouchedRows: skipsUntouchedRows(options),
    beginStep(rate) {
      lr = fround(rate);
    },
    update(weights, gradients, from, to) {
      for (let k = from; k < to; k += 1) {
        const step = fround(gradients[k] * lr);
        if (momentum > 0) {
          const m = flushed(fround(fround(velocity[k] * mu) - step));
          velocity[k] = m;
          weights[k] = fround(weights[k] + (nesterov ? fround(fround(m * mu) - step) : m));
        } else {
          weights[k] = fround(weights[k] - step);
        }
      }
    },
    settle() {},
  };
}

/**
 * c = c + g^2
 * w = w - lr * g / sqrt(c + epsilon)
 *
 * c never shrinks, so the effective rate never grows. A gradient of 0 changes neither c nor w.
 */
function adagrad(options: Adagrad, slots: Slot[]): UpdateRule {
  let lr = 0;
  const epsilon = fround(options.epsilon);
  const accumulator = values(slots, 'accumulator');

  return {
    slots,
    powers: new Float64Array(0),
    skipsUntouchedRows: skipsUntouchedRows(options),
    beginStep(rate) {
      lr = fround(rate);
    },
    update(weights, gradients, from, to) {
      for (let k = from; k < to; k += 1) {
        const g = gradients[k];
        const c = fround(accumulator[k] + fround(g * g));
        accumulator[k] = c;
        weights[k] = fround(weights[k] - fround(fround(lr * g) / fround(sqrt(fround(c + epsilon)))));
      }
    },
    settle() {},
  };
}

/**
 * m = m + (g - m) * (1 - beta_1)
 * v = v + (g^2 - v) * (1 - beta_2)
 * w = w - alpha * m / (sqrt(v) + epsilon),   alpha = lr * sqrt(1 - beta_2^t) / (1 - beta_1^t)
 *
 * amsgrad: the largest v so far replaces v in the root.
 *
 * alpha corrects the bias from starting m and v at 0. Its powers are running products, so no pow is needed.
 */
function adam(options: Adam, slots: Slot[]): UpdateRule {
  const { beta_1, beta_2, amsgrad } = options;
  const oneMinusBeta1 = fround(1 - beta_1);
  const oneMinusBeta2 = fround(1 - beta_2);
  const epsilon = fround(options.epsilon);
  const firstMoment = values(slots, 'first_moment');
  const secondMoment = values(slots, 'second_moment');
  const largest = values(slots, 'largest_second_moment');
  const powers = Float64Array.of(1, 1);
  let alpha = 0;

  return {
    slots,
    powers,
    skipsUntouchedRows: skipsUntouchedRows(options),
    beginStep(rate) {
      powers[0] = powers[0] * beta_1;
      powers[1] = powers[1] * beta_2;
      alpha = fround((rate * sqrt(1 - powers[1])) / (1 - powers[0]));
    },
    update(weights, gradients, from, to) {
      for (let k = from; k < to; k += 1) {
        const g = gradients[k];
        const m = flushed(fround(firstMoment[k] + fround(fround(g - firstMoment[k]) * oneMinusBeta1)));
        const v = flushed(
          fround(secondMoment[k] + fround(fround(fround(g * g) - secondMoment[k]) * oneMinusBeta2)),
        );
        firstMoment[k] = m;
        secondMoment[k] = v;
        let d = v;
        if (amsgrad) {
          if (largest[k] < v) largest[k] = v;
          d = largest[k];
        }
        weights[k] = fround(weights[k] - fround(fround(m * alpha) / fround(fround(sqrt(d)) + epsilon)));
      }
    },
    settle() {},
  };
}

/** The value of a decaying slot: 0 where it would be denormal (rule 13). NaN stays NaN. */
function flushed(value: number): number {
  return abs(value) < SMALLEST_NORMAL ? 0 : value;
}

/** A slot's buffer; empty if the optimizer does not have this slot. */
function values(slots: readonly Slot[], name: string): Float32Array {
  return slots.find((slot) => slot.name === name)?.values ?? new Float32Array(0);
}
