import { describe, expect, it } from 'vitest';
import { ACTIVATIONS, sigmoid64, tanh64 } from '../../../src/engine/reference/activations.ts';

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
    for (const x of bothSigns(10)) expect(tanh64(-x)).toBe(-tanh64(x));
  });
});

describe('derivatives', () => {
  it.each([
    ['relu', [0, 0, 3]],
    ['sigmoid', [0, 0.25 * 3, 3 * 0.75 * 0.25]],
    ['tanh', [3, 3 * 0.75, 3 * 0.4375]],
  ] as const)('of %s are taken from its output', (name, expected) => {
    const outputs = name === 'relu' ? [0, -0, 2] : name === 'sigmoid' ? [0, 0.5, 0.75] : [0, -0.5, 0.75];
    const d = Float32Array.of(3, 3, 3);
    ACTIVATIONS[name].backward(d, Float32Array.from(outputs), 3);
    expect([...d]).toEqual(expected);
  });
});
