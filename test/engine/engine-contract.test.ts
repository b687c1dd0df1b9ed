import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OptimizerSchema } from '../../src/contract/optimizer.ts';
import { noTotals } from '../../src/engine/engine.ts';
import { fileOrder } from '../../src/engine/random.ts';
import { createReferenceEngine } from '../../src/engine/reference/reference.ts';
import { changingRates, expectSameState, steadyRates, trainEpoch } from './engine-runs.ts';
import { CLASSES, OPTIMIZERS, smallProblem, untouchedInput } from './small-problem.ts';
import { describeEach, ENGINES } from './tested-engines.ts';

/** The contract of src/engine/engine.ts, apart from equal bits. */

const rmsprop = OPTIMIZERS.rmsprop!;

describeEach(ENGINES, (create) => {
  describe('slices', () => {
    it('of any lengths give the same bits as one call', () => {
      const options = smallProblem({ hiddenUnits: [12, 7], optimizer: rmsprop, rows: 160 });
      const order = fileOrder(160);
      const whole = create(options);
      const rates = changingRates(1, 20);
      whole.train(order, 0, rates);
      const expected = whole.endEpoch();
      fc.assert(
        fc.property(fc.array(fc.nat(5), { minLength: 1 }), (lengths) => {
          const cut = create(options);
          let from = 0;
          for (let k = 0; from < 20; k += 1) {
            const steps = Math.min(k < lengths.length ? lengths[k] : 20, 20 - from);
            // Pass a new array in each call: the engine must not keep a reference to the order.
            expect(cut.train(order.slice(), from, rates.slice(from, from + steps))).toBe(steps);
            from += steps;
            cut.evaluate(options.values, options.targets, 0, 9, noTotals());
          }
          expect(cut.endEpoch()).toEqual(expected);
          expectSameState(cut, whole);
        }),
        { numRuns: 30 },
      );
    });

    it('of an evaluation add up to the same totals', () => {
      const options = smallProblem({ hiddenUnits: [12], optimizer: rmsprop });
      const { values, targets } = options;
      const engine = create(options);
      const whole = noTotals();
      const cut = noTotals();
      engine.evaluate(values, targets, 0, 53, whole);
      for (const [from, to] of [
        [0, 1],
        [1, 20],
        [20, 20],
        [20, 53],
      ] as const) {
        engine.evaluate(values, targets, from, to, cut);
      }
      expect(cut).toEqual(whole);
      expect(whole.lossSum / 53).toBeCloseTo(Math.log(CLASSES), 0);
    });
  });

  describe('predict', () => {
    const options = smallProblem({ hiddenUnits: [12], optimizer: rmsprop });
    const { values, targets } = options;

    it('agrees with the totals of evaluate', () => {
      const engine = create(options);
      const { predicted, losses } = engine.predict(values, targets, 10, 53);
      const totals = noTotals();
      engine.evaluate(values, targets, 10, 53, totals);
      expect(losses.reduce((sum, loss) => sum + loss, 0)).toBe(totals.lossSum);
      expect(predicted.filter((choice, r) => choice === targets[10 + r])).toHaveLength(totals.correct);
    });

    it('gives probabilities that add up to 1, the largest for the predicted class', () => {
      const { predicted, outputs, losses } = create(options).predict(values, targets, 10, 53);
      expect(predicted).toHaveLength(43);
      predicted.forEach((choice, r) => {
        const row = outputs.subarray(r * CLASSES, (r + 1) * CLASSES);
        expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
        expect(row[choice]).toBe(Math.max(...row));
        expect(losses[r]).toBeCloseTo(-Math.log(row[targets[10 + r]]), 5);
      });
    });

    it('predicts the lowest class among equals', () => {
      const level = create(options);
      level.restore({ ...level.state(), weights: new Float32Array(options.layout.parameters) });
      const even = level.predict(values, targets, 0, 3);
      expect([...even.predicted]).toEqual([0, 0, 0]);
      const fifth = Math.fround(1 / CLASSES);
      expect([...even.outputs.subarray(0, CLASSES)]).toEqual(new Array(CLASSES).fill(fifth));
    });
  });

  describe('state', () => {
    const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });

    it.each(Object.entries(OPTIMIZERS))(
      'continues in another engine after any epoch, in both directions, with %s',
      (_, optimizer) => {
        const resumable = smallProblem({ hiddenUnits: [12, 17], optimizer });
        const unbroken = createReferenceEngine(resumable);
        for (let epoch = 1; epoch <= 3; epoch += 1) trainEpoch(unbroken, resumable, epoch);
        for (const [first, second] of [
          [createReferenceEngine, create],
          [create, createReferenceEngine],
          [create, create],
        ] as const) {
          for (let at = 0; at < 3; at += 1) {
            const before = first(resumable);
            for (let epoch = 1; epoch <= at; epoch += 1) trainEpoch(before, resumable, epoch);
            // Restore into an engine that has trained something else: no trace of that may remain.
            const resumed = second(resumable);
            trainEpoch(resumed, resumable, 9);
            resumed.restore(before.state());
            for (let epoch = at + 1; epoch <= 3; epoch += 1) trainEpoch(resumed, resumable, epoch);
            expectSameState(resumed, unbroken);
          }
        }
      },
    );

    it('is a copy', () => {
      const engine = create(options);
      const state = engine.state();
      const weights = state.weights.slice();
      trainEpoch(engine, options, 1);
      expect(state.weights).toEqual(weights);
      expect(engine.state().weights).not.toEqual(weights);
    });

    it('of another model is refused', () => {
      const engine = create(options);
      const other = create(smallProblem({ hiddenUnits: [4], optimizer: rmsprop }));
      const adam = create(smallProblem({ hiddenUnits: [3], optimizer: OPTIMIZERS.adam! }));
      expect(() => engine.restore(other.state())).toThrow('does not fit this model');
      expect(() => engine.restore(adam.state())).toThrow('does not fit this model');
    });

    it('is refused in the middle of an epoch', () => {
      const engine = create(options);
      engine.train(fileOrder(53), 0, steadyRates(options, 1));
      expect(() => engine.state()).toThrow('between epochs');
    });
  });

  describe('order of calls', () => {
    const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
    const order = fileOrder(53);

    it('refuses batches out of turn, beyond the end, or of another epoch length', () => {
      const engine = create(options);
      expect(() => engine.train(order, 1, steadyRates(options, 1))).toThrow('batch 0 is next');
      expect(() => engine.train(order.subarray(1), 0, steadyRates(options, 1))).toThrow('52 rows');
      expect(() => engine.train(order, 0, steadyRates(options, 8))).toThrow('no batch 7');
    });

    it('refuses to end an epoch early', () => {
      const engine = create(options);
      engine.train(order, 0, steadyRates(options, 6));
      expect(() => engine.endEpoch()).toThrow('ended after 6 of its 7 steps');
    });
  });

  describe('divergence', () => {
    it('is detected at the same step as by the reference engine, however the steps are sliced', () => {
      for (const learning_rate of [1, 2, 5, 10]) {
        const optimizer = OptimizerSchema.parse({ type: 'sgd', learning_rate });
        const options = smallProblem({ hiddenUnits: [32, 32, 32], optimizer, density: 1, rows: 800 });
        const order = fileOrder(800);
        const expected = createReferenceEngine(options).train(order, 0, steadyRates(options, 100));
        expect(create(options).train(order, 0, steadyRates(options, 100))).toBe(expected);

        const single = create(options);
        let steps = 0;
        while (steps < 100 && single.train(order, steps, steadyRates(options, 1)) === 1) steps += 1;
        expect(steps).toBe(expected);
        if (learning_rate === 10) expect(expected).toBeLessThan(100);
      }
    });

    it('is detected at the end of an epoch in weights and in slots', () => {
      const options = smallProblem({ hiddenUnits: [], optimizer: rmsprop, density: 0.02 });
      for (const poison of [Number.NaN, Infinity, -Infinity]) {
        const engine = create(options);
        const state = engine.state();
        // The weights of an input that is 0 in all rows, so they affect no loss.
        const dark = untouchedInput(options);
        state.weights[dark * CLASSES] = poison;
        engine.restore(state);
        expect(trainEpoch(engine, options, 1).finite).toBe(false);

        const slots = create(options);
        const clean = slots.state();
        clean.slots[0].values[dark * CLASSES] = poison;
        slots.restore(clean);
        expect(trainEpoch(slots, options, 1).finite).toBe(false);
      }
    });
  });
});
