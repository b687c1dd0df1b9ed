import type { JobSpec } from '../contract/job-spec.ts';
import { nominalRate } from '../contract/learning-rate.ts';

/** A learning rate below this rarely makes a job diverge. */
const SMALL_RATE = 1e-5;
/** Dropout scales the outputs it keeps by 1 / (1 - rate): from this rate on, by ten or more. */
const LARGE_DROPOUT = 0.9;
/** Keras's default. */
const USUAL_EPSILON = 1e-7;

/** What usually helps when a job with this spec diverges: a sentence for people. */
export function divergenceAdvice({ model, optimizer }: Pick<JobSpec, 'model' | 'optimizer'>): string {
  if (model.dropout >= LARGE_DROPOUT) {
    return `A smaller dropout usually helps: at ${model.dropout} it multiplies the outputs it keeps by ${Math.round(1 / (1 - model.dropout))}.`;
  }
  if (mayDivideByEpsilon(optimizer)) {
    return `A larger epsilon usually helps, ${USUAL_EPSILON} or more: with these options a step may be divided by little more than epsilon.`;
  }
  if (nominalRate(optimizer.learning_rate) < SMALL_RATE) {
    return 'learning_rate is already small: check the other optimizer options and the model.';
  }
  return 'A smaller learning_rate usually helps.';
}

/** Whether the mean square can vanish while the gradient or its mean does not, with an epsilon too small to help. */
function mayDivideByEpsilon(optimizer: JobSpec['optimizer']): boolean {
  switch (optimizer.type) {
    case 'rmsprop':
      return optimizer.centered && optimizer.epsilon < USUAL_EPSILON;
    case 'adam':
    case 'adamw':
    case 'nadam':
      return optimizer.beta_2 < optimizer.beta_1 * optimizer.beta_1 && optimizer.epsilon <= USUAL_EPSILON;
    case 'sgd':
    case 'adagrad':
    case 'adamax':
    case 'adadelta':
    case 'lion':
      return false;
    default:
      return optimizer satisfies never;
  }
}
