import { describe, expect, it } from 'vitest';
import type { Activation } from '../../../src/contract/activation.ts';
import {
  ACTIVATIONS,
  elu64,
  geluTanh64,
  geluTanhSlope64,
  selu64,
  sigmoid64,
  silu64,
  siluSlope64,
  softplus64,
  tanh64,
} from '../../../src/engine/reference/activations.ts';
import { log1p } from '../../../src/engine/reference/log1p.ts';

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);

/** Maps float32 numbers to integers in the same order; neighbours differ by 1. */
function place(x: number): number {
  floats[0] = x;
  const word = words[0];
  return word >= 0x8000_0000 ? 0x8000_0000 - word : word;
}

/** The largest distance, in ulps of float32, between two functions rounded to float32. */
function worstUlps(f: (x: number) => number, oracle: (x: number) => number, points: Iterable<number>) {
  let worst = 0;
  for (const x of points) worst = Math.max(worst, Math.abs(place(f(x)) - place(oracle(x))));
  return worst;
}

/** Float32 numbers of both signs and all sizes up to `to`, closer together near 0. */
function* bothSigns(to: number): Generator<number> {
  for (let x = to; x > 2 ** -140; x *= 0.9997) {
    yield Math.fround(x);
    yield Math.fround(-x);
  }
}

const sigmoidOracle = (z: number) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));

describe('sigmoid', () => {
  it('is within 1 ulp of a float64 oracle', () => {
    expect(worstUlps(sigmoid64, sigmoidOracle, bothSigns(100))).toBeLessThanOrEqual(1);
  });

  it('is exact where it must be', () => {
    expect([sigmoid64(0), sigmoid64(Infinity), sigmoid64(-Infinity), sigmoid64(-200)]).toEqual([
      0.5, 1, 0, 0,
    ]);
    expect(sigmoid64(Number.NaN)).toBeNaN();
  });
});

describe('tanh', () => {
  it('is within 1 ulp of a float64 oracle', () => {
    expect(worstUlps(tanh64, Math.tanh, bothSigns(100))).toBeLessThanOrEqual(1);
  });

  it('is exact where it must be, and odd', () => {
    expect([tanh64(0), tanh64(-0), tanh64(Infinity), tanh64(-Infinity)]).toEqual([0, -0, 1, -1]);
    expect(tanh64(Number.NaN)).toBeNaN();
    expect([...bothSigns(10)].filter((x) => !Object.is(tanh64(-x), -tanh64(x)))).toEqual([]);
  });
});

/** [z, f(z), f'(z)], worked with a calculator of 12 digits from the formulas in the comments. */
const WORKED: { readonly [Name in Activation]: readonly (readonly [z: number, f: number, slope: number])[] } =
  {
    relu: [
      [-2, 0, 0],
      [0, 0, 0],
      [3, 3, 1],
    ],
    // (1 - e^-2) / (1 + e^-2) = 0.761594155956; 1 - 0.580025658385
    tanh: [
      [0, 0, 1],
      [1, 0.761594155956, 0.419974341614],
      [-1, -0.761594155956, 0.419974341614],
    ],
    // 1 / (1 + e^-1) = 0.731058578630; 0.731058578630 * 0.268941421370
    sigmoid: [
      [0, 0.5, 0.25],
      [1, 0.73105857863, 0.196611933241],
      [-1, 0.26894142137, 0.196611933241],
    ],
    // At 0 the slope is that of the negative side, as in TensorFlow.
    leaky_relu: [
      [-2, -0.4, 0.2],
      [0, 0, 0.2],
      [3, 3, 1],
    ],
    // e^-1 - 1 = -0.632120558829; its slope is e^-1
    elu: [
      [-1, -0.632120558829, 0.367879441171],
      [0, 0, 1],
      [3, 3, 1],
    ],
    // 1.758099340847 * -0.632120558829, with the slope 1.758099340847 e^-1; 1.050700987355 * 3
    selu: [
      [-1, -1.111330737813, 0.646768603034],
      [0, 0, 1.050700987355],
      [3, 3.152102962066, 1.050700987355],
    ],
    // v = 1.595769121606 (1 + 0.044715) = 1.667124... , 1 / (1 + e^-v) = 0.841191990608; the same times -1 for -1
    gelu_tanh: [
      [-1, -0.158808009392, -0.082964083845],
      [0, 0, 0.5],
      [1, 0.841191990608, 1.082964083845],
    ],
    // 1 * 0.731058578630; 0.731058578630 (1 + 0.268941421370)
    silu: [
      [-1, -0.26894142137, 0.072329488129],
      [0, 0, 0.5],
      [1, 0.73105857863, 0.927670511871],
    ],
    // log(1 + e^-1), log 2, 1 + log(1 + e^-1)
    softplus: [
      [-1, 0.313261687518, 0.26894142137],
      [0, Math.LN2, 0.5],
      [1, 1.313261687518, 0.73105857863],
    ],
    linear: [
      [-2, -2, 1],
      [0, 0, 1],
      [3, 3, 1],
    ],
  };

describe.each(Object.entries(ACTIVATIONS))('%s', (name, activation) => {
  const worked = WORKED[name as Activation];
  const results = (sums: readonly number[]) => {
    const [h, slopes] = [Float32Array.from(sums), new Float32Array(sums.length)];
    const dh = new Float32Array(sums.length).fill(3);
    activation.forward(h, slopes, sums.length);
    activation.backward(dh, h, slopes, sums.length);
    return { h: [...h], dh: [...dh] };
  };

  it('has the values and derivatives that its formula gives', () => {
    const { h, dh } = results(worked.map(([z]) => z));
    for (const [k, [z, f, slope]] of worked.entries()) {
      expect(h[k], `f(${z})`).toBeCloseTo(f, 6);
      expect(dh[k], `f'(${z})`).toBeCloseTo(3 * slope, 6);
    }
  });

  it('keeps a NaN, so that a divergence is seen', () => {
    expect(results([Number.NaN]).h).toEqual([Number.NaN]);
  });

  it('leaves what is behind the first n elements alone', () => {
    const [h, slopes] = [Float32Array.of(-1, -1), Float32Array.of(7, 7)];
    activation.forward(h, slopes, 1);
    expect([h[1], slopes[1]]).toEqual([-1, 7]);
  });
});

const { expm1, log1p: log1pOracle } = Math;
const selu = (z: number) =>
  z > 0 ? 1.0507009873554805 * z : 1.0507009873554805 * 1.6732632423543772 * expm1(z);
const geluArgument = (z: number) => Math.sqrt(8 / Math.PI) * (z + 0.044715 * z ** 3);

describe.each([
  ['elu', elu64, (z: number) => (z > 0 ? z : expm1(z)), 80],
  ['selu', selu64, selu, 80],
  ['silu', silu64, (z: number) => z * sigmoidOracle(z), 80],
  // Of an argument below -104, its exp is 0; z times it would still be a denormal number.
  ['gelu_tanh', geluTanh64, (z: number) => z * sigmoidOracle(geluArgument(z)), 10],
  ['softplus', softplus64, (z: number) => Math.max(z, 0) + log1pOracle(Math.exp(-Math.abs(z))), 80],
] as const)('%s', (_, f, oracle, to) => {
  it('is within 1 ulp of a float64 oracle', () => {
    expect(worstUlps(f, oracle, bothSigns(to))).toBeLessThanOrEqual(1);
  });

  it('is finite for every finite float32', () => {
    // Above 3.2e38 selu is not, since it multiplies by more than 1.
    expect([...bothSigns(3.2e38)].filter((z) => !Number.isFinite(Math.fround(f(z))))).toEqual([]);
  });
});

describe.each([
  ['silu', siluSlope64, (z: number) => sigmoidOracle(z) * (1 + z * (1 - sigmoidOracle(z)))],
  [
    'gelu_tanh',
    geluTanhSlope64,
    (z: number) => {
      const t = Math.tanh(geluArgument(z) / 2);
      return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * z * z);
    },
  ],
] as const)('the derivative of %s', (_, slope, oracle) => {
  it('is within 1e-12 of another form of it', () => {
    expect([...bothSigns(100)].filter((z) => !(Math.abs(slope(z) - oracle(z)) < 1e-12))).toEqual([]);
  });

  it('is finite for every finite float32', () => {
    expect([...bothSigns(3.4e38)].filter((z) => !Number.isFinite(slope(z)))).toEqual([]);
  });
});

describe('log1p', () => {
  it('is within 4e-14 of the true value, relative to it', () => {
    let worst = 0;
    for (let k = 1; k <= 100_000; k += 1) {
      const e = k / 100_000;
      for (const at of [e, e ** 8, e * 2 ** -60]) {
        worst = Math.max(worst, Math.abs(log1p(at) / log1pOracle(at) - 1));
      }
    }
    expect(worst).toBeLessThan(4e-14);
    expect([log1p(0), log1p(1)]).toEqual([0, Math.LN2]);
    expect(log1p(Number.NaN)).toBeNaN();
  });
});
