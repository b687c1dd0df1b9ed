import { describe, expect, it } from 'vitest';
import { type LabelValues, labelValues } from '../../../src/engine/label-smoothing.ts';
import { softmaxLossBackward, softmaxLossForward } from '../../../src/engine/reference/softmax-loss.ts';

/** One row with the logits log 1, log 2 and log 5, so that its probabilities are 1/8, 2/8 and 5/8; its class is 1. */
function oneRow(labels: LabelValues, weights: Float32Array | null = null) {
  const [losses, predicted] = [new Float32Array(1), new Uint16Array(1)];
  const [p, dz] = [new Float32Array(3), new Float32Array(3)];
  const z = Float32Array.of(Math.log(1), Math.log(2), Math.log(5));
  const [targets, rows] = [Uint16Array.of(1), Uint32Array.of(0)];
  softmaxLossForward(losses, predicted, p, z, targets, rows, 1, 3, labels);
  softmaxLossBackward(dz, p, targets, rows, 1, 3, labels, weights);
  return { loss: losses[0]!, predicted: predicted[0], dz: [...dz] };
}

const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 6));

describe('categorical crossentropy', () => {
  it('without smoothing is -log of the probability of the class, worked by hand', () => {
    const { loss, predicted, dz } = oneRow(labelValues(0, 3));
    // -log(2/8); 1/8, 2/8 - 1, 5/8
    expect([loss, predicted]).toEqual([expect.closeTo(1.386294361, 6), 2]);
    expect(dz).toEqual(near([0.125, -0.75, 0.625]));
  });

  it('with a smoothing of 0.3 has the targets 0.1, 0.8 and 0.1', () => {
    const { loss, dz } = oneRow(labelValues(0.3, 3));
    // -0.1 log(1/8) - 0.8 log(2/8) - 0.1 log(5/8) = 0.207944154 + 1.109035489 + 0.047000363
    expect(loss).toBeCloseTo(1.363980006, 6);
    expect(dz).toEqual(near([0.025, -0.55, 0.525]));
  });

  it('with a smoothing of 1 wants all classes alike', () => {
    const { dz } = oneRow(labelValues(1, 3));
    expect(dz).toEqual(near([1 / 8 - 1 / 3, 2 / 8 - 1 / 3, 5 / 8 - 1 / 3]));
  });

  it('multiplies the gradient by the weight of the class, and not the loss that is told', () => {
    const { loss, dz } = oneRow(labelValues(0, 3), Float32Array.of(9, 2, 9));
    expect(loss).toBeCloseTo(1.386294361, 6);
    expect(dz).toEqual(near([0.25, -1.5, 1.25]));
  });
});

describe('labelValues', () => {
  it('are rounded once, and 1 and 0 without smoothing', () => {
    expect(labelValues(0, 10)).toEqual({ on: 1, off: 0 });
    expect(labelValues(0.1, 10)).toEqual({ on: Math.fround(0.91), off: Math.fround(0.01) });
  });
});
