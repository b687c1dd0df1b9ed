import { describe, expect, it } from 'vitest';
import { countParameters, modelLayout } from '../../src/engine/model-layout.ts';

describe('modelLayout', () => {
  it('places W1 b1 W2 b2 ... one after the other', () => {
    expect(modelLayout(3, [2], 4)).toEqual({
      inputs: 3,
      outputs: 4,
      parameters: 20,
      layers: [
        { inputs: 3, outputs: 2, weightsOffset: 0, biasesOffset: 6 },
        { inputs: 2, outputs: 4, weightsOffset: 8, biasesOffset: 16 },
      ],
    });
  });

  it('has one layer without hidden units', () => {
    expect(modelLayout(3, [], 4).layers).toEqual([
      { inputs: 3, outputs: 4, weightsOffset: 0, biasesOffset: 12 },
    ]);
  });

  it('refuses a layer without units', () => {
    expect(() => modelLayout(3, [0], 4)).toThrow('3 -> 0 -> 4');
    expect(() => modelLayout(3, [1.5], 4)).toThrow('3 -> 1.5 -> 4');
  });
});

describe('countParameters', () => {
  it('counts the 109,386 parameters of the reference run', () => {
    expect(countParameters(784, [128, 64], 10)).toBe(784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10);
    expect(countParameters(784, [128, 64], 10)).toBe(109_386);
  });
});
