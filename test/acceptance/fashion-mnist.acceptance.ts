import { expect, it } from 'vitest';
import { datasetProblem } from '../../src/dataset/availability.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { Installation } from '../end-to-end/installation.ts';

const problem = await datasetProblem(DATASETS.fashion_mnist, '/nonexistent');

it.skipIf(problem !== null).each([1, 2, 3, 4, 5])(
  'the model of {} learns fashion_mnist with seed %i (needs dataset-fashion-mnist)',
  async (seed) => {
    const descent = await Installation.start();
    const { id } = await descent.create({ dataset: 'fashion_mnist', training: { seed } });
    await descent.toEnd(id);
    const { result, error } = await descent.job(id);
    expect(error).toBeNull();
    expect(result!.test.accuracy).toBeGreaterThanOrEqual(0.87);
    console.log(`fashion_mnist, seed ${seed}: test accuracy ${result!.test.accuracy}`);
  },
);
