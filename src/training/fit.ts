import type { DataShape } from '../contract/data-shape.ts';
import type { Verdict } from '../contract/doctor.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import type { StepRow } from '../contract/step-row.ts';
import type { DataRows, Dataset } from '../dataset/prepared.ts';
import { stepsPerEpoch } from '../dataset/row-counts.ts';
import { type Engine, noTotals, type Totals } from '../engine/engine.ts';
import { rateOfStep } from '../engine/learning-rates.ts';
import { epochOrder, fileOrder } from '../engine/random.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { EpochResult } from './epoch-result.ts';
import { PlateauWatch, StoppingWatch } from './monitors.ts';
import { askedFor } from './pull.ts';
import { RowReader } from './row-reader.ts';
import { EMPTY_LOG, type TrainingLog } from './training-log.ts';
import { trainingRows } from './training-rows.ts';
import { TrainingWatch } from './training-watch.ts';
import { divergedVerdict } from './verdicts.ts';

export type FitYield =
  /** step = optimizer steps since the start of the job. */
  | {
      readonly type: 'steps';
      readonly epoch: number;
      readonly step: number;
      /** Of the steps that were logged since the yield before. */
      readonly rows: readonly StepRow[];
    }
  /** row = validation rows measured in this epoch. */
  | { readonly type: 'validation'; readonly epoch: number; readonly row: number }
  /**
   * The epoch is over; `last`: so is the training. Until the next call of next(), engine.state(), `log` and the
   * bestWeights are what to checkpoint. verdicts: those of this epoch.
   */
  | ({
      readonly type: 'epoch';
      readonly last: boolean;
      readonly row: EpochResult;
      readonly log: TrainingLog;
      readonly verdicts: readonly Verdict[];
    } & Pick<Checkpoint, 'bestWeights'>);

export type FitOutcome =
  /** If there are bestWeights, they are the model's, and those of the engine are not. */
  | { readonly outcome: 'completed' }
  /** step = the optimizer step at which the divergence was detected, counted from 1 over the whole job. */
  | {
      readonly outcome: 'diverged';
      readonly epoch: number;
      readonly step: number;
      readonly log: TrainingLog;
    };

export interface FitOptions {
  readonly spec: JobSpec;
  readonly dataset: Dataset;
  /** Fresh, from createJobEngine(). */
  readonly engine: Engine;
  /** Continue after this checkpoint's epoch. */
  readonly resume?: Checkpoint | undefined;
}

/** A generator whose caller sets the size of the next slice with next(n). */
type Pulled<Result> = Generator<FitYield, Result, number | undefined>;

/**
 * Trains a job from its first epoch, or from a checkpoint, to its last.
 *
 * next(n) computes at most n optimizer steps, or measures at most n batches of validation rows, then yields.
 * How the work is sliced never changes a bit of the weights or the history.
 */
export function* fit({ spec, dataset, engine, resume }: FitOptions): Pulled<FitOutcome> {
  const { epochs, batch_size, shuffle, seed } = spec.training;
  const { count: rows, validation: held, firstValidationRow } = trainingRows(dataset, spec.training);
  const history: EpochResult[] = [...(resume?.history ?? [])];
  const steps = stepsPerEpoch(rows, batch_size);
  if (resume) engine.restore(resume.state);
  const rateOf = rateOfStep(spec.optimizer.learning_rate);
  const watch = new TrainingWatch(spec, dataset, engine, rows, resume?.log ?? EMPTY_LOG);
  const diverged = (epoch: number, step: number): FitOutcome => {
    const { log } = watch;
    return {
      outcome: 'diverged',
      epoch,
      step,
      log: { ...log, verdicts: [...log.verdicts, divergedVerdict(epoch, step)] },
    };
  };
  const plateau = plateauOf(spec, history);
  const { early_stopping } = spec.training;
  const stopping = new StoppingWatch(early_stopping, history);
  let bestWeights = resume?.bestWeights;

  const first = (resume?.epoch ?? 0) + 1;
  // A fork's parent may have had other batches, so the epoch alone does not tell the steps.
  const before = resume?.state.steps ?? 0;

  for (let epoch = first; epoch <= epochs; epoch += 1) {
    if (stopping.stoppedEpoch !== null) break;
    const order = shuffle ? epochOrder(seed, epoch, rows) : fileOrder(rows);
    const stepsBefore = before + (epoch - first) * steps;
    const rates = Float64Array.from({ length: steps }, (_, s) => plateau?.rate ?? rateOf(stepsBefore + s));
    const trained = yield* trainEpoch(watch, order, rates, epoch, stepsBefore);
    if (trained < steps) return diverged(epoch, stepsBefore + trained + 1);

    const train = engine.endEpoch();
    if (!train.finite) return diverged(epoch, stepsBefore + steps);
    const validation = yield* validate(engine, held, firstValidationRow, epoch);
    if (validation && !Number.isFinite(validation.lossSum)) return diverged(epoch, stepsBefore + steps);
    const means = meansOf(train, dataset.shape);
    const val = validation && meansOf(validation, dataset.shape);
    const row: EpochResult = {
      epoch,
      step: stepsBefore + steps,
      loss: means.loss,
      accuracy: means.accuracy,
      val_loss: val && val.loss + engine.penalty(),
      val_accuracy: val?.accuracy ?? null,
      mae: means.mae,
      val_mae: val?.mae ?? null,
      learning_rate: rates.at(-1)!,
    };
    plateau?.see(row);
    stopping.see(row);
    if (early_stopping?.restore_best_weights && stopping.bestEpoch === epoch) {
      bestWeights = engine.state().weights;
    }
    history.push(row);
    const verdicts = watch.endEpoch(history);
    const last = epoch === epochs || stopping.stoppedEpoch !== null;
    yield { type: 'epoch', last, row, bestWeights, log: watch.log, verdicts };
  }
  return { outcome: 'completed' };
}

/** What fits the task; null for the rest. mae: in the unit of the data, in float64. */
function meansOf(
  { rows, lossSum, correct, absoluteError }: Totals & { rows: number },
  { target }: DataShape,
) {
  return {
    loss: lossSum / rows,
    accuracy: target === undefined ? correct / rows : null,
    mae: target === undefined ? null : (absoluteError / rows) * target.deviation,
  };
}

/** Undefined where the rate does not depend on how the training goes: a schedule cannot be reduced. */
function plateauOf(
  { optimizer, training }: JobSpec,
  history: readonly EpochResult[],
): PlateauWatch | undefined {
  const { reduce_lr_on_plateau: options } = training;
  if (options === null || typeof optimizer.learning_rate !== 'number') return undefined;
  return new PlateauWatch(options, optimizer.learning_rate, history);
}

/**
 * Trains the epoch's batches in order, each with its rate. Returns how many were trained; fewer than rates = the next
 * one diverged.
 */
function* trainEpoch(
  watch: TrainingWatch,
  order: Uint32Array,
  rates: Float64Array,
  epoch: number,
  stepsBefore: number,
): Pulled<number> {
  let trained = 0;
  let slice = 1;
  while (trained < rates.length) {
    const end = Math.min(trained + slice, rates.length);
    trained += watch.train(order, rates, trained, end, { epoch, stepsBefore });
    if (trained < end) break;
    slice = askedFor(yield { type: 'steps', epoch, step: stepsBefore + trained, rows: watch.newRows() });
  }
  return trained;
}

/** Measures the rows of `held` from firstRow on, in file order; null when there are none. */
function* validate(
  engine: Engine,
  held: DataRows,
  firstRow: number,
  epoch: number,
): Pulled<(Totals & { rows: number }) | null> {
  if (firstRow === held.rows) return null;
  const totals = { ...noTotals(), rows: held.rows - firstRow };
  const reader = new RowReader(held, engine.layout.inputs);
  let slice = 1;
  for (let row = firstRow; row < held.rows; ) {
    const { values, targets, rows } = reader.read(row, slice * engine.batchSize);
    engine.evaluate(values, targets, 0, rows, totals);
    row += rows;
    slice = askedFor(yield { type: 'validation', epoch, row: row - firstRow });
  }
  return totals;
}
