import { expect, it } from 'vitest';
import { expectSameRun, steadyRates, trainEpoch } from '../engine-runs.ts';
import type { EngineProblem } from '../small-problem.ts';
import { OPTIMIZERS, smallProblem } from '../small-problem.ts';
import { describeEach, KERNEL_ENGINES } from '../tested-engines.ts';

/** An engine that takes over the memory of another gives the bits of one that starts from nothing. */

const { source } = smallProblem({ hiddenUnits: [], optimizer: OPTIMIZERS.sgd! });

const problem = (optimizer: string, hiddenUnits: number[], changes = {}): EngineProblem => ({
  ...smallProblem({ hiddenUnits, optimizer: OPTIMIZERS[optimizer]!, ...changes }),
  source,
});

const LARGE = problem('adam amsgrad', [40, 33], { dropout: 0.5, batchSize: 16 });

describeEach(KERNEL_ENGINES, (create) => {
  it.each([
    ['the same job', LARGE],
    ['another seed', { ...LARGE, seed: 7 }],
    ['another optimizer', problem('rmsprop', [40, 33], { batchSize: 16 })],
    ['slots that decay late', problem('rmsprop momentum', [40, 33])],
    ['a smaller model', problem('adagrad', [17], { activation: 'tanh' })],
    ['kept slopes', problem('sgd', [17], { activation: 'gelu_tanh' })],
    ['no hidden layer', problem('sgd', [])],
  ])('after %s', (_case, next) => {
    const before = create(LARGE);
    trainEpoch(before, LARGE, 1);
    const after = create({ ...next, previous: before });
    expect(after.memory).toBe(before.memory);
    expectSameRun(after, create(next), next, 3);
  });

  it('in the middle of an epoch', () => {
    const before = create(LARGE);
    before.train(
      Uint32Array.from({ length: LARGE.epochRows }, (_, row) => row),
      0,
      steadyRates(LARGE, 2),
    );
    const after = create({ ...LARGE, previous: before });
    expect(after.memory).toBe(before.memory);
    expectSameRun(after, create(LARGE), LARGE, 2);
  });

  it.each([
    ['other rows', { ...LARGE, source: { ...source } }],
    ['fewer rows', { ...LARGE, targets: LARGE.targets.subarray(0, 50), epochRows: 50 }],
    ['more memory', { ...LARGE, batchSize: 4096 }],
  ])('but not with %s', (_case, next) => {
    const before = create(LARGE);
    const after = create({ ...next, previous: before });
    expect(after.memory).not.toBe(before.memory);
    expectSameRun(after, create(next), next, 2);
  });
});
