import type { MadeDataset } from '../../../src/dataset/reading/made-dataset.ts';

/** The share of the test rows that a softmax model gets right after plain gradient descent. */
export function accuracyOfLogisticModel({ inputs: I, outputs: O, train, test }: MadeDataset): number {
  const weights = new Float64Array((I + 1) * O);
  const scores = (values: ArrayLike<number>, row: number) =>
    Array.from({ length: O }, (_, o) => {
      let sum = weights[I * O + o]!;
      for (let i = 0; i < I; i += 1) sum += values[row * I + i]! * weights[i * O + o]!;
      return sum;
    });
  for (let step = 0; step < 300; step += 1) {
    const gradient = new Float64Array(weights.length);
    for (let row = 0; row < train.rows; row += 1) {
      const e = scores(train.values, row).map(Math.exp);
      const total = e.reduce((sum, x) => sum + x);
      for (let o = 0; o < O; o += 1) {
        const delta = (e[o]! / total - (train.targets[row] === o ? 1 : 0)) / train.rows;
        for (let i = 0; i < I; i += 1) gradient[i * O + o]! += delta * train.values[row * I + i]!;
        gradient[I * O + o]! += delta;
      }
    }
    gradient.forEach((value, k) => {
      weights[k]! -= value;
    });
  }
  let right = 0;
  for (let row = 0; row < test.rows; row += 1) {
    const found = scores(test.values, row);
    if (found.indexOf(Math.max(...found)) === test.targets[row]) right += 1;
  }
  return right / test.rows;
}
