import { expect, it } from 'vitest';
import { datasetProblem } from '../../src/dataset/availability.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { Installation } from '../end-to-end/installation.ts';

const problem = await datasetProblem(DATASETS.fashion_mnist, '/no/such/folder');

it.skipIf(problem !== null)(
  'the model of {} learns fashion_mnist with most of five seeds (needs dataset-fashion-mnist)',
  async () => {
    const descent = await Installation.start();
    const accuracies: number[] = [];
    for (const seed of [1, 2, 3, 4, 5]) {
      const { id } = await descent.create({ dataset: 'fashion_mnist', training: { seed } });
      await descent.toEnd(id);
      const { result, error } = await descent.job(id);
      expect(error).toBeNull();
      accuracies.push(result!.test.accuracy!);
    }
    console.log(`fashion_mnist, seeds 1 to 5: test accuracy ${accuracies.join(', ')}`);
    const sorted = accuracies.sort((a, b) => a - b);
    expect(sorted[2]).toBeGreaterThanOrEqual(0.87);
    expect(sorted[0]).toBeGreaterThanOrEqual(0.84);
  },
);
