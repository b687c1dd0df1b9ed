import { describe, expect, it } from 'vitest';
import { type Initializer, InitializerSchema } from '../../src/contract/initializer.ts';
import { initialiseWeights } from '../../src/engine/initial-weights.ts';
import { inverseErf } from '../../src/engine/inverse-erf.ts';
import { modelLayout } from '../../src/engine/model-layout.ts';
import { u32 } from '../../src/engine/random.ts';

const layout = modelLayout(100, [150], 40);

function weights(kernelInitializer: Initializer, seed = 42, outputInitializer = kernelInitializer) {
  const filled = new Float32Array(layout.parameters).fill(9);
  initialiseWeights(filled, { layout, seed, kernelInitializer, outputInitializer });
  return filled;
}

/** W of each layer. */
const kernels = (filled: Float32Array) =>
  layout.layers.map(({ weightsOffset, biasesOffset }) => filled.subarray(weightsOffset, biasesOffset));

const { PI, SQRT2, abs, exp, fround, max, sqrt } = Math;

/** The variances that Keras's classes state, for the layers 100 -> 150 and 150 -> 40. */
const VARIANCES: { readonly [Name in Initializer]: readonly [number, number] } = {
  glorot_uniform: [2 / 250, 2 / 190],
  glorot_normal: [2 / 250, 2 / 190],
  he_uniform: [2 / 100, 2 / 150],
  he_normal: [2 / 100, 2 / 150],
  lecun_uniform: [1 / 100, 1 / 150],
  lecun_normal: [1 / 100, 1 / 150],
  zeros: [0, 0],
};

/** Of weights with variance 1: the farthest they may be, and their fourth moment. */
const SHAPES = {
  uniform: { farthest: sqrt(3), fourth: 9 / 5 },
  // Of a normal cut at 2 deviations, by quadrature.
  normal: { farthest: 2 / 0.8796256610342398, fourth: 2.3655 },
} as const;

describe.each(InitializerSchema.options)('%s', (name) => {
  const shape = name.endsWith('normal') ? SHAPES.normal : SHAPES.uniform;

  it('has the variance and the form that Keras states, and biases of 0', () => {
    for (const [l, W] of kernels(weights(name)).entries()) {
      const variance = VARIANCES[name][l]!;
      const moment = (power: number) => W.reduce((sum, w) => sum + w ** power, 0) / W.length;
      const farthest = W.reduce((most, w) => max(most, abs(w)), 0);
      if (name === 'zeros') {
        expect(farthest).toBe(0);
        continue;
      }
      // Five standard deviations of the means of so many draws.
      const deviations = 5 / sqrt(W.length);
      expect(abs(moment(1)) / sqrt(variance)).toBeLessThan(deviations);
      expect(abs(moment(2) / variance - 1)).toBeLessThan(deviations * sqrt(shape.fourth - 1));
      expect(moment(4) / variance ** 2 / shape.fourth).toBeCloseTo(1, 1);
      const edge = fround(shape.farthest * sqrt(variance) * (1 + 2 ** -23));
      expect(farthest).toBeLessThanOrEqual(edge);
      expect(farthest).toBeGreaterThan(0.97 * edge);
    }
    const { biasesOffset, outputs } = layout.layers[0]!;
    expect([...weights(name).subarray(biasesOffset, biasesOffset + outputs)]).toEqual(
      new Array(outputs).fill(0),
    );
  });

  it('gives the same weights for the same seed, and others for another seed and another layer', () => {
    expect(weights(name)).toEqual(weights(name));
    if (name === 'zeros') return;
    expect(weights(name)).not.toEqual(weights(name, 43));
    const [first, second] = kernels(weights(name));
    expect(first![0]! / VARIANCES[name][0]).not.toBeCloseTo(second![0]! / VARIANCES[name][1]);
  });
});

it('draws the last layer alone from another initializer, and the others as without it', () => {
  const [first, second] = kernels(weights('he_normal', 42, 'zeros'));
  expect(first).toEqual(kernels(weights('he_normal'))[0]);
  expect(second!.every((w) => w === 0)).toBe(true);
  const single = modelLayout(3, [], 2);
  const filled = new Float32Array(single.parameters).fill(9);
  initialiseWeights(filled, {
    layout: single,
    seed: 1,
    kernelInitializer: 'he_normal',
    outputInitializer: 'zeros',
  });
  expect([...filled]).toEqual(new Array(8).fill(0));
});

it('worked by hand: weight 7 of the first layer', () => {
  const u = (u32(42, 0x57_45_49_47, 0, 7) >>> 8) / 2 ** 24;
  const uniform = fround((2 * u - 1) * fround(sqrt(6 / 100)));
  expect(weights('he_uniform')[7]).toBe(uniform);
  // The normal one lies as far in its distribution: erf(w / (deviation * sqrt(2))) = (2u - 1) * erf(sqrt(2)).
  const deviation = sqrt(2 / 100) / 0.8796256610342398;
  expect(erf(weights('he_normal')[7]! / (deviation * SQRT2))).toBeCloseTo((2 * u - 1) * erf(SQRT2), 6);
});

/** The Maclaurin series, whose terms stay below 2 for |x| <= sqrt(2). */
function erf(x: number): number {
  let power = x;
  let sum = x;
  for (let n = 1; n < 60; n += 1) {
    power *= (-x * x) / n;
    sum += power / (2 * n + 1);
  }
  return (2 / sqrt(PI)) * sum;
}

describe('inverseErf', () => {
  it('is within 1e-14 of the true value, relative to it, up to 0.96', () => {
    let worst = 0;
    for (let k = 1; k <= 50_000; k += 1) {
      for (const y of [(0.96 * k) / 50_000, (k / 50_000) ** 9 * 0.96, 2 ** -80 * k]) {
        const x = inverseErf(y);
        // One step of Newton's method gives the distance to the true value.
        const distance = (erf(x) - y) / ((2 / sqrt(PI)) * exp(-x * x));
        worst = max(worst, abs(distance / x));
      }
    }
    expect(worst).toBeLessThan(1e-14);
  });

  it('is odd, and exact where it must be', () => {
    expect([inverseErf(0), inverseErf(-0)]).toEqual([0, -0]);
    for (const y of [1e-9, 0.1, 0.5, 0.9544]) expect(inverseErf(-y)).toBe(-inverseErf(y));
  });
});
