import type { LearningRate, Schedule } from '../contract/learning-rate.ts';
import { cos, power } from './reference/exp-log.ts';

/**
 * The learning rate of each step (rule 15): Keras's formulas (keras/src/optimizers/schedules/learning_rate_schedule.py,
 * 3.15) in float64, with our own exp, log and cos. Every update rule rounds the rate as it needs it.
 */

/** A function of the step alone, which counts from 0 over the whole job. */
export type RateOfStep = (step: number) => number;

export function rateOfStep(learningRate: LearningRate): RateOfStep {
  return typeof learningRate === 'number' ? () => learningRate : scheduled(learningRate);
}

const { ceil, floor, min, PI } = Math;

function scheduled(schedule: Schedule): RateOfStep {
  switch (schedule.type) {
    case 'exponential_decay': {
      const { initial_learning_rate, decay_steps, decay_rate, staircase } = schedule;
      return (step) => {
        const p = step / decay_steps;
        return initial_learning_rate * power(decay_rate, staircase ? floor(p) : p);
      };
    }
    case 'piecewise_constant_decay': {
      const { boundaries, values } = schedule;
      return (step) => {
        const k = boundaries.findIndex((boundary) => step <= boundary);
        return k === -1 ? values[boundaries.length] : values[k];
      };
    }
    case 'polynomial_decay': {
      const { initial_learning_rate, decay_steps, end_learning_rate, cycle } = schedule;
      return (step) => {
        const whole = cycle && step > 0 ? decay_steps * ceil(step / decay_steps) : decay_steps;
        const left = 1 - min(step, whole) / whole;
        return (initial_learning_rate - end_learning_rate) * power(left, schedule.power) + end_learning_rate;
      };
    }
    case 'inverse_time_decay': {
      const { initial_learning_rate, decay_steps, decay_rate, staircase } = schedule;
      return (step) => {
        const p = step / decay_steps;
        return initial_learning_rate / (1 + decay_rate * (staircase ? floor(p) : p));
      };
    }
    case 'cosine_decay': {
      const { initial_learning_rate, decay_steps, alpha, warmup_target, warmup_steps } = schedule;
      if (warmup_target === null) {
        return (step) => initial_learning_rate * halfCosine(min(step, decay_steps) / decay_steps, 1, alpha);
      }
      return (step) =>
        step < warmup_steps
          ? (warmup_target - initial_learning_rate) * (step / warmup_steps) + initial_learning_rate
          : warmup_target * halfCosine(min(step - warmup_steps, decay_steps) / decay_steps, 1, alpha);
    }
    case 'cosine_decay_restarts':
      return restarting(schedule);
    default:
      return schedule satisfies never;
  }
}

/** From `height` at 0 down to alpha at 1, along half a cosine. */
const halfCosine = (fraction: number, height: number, alpha: number): number =>
  (1 - alpha) * (0.5 * height * (1 + cos(PI * fraction))) + alpha;

/**
 * Keras finds the period of a step with a logarithm, whose rounding puts some first steps of a period into the one
 * before. Walking from period to period does not. It is remembered how far it went, since steps usually ascend.
 */
function restarting(schedule: Extract<Schedule, { type: 'cosine_decay_restarts' }>): RateOfStep {
  const { initial_learning_rate, first_decay_steps, t_mul, m_mul, alpha } = schedule;
  let [start, length, height] = [0, first_decay_steps, 1];
  return (step) => {
    if (step < start) [start, length, height] = [0, first_decay_steps, 1];
    while (step >= start + length) {
      start += length;
      length *= t_mul;
      height *= m_mul;
    }
    return initial_learning_rate * halfCosine((step - start) / length, height, alpha);
  };
}
