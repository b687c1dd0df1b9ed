import { describe, expect, it } from 'vitest';
import type { JobSpec } from '../../src/contract/job-spec.ts';
import { StepRowSchema } from '../../src/contract/step-row.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { fit } from '../../src/training/fit.ts';
import { metricsSha256, weightsSha256 } from '../../src/training/hashes.ts';
import { usualLogEvery } from '../../src/training/log-every.ts';
import { decodeLog, encodeLog } from '../../src/training/training-log.ts';
import { loadSmallDataset, makeEngine, runJob, smallSpec } from './small-job.ts';

/** What a training tells beside its history, and that telling it changes no bit. */

const dataset = await loadSmallDataset();

const hashes = ({ engine, history }: ReturnType<typeof runJob>) => [
  weightsSha256(engine.state().weights),
  metricsSha256(history, 'classification'),
];

const spec = smallSpec();
const logOf = (run: ReturnType<typeof runJob>) => run.checkpoints.at(-1)!.log;

describe('logging', () => {
  it('changes no bit of the training, however often', () => {
    const run = runJob(spec, dataset);
    for (const log_every of [1, 3, 1_000_000]) {
      const other = runJob(smallSpec({ training: { log_every } }), dataset);
      expect(hashes(other)).toEqual(hashes(run));
    }
  });

  it('has a row for each multiple of log_every, over all epochs', () => {
    const steps = (log_every: number) =>
      logOf(runJob(smallSpec({ training: { log_every } }), dataset)).steps.map(({ epoch, step }) => [
        epoch,
        step,
      ]);
    expect(steps(5)).toEqual([
      [1, 5],
      [2, 10],
      [2, 15],
      [3, 20],
      [4, 25],
      [4, 30],
    ]);
    expect(steps(1_000_000)).toEqual([]);
    expect(steps(1)).toHaveLength(32);
  });

  it('by default has at most 10 rows an epoch, one in ten steps, and 10,000 a job', () => {
    expect(usualLogEvery({ epochs: 10 }, 1500)).toBe(150);
    expect(usualLogEvery({ epochs: 10 }, 50)).toBe(10);
    expect(usualLogEvery({ epochs: 2000 }, 1500)).toBe(300);
  });

  it('tells what the epoch is the mean of, when every step is logged', () => {
    const { history, checkpoints } = runJob(smallSpec({ training: { log_every: 1 } }), dataset);
    const { steps } = checkpoints.at(-1)!.log;
    for (const { epoch, loss, accuracy } of history) {
      const rows = steps.filter((row) => row.epoch === epoch);
      // Seven batches of 32 rows and one of 16.
      const mean = (of: (row: (typeof rows)[0]) => number) =>
        rows.reduce((sum, row, k) => sum + of(row) * (k === 7 ? 16 : 32), 0) / 240;
      expect(mean((row) => row.loss)).toBeCloseTo(loss, 10);
      expect(mean((row) => row.accuracy!)).toBeCloseTo(accuracy!, 10);
    }
    expect(steps.every((row) => StepRowSchema.safeParse(row).success && row.gradient_norm! > 0)).toBe(true);
  });

  it.each(['native', 'wasm'] as const)('tells the same on the engine %s', (engine) => {
    for (const optimizer of [{ type: 'rmsprop' }, { type: 'adam' }, { type: 'sgd', global_clipnorm: 0.5 }]) {
      const input = { optimizer, training: { log_every: 2, epochs: 2 } };
      const run = (name: JobSpec['engine']) => logOf(runJob(smallSpec({ ...input, engine: name }), dataset));
      expect(run(engine)).toEqual(run('reference'));
    }
  });

  it('yields each row once, with the steps', () => {
    const steps = fit({
      spec: smallSpec({ training: { log_every: 3 } }),
      dataset,
      engine: makeEngine(spec, dataset),
    });
    const yielded: number[] = [];
    for (let pull = 1; ; pull += 1) {
      const next = steps.next(1 + (pull % 5));
      if (next.done) break;
      if (next.value.type === 'steps') yielded.push(...next.value.rows.map(({ step }) => step));
    }
    expect(yielded).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
  });

  it('goes on after a checkpoint without a gap or a repeat, in a file of the same bytes', () => {
    const job = { spec: smallSpec({ training: { log_every: 3 } }), data: dataset.shape };
    const whole = runJob(job.spec, dataset);
    for (const checkpoint of whole.checkpoints.slice(0, -1)) {
      const resume = decodeCheckpoint(encodeCheckpoint(checkpoint, job), job);
      expect(resume.log).toEqual(checkpoint.log);
      const resumed = runJob(job.spec, dataset, { resume });
      expect(Buffer.from(encodeLog(logOf(resumed))).equals(encodeLog(logOf(whole)))).toBe(true);
    }
    expect(decodeLog(encodeLog(logOf(whole)))).toEqual(logOf(whole));
  });

  it('does not decide whether a checkpoint fits', () => {
    const { checkpoints } = runJob(spec, dataset);
    const bytes = encodeCheckpoint(checkpoints[0]!, { spec, data: dataset.shape });
    const other = smallSpec({ training: { log_every: 7 } });
    expect(decodeCheckpoint(bytes, { spec: other, data: dataset.shape }).epoch).toBe(1);
  });
});

describe('the figures of the layers', () => {
  const { epochs, effective_rates } = logOf(runJob(spec, dataset));

  it('are those of the last full batch of each epoch', () => {
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    const logged = logOf(runJob(smallSpec({ training: { log_every: 1 } }), dataset)).steps;
    for (const { epoch, layers } of epochs) {
      expect(layers.map(({ units }) => units)).toEqual([12, 9, 10]);
      const squares = layers.reduce((sum, { gradient_norm: norm }) => sum + norm! * norm!, 0);
      const row = logged.find(({ step }) => step === 8 * (epoch - 1) + 7)!;
      expect(Math.sqrt(squares)).toBeCloseTo(row.gradient_norm!, 10);
      for (const { update_ratio } of layers) expect(update_ratio).toBeLessThan(0);
    }
  });

  it('compare the size of a step with that of the weights', () => {
    // Every step of lion changes every weight by its rate.
    const lion = smallSpec({ optimizer: { type: 'lion', learning_rate: 0.001 }, training: { epochs: 1 } });
    const run = runJob(lion, dataset);
    const { weights } = run.engine.state();
    const first = run.engine.layout.layers[1]!;
    const kernel = weights.subarray(first.weightsOffset, first.biasesOffset);
    const mean = kernel.reduce((sum, w) => sum + Math.abs(w), 0) / kernel.length;
    expect(logOf(run).epochs[0]!.layers[1]!.update_ratio).toBeCloseTo(Math.log10(0.001 / mean), 1);
  });

  it('count the units that never fire, for relu only', () => {
    const engine = makeEngine(spec, dataset);
    const state = engine.state();
    const { biasesOffset } = engine.layout.layers[0]!;
    for (const unit of [1, 4, 7]) state.weights[biasesOffset + unit] = -100;
    const resume = {
      epoch: 1,
      state: { ...state, steps: 8 },
      history: [],
      log: { ...logOf(runJob(spec, dataset)), epochs: [] },
    };
    const run = runJob(spec, dataset, { resume });
    expect(logOf(run).epochs[0]!.layers[0]!.dead_units).toBeGreaterThanOrEqual(3);
    expect(logOf(run).epochs[0]!.layers[2]!.dead_units).toBe(null);
    const tanh = smallSpec({ model: { hidden_units: [12, 9], activation: 'tanh' } });
    expect(logOf(runJob(tanh, dataset)).epochs[0]!.layers[0]!.dead_units).toBe(null);
  });

  it('have a histogram of the effective rates, of all parameters, for some optimizers', () => {
    const sums = effective_rates!.map((counts) => counts.reduce((sum, count) => sum + count, 0));
    // Of the first layer with its 9,420 parameters, some are looked at.
    expect(sums).toEqual([1024, 13 * 9, 10 * 10]);
    // Weights of pixels that are always 0 have v = 0: 0.001 / sqrt(1e-7) = 3.16, between 3.1623 and 10.
    expect(effective_rates![0]![9]).toBeGreaterThan(100);
    const of = (optimizer: object) =>
      logOf(runJob(smallSpec({ optimizer, training: { epochs: 1 } }), dataset)).effective_rates;
    expect(of({ type: 'sgd' })).toBe(null);
    // 0.001 / sqrt(0.1 + ...) = 0.003
    expect(of({ type: 'adagrad' })![0]![2]).toBeGreaterThan(100);
    // v = 0: 0.001 / 1e-7 = 10,000, more than the last border.
    expect(of({ type: 'adam' })![0]![15]).toBeGreaterThan(100);
  });
});
