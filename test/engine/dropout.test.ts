import { describe, expect, it } from 'vitest';
import { applyDropout } from '../../src/engine/dropout.ts';
import { createReferenceEngine } from '../../src/engine/reference/reference.ts';
import { bits, trainEpoch } from './engine-runs.ts';
import { OPTIMIZERS, smallProblem } from './small-problem.ts';

const [B, O] = [100, 100];

/** The result of applying dropout to ones. */
function left(rate: number, layer = 0, step = 1, seed = 42): Float32Array {
  const kept = new Float32Array(B * O);
  applyDropout(kept, new Float32Array(B * O).fill(1), { seed, layer, step, rate }, B, O);
  return kept;
}

describe('dropout', () => {
  it.each([0.1, 0.5, 0.9])('drops about %s of the outputs and scales the others', (rate) => {
    const values = left(rate);
    const dropped = values.filter((value) => Object.is(value, 0)).length;
    expect(Math.abs(dropped / (B * O) - rate)).toBeLessThan(0.02);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
  });

  it('draws anew for each step, layer and seed', () => {
    const all = [left(0.5), left(0.5, 1), left(0.5, 0, 2), left(0.5, 0, 1, 43)];
    for (const [k, a] of all.entries()) {
      for (const b of all.slice(k + 1)) {
        const same = a.filter((value, place) => value === b[place]).length / (B * O);
        expect(Math.abs(same - 0.5)).toBeLessThan(0.03);
      }
    }
    expect(left(0.5)).toEqual(left(0.5));
  });

  it('is not applied when a model is measured', () => {
    const options = smallProblem({ hiddenUnits: [12], optimizer: OPTIMIZERS.rmsprop!, dropout: 0.5 });
    const [dropping, plain] = [
      createReferenceEngine(options),
      createReferenceEngine({ ...options, dropout: 0 }),
    ];
    trainEpoch(dropping, options, 1);
    plain.restore(dropping.state());
    const { values, targets } = options;
    const [a, b] = [dropping.predict(values, targets, 0, 53), plain.predict(values, targets, 0, 53)];
    expect(bits(a.outputs).equals(bits(b.outputs))).toBe(true);
  });
});
