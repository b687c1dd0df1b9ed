import { describe, expect, it } from 'vitest';
import { OptimizerSchema } from '../../../src/contract/optimizer.ts';
import { tensorflowLacks } from '../../../src/engine/tensorflow/tensorflow-limits.ts';

const SCHEDULE = { type: 'cosine_decay', initial_learning_rate: 0.1, decay_steps: 9 };

describe('tensorflow lacks', () => {
  it.each([
    [{ type: 'rmsprop', centered: true }, 'centered'],
    [{ type: 'adam', amsgrad: true }, 'amsgrad'],
    [{ type: 'adam', beta_2: 0 }, 'beta_2'],
    [{ type: 'adam', beta_2: 0.89 }, 'beta_2'],
    [{ type: 'adagrad', epsilon: 1e-6 }, 'epsilon'],
    [{ type: 'adamw', amsgrad: true }, 'amsgrad'],
    [{ type: 'nadam' }, 'type'],
    [{ type: 'adadelta' }, 'type'],
    [{ type: 'lion' }, 'type'],
    [{ type: 'sgd', momentum: 0.9, learning_rate: SCHEDULE }, 'momentum'],
  ])('%j: %s', (optimizer, field) => {
    expect(tensorflowLacks(OptimizerSchema.parse(optimizer))).toEqual([
      { field, detail: expect.stringContaining('with the engine tensorflow') },
    ]);
  });

  it('momentum of sgd whose rate is reduced', () => {
    const momentum = OptimizerSchema.parse({ type: 'sgd', momentum: 0.9 });
    expect(tensorflowLacks(momentum)).toEqual([]);
    expect(tensorflowLacks(momentum, true)).toMatchObject([{ field: 'momentum' }]);
    expect(tensorflowLacks(OptimizerSchema.parse({ type: 'rmsprop', momentum: 0.9 }), true)).toEqual([]);
  });

  it.each(['rmsprop', 'sgd', 'adagrad', 'adam', 'adamw', 'adamax'])(
    'nothing of %s with its defaults',
    (type) => {
      expect(tensorflowLacks(OptimizerSchema.parse({ type }))).toEqual([]);
    },
  );
});
