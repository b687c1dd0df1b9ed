import type { JobSpec } from '../contract/job-spec.ts';

/** Below it, a learning rate is rarely what makes a job diverge. */
const SMALL_RATE = 1e-5;
/** Dropout multiplies what it keeps by 1 / (1 - rate): from here on by ten and more. */
const LARGE_DROPOUT = 0.9;
/** Keras's default. */
const USUAL_EPSILON = 1e-7;

/** What usually helps when a job with this spec diverges: a sentence for people. */
export function divergenceAdvice({ model, optimizer }: Pick<JobSpec, 'model' | 'optimizer'>): string {
  if (model.dropout >= LARGE_DROPOUT) {
    return `A smaller dropout usually helps: with ${model.dropout} it multiplies what it keeps by ${Math.round(1 / (1 - model.dropout))}.`;
  }
  if (mayDivideByEpsilon(optimizer)) {
    return `A larger epsilon usually helps, ${USUAL_EPSILON} or more: with these options a step can be divided by little else.`;
  }
  if (optimizer.learning_rate < SMALL_RATE) {
    return 'learning_rate is small already: look at the other options of the optimizer and at the model.';
  }
  return 'A smaller learning_rate usually helps.';
}

/** Whether the mean square can vanish under a gradient or a mean gradient that does not, and epsilon is no help then. */
function mayDivideByEpsilon(optimizer: JobSpec['optimizer']): boolean {
  switch (optimizer.type) {
    case 'rmsprop':
      return optimizer.centered && optimizer.epsilon < USUAL_EPSILON;
    case 'adam':
      return optimizer.beta_2 < optimizer.beta_1 * optimizer.beta_1 && optimizer.epsilon <= USUAL_EPSILON;
    case 'sgd':
    case 'adagrad':
      return false;
    default:
      return optimizer satisfies never;
  }
}
