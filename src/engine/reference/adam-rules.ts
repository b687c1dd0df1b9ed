import type { Adam, Adamax, Adamw, Lion, Nadam } from '../../contract/optimizer.ts';
import type { Slot } from '../engine.ts';
import { flushed, type UpdateRule, values } from './update-rule.ts';

/** The update rules whose steps follow a running mean of gradients: adam and its kin. */

const { abs, fround, sqrt } = Math;

/**
 * m = m + (g - m) * (1 - beta_1)
 * v = v + (g^2 - v) * (1 - beta_2)
 * w = w - alpha * m / (sqrt(v) + epsilon),   alpha = lr * sqrt(1 - beta_2^t) / (1 - beta_1^t)
 *
 * amsgrad: the largest v so far replaces v in the root.
 *
 * alpha corrects the bias from starting m and v at 0. Its powers are running products, so no pow is needed.
 */
export function adam(options: Adam | Adamw, slots: Slot[], skips: boolean): UpdateRule {
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
    skipsUntouchedRows: skips,
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

/** Keras's constant: the share of Nesterov momentum grows by less and less, 0.5 * 0.96^t. */
const MOMENTUM_DECAY = 0.96;

/**
 * u_t = beta_1 * (1 - 0.5 * 0.96^t),  U = u_1 * u_2 * ... * u_t
 * m, v as in adam
 * w = w - lr * (u_(t+1) * m / (1 - U * u_(t+1)) + (1 - u_t) * g / (1 - U)) / (sqrt(v / (1 - beta_2^t)) + epsilon)
 */
export function nadam(options: Nadam, slots: Slot[], skips: boolean): UpdateRule {
  const { beta_1, beta_2 } = options;
  const oneMinusBeta1 = fround(1 - beta_1);
  const oneMinusBeta2 = fround(1 - beta_2);
  const epsilon = fround(options.epsilon);
  const firstMoment = values(slots, 'first_moment');
  const secondMoment = values(slots, 'second_moment');
  /** 0.96^t, U and beta_2^t. */
  const powers = Float64Array.of(1, 1, 1);
  let [lr, meanFactor, meanDivisor, gradientFactor, gradientDivisor, squareDivisor] = [0, 0, 0, 0, 0, 0];

  return {
    slots,
    powers,
    skipsUntouchedRows: skips,
    beginStep(rate) {
      lr = fround(rate);
      powers[0] = powers[0] * MOMENTUM_DECAY;
      const u = beta_1 * (1 - 0.5 * powers[0]);
      const next = beta_1 * (1 - 0.5 * (powers[0] * MOMENTUM_DECAY));
      powers[1] = powers[1] * u;
      powers[2] = powers[2] * beta_2;
      meanFactor = fround(next);
      meanDivisor = fround(1 - powers[1] * next);
      gradientFactor = fround(1 - u);
      gradientDivisor = fround(1 - powers[1]);
      squareDivisor = fround(1 - powers[2]);
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
        const mean = fround(
          fround(fround(meanFactor * m) / meanDivisor) + fround(fround(gradientFactor * g) / gradientDivisor),
        );
        const root = fround(fround(sqrt(fround(v / squareDivisor))) + epsilon);
        weights[k] = fround(weights[k] - fround(fround(mean * lr) / root));
      }
    },
    settle() {},
  };
}

/**
 * m as in adam
 * u = max(beta_2 * u, |g|)
 * w = w - lr * m / ((1 - beta_1^t) * (u + epsilon))
 */
export function adamax(options: Adamax, slots: Slot[], skips: boolean): UpdateRule {
  const { beta_1 } = options;
  const oneMinusBeta1 = fround(1 - beta_1);
  const beta2 = fround(options.beta_2);
  const epsilon = fround(options.epsilon);
  const firstMoment = values(slots, 'first_moment');
  const norm = values(slots, 'infinity_norm');
  const powers = Float64Array.of(1);
  let [lr, meanDivisor] = [0, 0];

  return {
    slots,
    powers,
    skipsUntouchedRows: skips,
    beginStep(rate) {
      lr = fround(rate);
      powers[0] = powers[0] * beta_1;
      meanDivisor = fround(1 - powers[0]);
    },
    update(weights, gradients, from, to) {
      for (let k = from; k < to; k += 1) {
        const g = gradients[k];
        const m = flushed(fround(firstMoment[k] + fround(fround(g - firstMoment[k]) * oneMinusBeta1)));
        let u = fround(beta2 * norm[k]);
        if (u < abs(g)) u = abs(g);
        u = flushed(u);
        firstMoment[k] = m;
        norm[k] = u;
        weights[k] = fround(weights[k] - fround(fround(lr * m) / fround(meanDivisor * fround(u + epsilon))));
      }
    },
    settle() {},
  };
}

/**
 * w = w - lr * sign(beta_1 * m + (1 - beta_1) * g)
 * m = beta_2 * m + (1 - beta_2) * g
 *
 * sign(0) = 0; the sign of NaN is NaN.
 */
export function lion(options: Lion, slots: Slot[], skips: boolean): UpdateRule {
  const beta1 = fround(options.beta_1);
  const oneMinusBeta1 = fround(1 - options.beta_1);
  const beta2 = fround(options.beta_2);
  const oneMinusBeta2 = fround(1 - options.beta_2);
  const firstMoment = values(slots, 'first_moment');
  let lr = 0;

  return {
    slots,
    powers: new Float64Array(0),
    skipsUntouchedRows: skips,
    beginStep(rate) {
      lr = fround(rate);
    },
    update(weights, gradients, from, to) {
      for (let k = from; k < to; k += 1) {
        const [g, m] = [gradients[k], firstMoment[k]];
        const c = fround(fround(m * beta1) + fround(g * oneMinusBeta1));
        const sign = c > 0 ? 1 : c < 0 ? -1 : c;
        weights[k] = fround(weights[k] - fround(lr * sign));
        firstMoment[k] = flushed(fround(fround(m * beta2) + fround(g * oneMinusBeta2)));
      }
    },
    settle() {},
  };
}
