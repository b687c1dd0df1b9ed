import { describe, expect, it } from 'vitest';
import { TimeModel } from '../../src/api/time-model.ts';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { jobWork, WORK } from '../../src/training/job-work.ts';

const workOf = (spec: object) => {
  const parsed = JobSpecSchema.parse(spec);
  return jobWork({ spec: parsed, data: resolveDataset(parsed.dataset) });
};

/** A machine on which work costs this much; its ratios are not those of the first guess. */
const COSTS: Record<(typeof WORK)[number], number> = {
  jobs: 0.05,
  steps: 2e-5,
  rows: 1e-6,
  firstLayer: 4e-11,
  otherLayers: 4e-11,
  updates: 4e-10,
  units: 1e-8,
  curvedUnits: 2e-8,
  evaluatedRows: 1e-6,
  evaluatedProducts: 4e-11,
};
const takes = (work: readonly number[]) => WORK.reduce((sum, name, k) => sum + COSTS[name] * work[k]!, 0);

const SPECS = [1, 2, 3, 5, 8].flatMap((epochs) =>
  [[], [32], [128, 64], [400, 200, 100]].flatMap((hidden_units) =>
    (['sgd', 'adam'] as const).map((type, k) => ({
      dataset: epochs % 2 === 0 ? 'mnist' : 'mnist_sample',
      model: { hidden_units, activation: k === 0 ? 'relu' : 'tanh' },
      optimizer: { type },
      training: { epochs, batch_size: 16 * epochs },
    })),
  ),
);
const timingsOf = (specs: readonly object[], slower = 1) =>
  specs.map((spec) => ({ work: workOf(spec), seconds: slower * takes(workOf(spec)) }));
const errorsOf = (model: TimeModel, specs: readonly object[], slower = 1) =>
  timingsOf(specs, slower)
    .map(({ work, seconds }) => Math.abs(model.seconds(work) - seconds) / seconds)
    .sort((a, b) => a - b);

/** Not in the order of their sizes. */
const MIXED = SPECS.map((_, k) => SPECS[(k * 7) % SPECS.length]!);

describe('the model of times', () => {
  it('knows nothing without a job', () => {
    expect(TimeModel.learn([])).toBeUndefined();
    // Of another version, with other kinds of work.
    expect(TimeModel.learn([{ seconds: 1, work: [1, 2] }])).toBeUndefined();
  });

  it('predicts a job that it has seen once', () => {
    const [timing] = timingsOf([SPECS[7]!]);
    const model = TimeModel.learn([timing!])!;
    expect(model.jobs).toBe(1);
    expect(model.seconds(timing!.work)).toBeCloseTo(timing!.seconds, 6);
  });

  it('learns what work costs, and predicts jobs of other sizes', () => {
    const model = TimeModel.learn(timingsOf(MIXED.slice(0, 30)))!;
    const errors = errorsOf(model, MIXED.slice(30));
    expect(errors[5]).toBeLessThan(0.1);
    expect(errors.at(-1)).toBeLessThan(0.35);
  });

  it('follows a machine that has become slower, and forgives a job that was held up', () => {
    const before = timingsOf(MIXED);
    const after = timingsOf(MIXED.slice(0, 30), 3);
    after[25] = { ...after[25]!, seconds: 100 * after[25]!.seconds };
    const model = TimeModel.learn([...before, ...after])!;
    expect(errorsOf(model, MIXED.slice(30), 3)[5]).toBeLessThan(0.15);
  });
});

describe('what options cost', () => {
  const amountOf = (name: (typeof WORK)[number], spec: object) => workOf(spec)[WORK.indexOf(name)]!;
  const updates = (optimizer: object, model: object = {}) =>
    amountOf('updates', { optimizer, model }) / amountOf('updates', { optimizer: { type: 'sgd' } });

  it.each<[object, object, number]>([
    [{ type: 'rmsprop' }, {}, 2],
    [{ type: 'rmsprop', centered: true, momentum: 0.5 }, {}, 4],
    [{ type: 'adam' }, {}, 3],
    [{ type: 'adam', amsgrad: true }, {}, 4],
    [{ type: 'adam', clipnorm: 1 }, {}, 5],
    [{ type: 'adam', global_clipnorm: 1 }, { l2: 0.1 }, 8],
    [{ type: 'sgd' }, { l1: 0.1, l2: 0.1 }, 4],
    [{ type: 'sgd', clipvalue: 1 }, {}, 1.5],
    [{ type: 'adamw' }, {}, 4.5],
    [{ type: 'adamw', weight_decay: 0 }, {}, 3],
  ])('%j with %j: %d updates of sgd', (optimizer, model, expected) => {
    expect(updates(optimizer, model)).toBeCloseTo(expected, 12);
  });

  it('includes the activation', () => {
    const curved = (activation: string) => amountOf('curvedUnits', { model: { activation } });
    expect(curved('relu')).toBe(0);
    expect(curved('gelu_tanh')).toBe(1.5 * curved('tanh'));
  });

  it('is part of the first estimate, from jobs without them', () => {
    const model = TimeModel.learn(timingsOf(MIXED))!;
    const plain = model.seconds(workOf({}));
    expect(model.seconds(workOf({ model: { l2: 0.01 } }))).toBeGreaterThan(1.1 * plain);
    expect(model.seconds(workOf({ optimizer: { type: 'adamw', clipnorm: 1 } }))).toBeGreaterThan(1.1 * plain);
  });
});

describe('the work of a job', () => {
  it('is counted from shapes alone', () => {
    const amounts = Object.fromEntries(
      WORK.map((name, k) => [
        name,
        workOf({
          dataset: 'mnist_sample',
          model: { hidden_units: [20, 30], activation: 'tanh' },
          optimizer: { type: 'adam' },
          training: { epochs: 2, batch_size: 1000, validation_split: 0.2 },
        })[k],
      ]),
    );
    expect(amounts).toEqual({
      jobs: 1,
      steps: 10,
      rows: 9_600,
      firstLayer: 9_600 * 784 * 20,
      otherLayers: 9_600 * (20 * 30 + 30 * 10),
      updates: 10 * (785 * 20 + 21 * 30 + 31 * 10) * 3,
      units: 9_600 * 50,
      curvedUnits: 9_600 * 50,
      evaluatedRows: 2 * 1_200 + 1_000,
      evaluatedProducts: 3_400 * (784 * 20 + 20 * 30 + 30 * 10),
    });
  });
});
