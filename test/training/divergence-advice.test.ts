import { expect, it } from 'vitest';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { divergenceAdvice } from '../../src/training/divergence-advice.ts';

it.each([
  [{ optimizer: { type: 'sgd', learning_rate: 10 } }, 'A smaller learning_rate'],
  [
    { dataset: 'sine', loss: 'mse', optimizer: { type: 'sgd', learning_rate: 10 } },
    'A smaller learning_rate',
  ],
  [{ optimizer: { type: 'rmsprop', epsilon: 1e-30 } }, 'A smaller learning_rate'],
  [{ optimizer: { type: 'rmsprop', centered: true } }, 'A smaller learning_rate'],
  [{ optimizer: { type: 'rmsprop', centered: true, epsilon: 1e-30 } }, 'A larger epsilon'],
  [{ optimizer: { type: 'adam' } }, 'A smaller learning_rate'],
  [{ optimizer: { type: 'adam', beta_2: 0 } }, 'A larger epsilon'],
  [
    { model: { dropout: 0.9999 } },
    'A smaller dropout usually helps: at 0.9999 it multiplies the outputs it keeps by 10000.',
  ],
  [{ optimizer: { type: 'adagrad', learning_rate: 1e-8 } }, 'learning_rate is already small'],
])('gives advice that fits %j', (spec, advice) => {
  expect(divergenceAdvice(JobSpecSchema.parse(spec))).toContain(advice);
});
