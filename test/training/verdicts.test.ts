import { describe, expect, it } from 'vitest';
import type { EpochHealth, LayerHealth, Verdict } from '../../src/contract/doctor.ts';
import { VerdictSchema } from '../../src/contract/doctor.ts';
import type { JobSpec } from '../../src/contract/job-spec.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import type { EpochResult } from '../../src/training/epoch-result.ts';
import { fit } from '../../src/training/fit.ts';
import { newVerdicts } from '../../src/training/verdicts.ts';
import { loadSmallDataset, makeEngine, runJob, smallSpec } from './small-job.ts';

/** Every rule has a job that deserves it and one that does not. */

const dataset = await loadSmallDataset();

type SpecInput = Parameters<typeof smallSpec>[0];

/** The verdicts of a job that is trained to its end. */
function verdictsOf(input: SpecInput): readonly Verdict[] {
  const run = runJob(smallSpec(input), dataset);
  if (run.outcome.outcome === 'diverged') return run.outcome.log.verdicts;
  return run.checkpoints.at(-1)!.log.verdicts;
}

const rulesOf = (input: SpecInput) => verdictsOf(input).map(({ rule }) => rule);
const found = (input: SpecInput, rule: Verdict['rule']) =>
  verdictsOf(input).find((verdict) => verdict.rule === rule);

/** A job that learns for a while and no more than that. */
const GOOD: SpecInput = { optimizer: { type: 'adam', learning_rate: 0.001 }, training: { epochs: 4 } };

describe('a job that learns well', () => {
  it('gets no verdict', () => {
    expect(rulesOf(GOOD)).toEqual([]);
  });
});

describe('verdicts of trained jobs', () => {
  it('stuck: nothing moves a model whose units are dead from the start', () => {
    const engine = makeEngine(smallSpec({ optimizer: { type: 'sgd' } }), dataset);
    const state = engine.state();
    state.weights.fill(0);
    for (let unit = 0; unit < 9; unit += 1) state.weights[engine.layout.layers[1]!.biasesOffset + unit] = -1;
    const spec = smallSpec({ optimizer: { type: 'sgd', learning_rate: 1e-6 }, training: { epochs: 3 } });
    const history = [1].map((epoch) => ({
      ...row(epoch, { loss: Math.LN10 }),
      duration_seconds: 1,
      steps_per_second: 1,
    }));
    const log = { steps: [], epochs: [], effective_rates: null, verdicts: [] };
    const { checkpoints } = runJob(spec, dataset, {
      resume: { epoch: 1, state: { ...state, steps: 8 }, history, log },
    });
    const verdict = checkpoints.at(-1)!.log.verdicts.find(({ rule }) => rule === 'stuck')!;
    expect(verdict).toMatchObject({
      epoch: 2,
      layer: null,
      figures: { guessing: expect.closeTo(Math.log(10), 9) },
    });
  });

  it('diverging: a rate that is far too large, to the end', () => {
    const input = {
      optimizer: { type: 'sgd', learning_rate: 10 },
      model: { hidden_units: [12, 9], activation: 'linear' },
    };
    const run = runJob(smallSpec(input), dataset);
    expect(run.outcome.outcome).toBe('diverged');
    const verdict = found(input, 'diverging')!;
    expect(verdict.figures.step).toBe((run.outcome as { step: number }).step);
    expect(verdict.detail).toContain('finite');
  });

  it('dead_layer: a rate so large that the units of a layer die', () => {
    const verdict = found(
      { optimizer: { type: 'sgd', learning_rate: 3 }, training: { epochs: 5 } },
      'dead_layer',
    )!;
    expect(verdict.layer).toBeGreaterThanOrEqual(1);
    expect(verdict.figures.dead_units).toBeGreaterThanOrEqual(0.9 * verdict.figures.units!);
  });

  it('rate_too_high: each step of lion changes weights by a large part', () => {
    const verdict = found({ optimizer: { type: 'lion', learning_rate: 0.02 } }, 'rate_too_high')!;
    expect(verdict.figures.update_ratio).toBeGreaterThan(-2);
    expect(verdict.layer).toBe(1);
  });

  it('rate_too_low: but not where a schedule lowers it', () => {
    const low = { type: 'sgd', learning_rate: 1e-5 };
    const verdict = found({ optimizer: low }, 'rate_too_low')!;
    expect(verdict.figures.update_ratio).toBeLessThan(-4);
    const schedule = {
      type: 'exponential_decay',
      initial_learning_rate: 1e-5,
      decay_steps: 100,
      decay_rate: 0.5,
    };
    expect(rulesOf({ optimizer: { type: 'sgd', learning_rate: schedule } })).not.toContain('rate_too_low');
  });

  it('a rate far too large is never called too low, and what has learned nothing is not overfitting', () => {
    for (const learning_rate of [0.5, 3, 10]) {
      for (const type of ['adam', 'rmsprop', 'sgd']) {
        const rules = rulesOf({ optimizer: { type, learning_rate }, training: { epochs: 6 } });
        expect([type, learning_rate, rules]).not.toEqual([type, learning_rate, []]);
        for (const wrong of ['rate_too_low', 'overfitting', 'done_early']) expect(rules).not.toContain(wrong);
      }
    }
  });

  it('overfitting: few rows, many epochs', () => {
    const many = { optimizer: { type: 'adam', learning_rate: 0.02 }, training: { epochs: 30 } };
    const verdict = found(many, 'overfitting')!;
    expect(verdict.figures.since_epoch).toBeLessThanOrEqual(verdict.epoch - 2);
    expect(verdict.figures.val_loss).toBeGreaterThan(verdict.figures.lowest_val_loss!);
    expect(verdictsOf(many).filter(({ rule }) => rule === 'overfitting')).toHaveLength(1);
  });

  it('are of the form that the API documents', () => {
    for (const input of [GOOD, { optimizer: { type: 'lion', learning_rate: 0.02 } }])
      for (const verdict of verdictsOf(input)) VerdictSchema.parse(verdict);
  });
});

const row = (epoch: number, changes: Partial<EpochResult> = {}): EpochResult => ({
  epoch,
  step: 8 * epoch,
  loss: 1 / epoch,
  accuracy: 0.5,
  val_loss: 1 / epoch,
  val_accuracy: 0.5,
  mae: null,
  val_mae: null,
  learning_rate: 0.001,
  ...changes,
});

const layer = (changes: Partial<LayerHealth> = {}): LayerHealth => ({
  units: 10,
  gradient_norm: 1,
  update_ratio: -3,
  dead_units: 0,
  ...changes,
});

/** What is said of losses (train, val) by epoch, and of the layers of the last two epochs. */
function judged(
  losses: readonly (readonly [loss: number, val: number | null])[],
  { layers = [[layer()], [layer()]], given = [], spec = {} as SpecInput } = {},
): string[] {
  const history = losses.map(([loss, val_loss], k) => row(k + 1, { loss, val_loss }));
  const epochs: EpochHealth[] = layers.map((found, k) => ({ epoch: history.length - 1 + k, layers: found }));
  const patient = {
    spec: smallSpec({ model: { hidden_units: [10] }, ...spec }) as JobSpec,
    data: DATASETS.mnist.shape,
  };
  return newVerdicts({ ...patient, history, epochs, given }).map(({ rule }) => rule);
}

describe('the borders of the rules', () => {
  it('stuck: two epochs at ln(classes), less a hundredth, or above it and not falling', () => {
    expect(
      judged([
        [2.31, 2.31],
        [2.3, 2.3],
      ]),
    ).toEqual(['stuck']);
    expect(
      judged([
        [5, 5],
        [4.6, 4.6],
      ]),
    ).toEqual(['stuck']);
    for (const losses of [
      [2.27, 2.3],
      [2.3, 2.27],
      [5, 4.4],
    ]) {
      expect(judged(losses.map((loss) => [loss, loss]))).toEqual([]);
    }
    expect(judged([[2.3, 2.3]])).toEqual([]);
    expect(
      judged(
        [
          [2.3, 2.3],
          [2.3, 2.3],
        ],
        { spec: { training: { class_weight: 'balanced' } } },
      ),
    ).toEqual([]);
  });

  it('diverging: twice the lowest loss, and more than the first', () => {
    expect(
      judged([
        [1, 1],
        [0.5, 0.5],
        [1.1, 1.1],
      ]),
    ).toEqual(['diverging']);
    expect(
      judged([
        [1, 1],
        [0.5, 0.5],
        [0.9, 0.9],
      ]),
    ).toEqual([]);
    expect(
      judged([
        [1, 1],
        [0.001, 0.001],
        [0.01, 0.01],
      ]),
    ).toEqual([]);
  });

  it('dead_layer: nine of ten units in two epochs', () => {
    const dead = (before: number, now: number) => ({
      layers: [[layer({ dead_units: before })], [layer({ dead_units: now })]],
    });
    expect(
      judged(
        [
          [2, 2],
          [1, 1],
        ],
        dead(9, 9),
      ),
    ).toEqual(['dead_layer']);
    expect(
      judged(
        [
          [2, 2],
          [1, 1],
        ],
        dead(8, 9),
      ),
    ).toEqual([]);
    expect(
      judged(
        [
          [2, 2],
          [1, 1],
        ],
        dead(10, 8),
      ),
    ).toEqual([]);
  });

  it('rate_too_high and rate_too_low: in two epochs, one layer or all', () => {
    const ratios = (...pairs: number[][]) => ({
      layers: pairs.map((pair) => pair.map((update_ratio) => layer({ update_ratio }))),
    });
    expect(
      judged(
        [
          [2, 2],
          [1, 1],
        ],
        ratios([-3, -1.9], [-3, -1.9]),
      ),
    ).toEqual(['rate_too_high']);
    expect(
      judged(
        [
          [2, 2],
          [1, 1],
        ],
        ratios([-3, -1.9], [-1.9, -3]),
      ),
    ).toEqual([]);
    expect(
      judged(
        [
          [2, 2],
          [1.9, 1.9],
        ],
        ratios([-5, -4.1], [-5, -4.1]),
      ),
    ).toEqual(['rate_too_low']);
    expect(
      judged(
        [
          [2, 2],
          [1.9, 1.9],
        ],
        ratios([-5, -3.9], [-5, -4.1]),
      ),
    ).toEqual([]);
    expect(
      judged(
        [
          [2, 2],
          [0.9, 0.9],
        ],
        ratios([-5, -4.1], [-5, -4.1]),
      ),
    ).toEqual([]);
  });

  it('overfitting: three epochs after the lowest val_loss, while loss falls', () => {
    const falls = [
      [1, 1],
      [0.5, 0.5],
      [0.4, 0.51],
      [0.3, 0.52],
    ] as [number, number][];
    expect(judged([...falls, [0.2, 0.55]])).toEqual(['overfitting']);
    expect(judged([...falls, [0.2, 0.51]])).toEqual([]);
    expect(judged([...falls.slice(0, 3), [0.2, 0.9]])).toEqual([]);
    expect(judged([...falls, [0.6, 0.55]])).toEqual([]);
  });

  it('done_early: five epochs without a hundredth of progress', () => {
    const flat = (val: number | null) => Array.from({ length: 5 }, () => [0.4, val] as const);
    expect(judged([[1, 0.5], ...flat(0.499)])).toEqual(['done_early']);
    expect(judged([[1, 0.5], ...flat(0.48)])).toEqual([]);
    expect(judged([[0.4, null], ...flat(null)])).toEqual(['done_early']);
    expect(judged([[1, 0.5], ...flat(0.499).slice(1)])).toEqual([]);
  });

  it('gives each only once', () => {
    const given = newVerdictsOf([
      [2.31, 2.31],
      [2.3, 2.3],
    ]);
    expect(
      judged(
        [
          [2.31, 2.31],
          [2.3, 2.3],
          [2.3, 2.3],
        ],
        { given: given as never[] },
      ),
    ).toEqual([]);
  });
});

function newVerdictsOf(losses: readonly (readonly [number, number])[]): Verdict[] {
  const history = losses.map(([loss, val_loss], k) => row(k + 1, { loss, val_loss }));
  return newVerdicts({ spec: smallSpec(), data: DATASETS.mnist.shape, history, epochs: [], given: [] });
}

describe('the doctor', () => {
  it('comes to the same verdicts after a resume', () => {
    const spec = smallSpec({ optimizer: { type: 'adam', learning_rate: 0.02 }, training: { epochs: 12 } });
    const whole = runJob(spec, dataset);
    const resumed = runJob(spec, dataset, { resume: whole.checkpoints[5]! });
    expect(resumed.checkpoints.at(-1)!.log).toEqual(whole.checkpoints.at(-1)!.log);
  });

  it('tells each verdict with the epoch in which it is given', () => {
    const spec = smallSpec({ optimizer: { type: 'lion', learning_rate: 0.02 } });
    const told: Verdict[] = [];
    for (const event of fit({ spec, dataset, engine: makeEngine(spec, dataset) })) {
      if (event.type !== 'epoch') continue;
      for (const verdict of event.verdicts) expect(verdict.epoch).toBe(event.row.epoch);
      told.push(...event.verdicts);
    }
    expect(told).toEqual(verdictsOf({ optimizer: { type: 'lion', learning_rate: 0.02 } }));
    expect(told.length).toBeGreaterThan(0);
  });
});
