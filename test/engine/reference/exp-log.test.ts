import { describe, expect, it } from 'vitest';
import { cos, exp, log, power } from '../../../src/engine/reference/exp-log.ts';

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);

/** The distance between two non-negative float32 numbers, in ulps: their bit patterns are in the same order. */
function ulpsBetween(a: number, b: number): number {
  floats[0] = a;
  const wordOfA = words[0];
  floats[0] = b;
  return Math.abs(wordOfA - words[0]);
}

/** The largest distance, in ulps of float32, to an oracle in float64, over many points of a range. */
function worstUlps(f: (x: number) => number, oracle: (x: number) => number, points: Iterable<number>) {
  let worst = 0;
  for (const x of points) worst = Math.max(worst, ulpsBetween(Math.fround(f(x)), Math.fround(oracle(x))));
  return worst;
}

/** The largest error at these points; NaN if one is. An expect() for each would take most of the time. */
function worst(error: (x: number) => number, points: Iterable<number>): number {
  let most = 0;
  for (const x of points) most = Math.max(most, error(x));
  return most;
}

const relativeOfExp = (x: number) => Math.abs(exp(x) / Math.exp(x) - 1);
const absoluteOfLog = (s: number) => Math.abs(log(s) - Math.log(s));
const absoluteOfCos = (x: number) => Math.abs(cos(x) - Math.cos(x));

function* evenly(from: number, to: number, count: number): Generator<number> {
  for (let k = 0; k <= count; k += 1) yield Math.fround(from + ((to - from) * k) / count);
}

describe('exp', () => {
  it('is within 1 ulp of float32 from 0 down to where the result is denormal and then 0', () => {
    expect(worstUlps(exp, Math.exp, evenly(-104, 0, 400_000))).toBeLessThanOrEqual(1);
    expect(worstUlps(exp, Math.exp, evenly(-(2 ** -10), 0, 100_000))).toBeLessThanOrEqual(1);
    expect(worstUlps(exp, Math.exp, evenly(-104, -87, 100_000))).toBeLessThanOrEqual(1);
  });

  it('is nearly exact in float64 too, so that the rounding to float32 is the only error that matters', () => {
    expect(worst(relativeOfExp, evenly(-80, 0, 10_000))).toBeLessThan(3e-14);
  });

  it('is exact where it must be', () => {
    expect(exp(0)).toBe(1);
    expect(exp(-0)).toBe(1);
    expect(Math.fround(exp(-103.9))).toBe(2 ** -149);
    expect(Math.fround(exp(-104))).toBe(0);
    expect(exp(-104.001)).toBe(0);
    expect(exp(-Infinity)).toBe(0);
    expect(exp(Number.NaN)).toBeNaN();
  });
});

describe('exp of more than 0', () => {
  it('has the stated relative error', () => {
    expect(worst(relativeOfExp, evenly(0, 80, 10_000))).toBeLessThan(3e-14);
    expect(worst(relativeOfExp, evenly(80, 709, 10_000))).toBeLessThan(2e-13);
    expect(worst(relativeOfExp, evenly(-104, -80, 10_000))).toBeLessThan(2e-13);
  });

  it('is infinite above 709, and finite up to there', () => {
    expect(exp(709)).toBeLessThan(Infinity);
    expect(exp(709.001)).toBe(Infinity);
    expect(exp(Infinity)).toBe(Infinity);
  });
});

describe('log', () => {
  it('is within 1 ulp of float32 for all sums of a softmax with up to 4096 classes', () => {
    expect(worstUlps(log, Math.log, evenly(1, 2, 400_000))).toBeLessThanOrEqual(1);
    expect(worstUlps(log, Math.log, evenly(1, 4096, 400_000))).toBeLessThanOrEqual(1);
    expect(worstUlps(log, Math.log, evenly(1, 1 + 2 ** -12, 2 ** 11))).toBeLessThanOrEqual(1);
  });

  it('is within 1 ulp on both sides of the point where the halving starts', () => {
    for (const power of [1, 2, 4, 1024, 2 ** 100]) {
      const edge = Math.SQRT2 * power;
      const points = [edge * (1 - 2 ** -52), edge, edge * (1 + 2 ** -52), Math.fround(edge)];
      expect(worstUlps(log, Math.log, points)).toBeLessThanOrEqual(1);
    }
  });

  it('has the stated error for all numbers', () => {
    const scaled = (x: number) => absoluteOfLog(2 ** x) / Math.max(1, Math.abs(Math.log(2 ** x)));
    expect(worst(scaled, evenly(-1022, 1023, 20_000))).toBeLessThan(2e-14);
    expect(worst(absoluteOfLog, evenly(0.25, 2, 20_000))).toBeLessThan(2e-14);
    for (const s of [5e-324, 1e-310, Number.MAX_VALUE]) expect(log(s)).toBeCloseTo(Math.log(s), 11);
  });

  it('is exact where it must be', () => {
    expect(log(0)).toBe(-Infinity);
    expect(log(-0)).toBe(-Infinity);
    expect(log(-1)).toBeNaN();
    expect(log(1)).toBe(0);
    expect(log(Number.NaN)).toBeNaN();
    expect(log(Infinity)).toBe(Infinity);
  });
});

describe('cos', () => {
  it('has the stated error', () => {
    expect(worst(absoluteOfCos, evenly(-8, 8, 100_000))).toBeLessThan(1e-15);
    expect(worst(absoluteOfCos, evenly(0, 2 ** 20, 100_000))).toBeLessThan(1e-15);
  });

  it('is exact where it must be', () => {
    expect(cos(0)).toBe(1);
    expect(cos(Math.PI)).toBe(-1);
    expect(cos(Number.NaN)).toBeNaN();
  });
});

describe('power', () => {
  it('is exact for exponents of 0 and 1, and for a base of 0', () => {
    for (const b of [0, 1e-300, 0.3, 7]) {
      expect(power(b, 0)).toBe(1);
      expect(power(b, 1)).toBe(b);
    }
    expect(power(0, 0.5)).toBe(0);
    expect(power(1, 1e6)).toBe(1);
  });

  it('has the errors of exp and log', () => {
    for (const b of evenly(0.01, 3, 300)) {
      for (const p of [0.1, 0.5, 2, 9.5, 60]) {
        const expected = b ** p;
        if (expected > 1e-40) expect(Math.abs(power(b, p) / expected - 1)).toBeLessThan(1e-12);
      }
    }
  });
});
