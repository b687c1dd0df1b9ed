import type { Adadelta, Adagrad, Rmsprop, Sgd } from '../../contract/optimizer.ts';
import type { Slot } from '../engine.ts';
import { powersOf } from '../optimizer-state.ts';
import { flushed, type UpdateRule, values } from './update-rule.ts';

/** The update rules whose steps follow the gradient itself: sgd, and those that divide by a root of squares. */

const { fround, sqrt } = Math;

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
export function rmsprop(options: Rmsprop, slots: Slot[], skips: boolean, stepsPerEpoch: number): UpdateRule {
  const { centered, momentum } = options;
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
export function sgd(options: Sgd, slots: Slot[], skips: boolean): UpdateRule {
  const { momentum, nesterov } = options;
  let lr = 0;
  const mu = fround(momentum);
  const velocity = values(slots, 'momentum');

  return {
    slots,
    powers: new Float64Array(0),
    skipsUntouchedRows: skips,
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
export function adagrad(options: Adagrad, slots: Slot[], skips: boolean): UpdateRule {
  let lr = 0;
  const epsilon = fround(options.epsilon);
  const accumulator = values(slots, 'accumulator');

  return {
    slots,
    powers: new Float64Array(0),
    skipsUntouchedRows: skips,
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
 * v = rho * v + (1 - rho) * g^2
 * d = sqrt(a + epsilon) * g / sqrt(v + epsilon)
 * a = rho * a + (1 - rho) * d^2
 * w = w - lr * d
 */
export function adadelta(options: Adadelta, slots: Slot[], skips: boolean): UpdateRule {
  const rho = fround(options.rho);
  const oneMinusRho = fround(1 - options.rho);
  const epsilon = fround(options.epsilon);
  const meanSquare = values(slots, 'mean_square');
  const meanUpdate = values(slots, 'mean_square_update');
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
        const g = gradients[k];
        const v = flushed(fround(fround(rho * meanSquare[k]) + fround(oneMinusRho * fround(g * g))));
        const before = fround(sqrt(fround(meanUpdate[k] + epsilon)));
        const d = fround(fround(before * g) / fround(sqrt(fround(v + epsilon))));
        const a = flushed(fround(fround(rho * meanUpdate[k]) + fround(oneMinusRho * fround(d * d))));
        meanSquare[k] = v;
        meanUpdate[k] = a;
        weights[k] = fround(weights[k] - fround(lr * d));
      }
    },
    settle() {},
  };
}
