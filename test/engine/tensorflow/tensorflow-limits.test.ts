import { describe, expect, it } from 'vitest';
import { OptimizerSchema } from '../../../src/contract/optimizer.ts';
import { tensorflowLacks } from '../../../src/engine/tensorflow/tensorflow-limits.ts';

describe('tensorflow lacks', () => {
  it.each([
    [{ type: 'rmsprop', centered: true }, 'centered'],
    [{ type: 'adam', amsgrad: true }, 'amsgrad'],
    [{ type: 'adam', beta_2: 0 }, 'beta_2'],
    [{ type: 'adam', beta_2: 0.89 }, 'beta_2'],
    [{ type: 'adagrad', epsilon: 1e-6 }, 'epsilon'],
  ])('%j: %s', (optimizer, field) => {
    expect(tensorflowLacks(OptimizerSchema.parse(optimizer))).toEqual([
      { field, detail: expect.stringContaining('with the engine tensorflow') },
    ]);
  });

  it.each(['rmsprop', 'sgd', 'adagrad', 'adam'])('nothing of %s with its defaults', (type) => {
    expect(tensorflowLacks(OptimizerSchema.parse({ type }))).toEqual([]);
  });
});
