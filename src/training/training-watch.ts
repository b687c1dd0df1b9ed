import type { EpochHealth, LayerHealth, Verdict } from '../contract/doctor.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import type { StepRow } from '../contract/step-row.ts';
import type { Dataset } from '../dataset/prepared.ts';
import type { Engine, StepFigures } from '../engine/engine.ts';
import { log } from '../engine/reference/exp-log.ts';
import { effectiveRates } from './effective-rates.ts';
import type { EpochResult } from './epoch-result.ts';
import { usualLogEvery } from './log-every.ts';
import { kernelPlaces } from './places.ts';
import type { TrainingLog } from './training-log.ts';
import { newVerdicts } from './verdicts.ts';

const LOG10_E = Math.LOG10E;

/**
 * Watches a training: rows of logged steps, and at the end of each epoch the doctor's figures and verdicts. All of it
 * follows from the job alone, and none of it changes a bit of the training.
 *
 * Some steps are measured: those to be logged, others as often as the default says, and the last full batch of an epoch,
 * from which the figures of the layers are.
 */
export class TrainingWatch {
  readonly #spec: JobSpec;
  readonly #dataset: Dataset;
  readonly #engine: Engine;
  readonly #logEvery: number;
  readonly #lookEvery: number;
  /** The batch that the figures of the layers are from. */
  readonly #healthBatch: number;
  readonly #places: readonly Uint32Array[];
  readonly #steps: StepRow[];
  readonly #epochs: EpochHealth[];
  readonly #verdicts: Verdict[];
  #rates: TrainingLog['effective_rates'] = null;
  /** For each hidden layer, which units fired in this epoch. */
  readonly #fired: readonly Uint8Array[];
  #layers: LayerHealth[] = [];
  /** Whether the engine tells its gradients, and which units fire. */
  #tells = false;
  #told: number;

  /** rows: of an epoch. before: the log of the epochs so far. */
  constructor(spec: JobSpec, dataset: Dataset, engine: Engine, rows: number, before: TrainingLog) {
    const { batch_size, log_every } = spec.training;
    this.#spec = spec;
    this.#dataset = dataset;
    this.#engine = engine;
    const usual = usualLogEvery(spec.training, Math.ceil(rows / batch_size));
    this.#logEvery = log_every ?? usual;
    this.#lookEvery = Math.min(this.#logEvery, usual);
    this.#healthBatch = Math.max(0, Math.floor(rows / batch_size) - 1);
    this.#fired = spec.model.hidden_units.map((units) => new Uint8Array(units));
    this.#places = kernelPlaces(engine.layout);
    this.#steps = [...before.steps];
    this.#epochs = [...before.epochs];
    this.#verdicts = [...before.verdicts];
    this.#rates = before.effective_rates;
    this.#told = this.#steps.length;
  }

  /** Of the epochs that have ended, and of the running one. */
  get log(): TrainingLog {
    const [steps, epochs, verdicts] = [this.#steps, this.#epochs, this.#verdicts];
    return { steps, epochs, verdicts, effective_rates: this.#rates };
  }

  /** The rows since the last call. */
  newRows(): StepRow[] {
    const rows = this.#steps.slice(this.#told);
    this.#told = this.#steps.length;
    return rows;
  }

  /**
   * Trains the batches from .. to - 1 of an epoch, as the engine's train() does.
   * @param stepsBefore steps of the job before the epoch
   * @returns how many were trained; fewer than to - from = the next one diverged
   */
  train(
    order: Uint32Array,
    rates: Float64Array,
    from: number,
    to: number,
    { epoch, stepsBefore }: Place,
  ): number {
    const looks = (batch: number) => {
      const step = stepsBefore + batch + 1;
      return batch === this.#healthBatch || step % this.#lookEvery === 0 || step % this.#logEvery === 0;
    };
    let batch = from;
    while (batch < to) {
      let next = batch;
      while (next < to && !looks(next)) next += 1;
      if (next > batch) {
        batch += this.#engine.train(order, batch, rates.subarray(batch, next));
        if (batch < next) break;
      }
      if (next === to) break;
      if (!this.#measure(order, batch, rates[batch]!, { epoch, stepsBefore })) break;
      batch += 1;
    }
    return batch - from;
  }

  /** False = it diverged. */
  #measure(order: Uint32Array, batch: number, rate: number, { epoch, stepsBefore }: Place): boolean {
    const isHealth = batch === this.#healthBatch;
    const before = isHealth ? this.#kernels() : undefined;
    const figures = this.#engine.measureStep(order, batch, rate, this.#fired);
    if (figures === null) return false;
    if (before !== undefined) this.#layers = this.#layerFigures(figures, before);
    const step = stepsBefore + batch + 1;
    if (step % this.#logEvery === 0) this.#steps.push(this.#row(figures, epoch, step));
    return true;
  }

  #row(
    { lossSum, correct, absoluteError, rows, squares }: StepFigures,
    epoch: number,
    step: number,
  ): StepRow {
    const { target } = this.#dataset.shape;
    const norm = squares === null ? null : Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
    return {
      epoch,
      step,
      loss: lossSum / rows,
      accuracy: target === undefined ? correct / rows : null,
      mae: target === undefined ? null : (absoluteError / rows) * target.deviation,
      gradient_norm: finite(norm),
    };
  }

  /** The weights of each kernel that are looked at. */
  #kernels(): Float32Array[] {
    return this.#places.map((places) => this.#engine.valuesAt(places));
  }

  /** before: the kernels before the step. */
  #layerFigures({ squares }: StepFigures, before: readonly Float32Array[]): LayerHealth[] {
    const after = this.#kernels();
    this.#tells = squares !== null;
    return this.#engine.layout.layers.map(({ outputs }, l) => ({
      units: outputs,
      gradient_norm: squares === null ? null : finite(Math.sqrt(squares[2 * l]! + squares[2 * l + 1]!)),
      update_ratio: updateRatio(before[l]!, after[l]!),
      dead_units: null,
    }));
  }

  /** Call it at the end of an epoch, with the history up to it. Returns what is concluded for the first time. */
  endEpoch(history: readonly EpochResult[]): Verdict[] {
    const { epoch, learning_rate } = history.at(-1)!;
    const tells = this.#spec.model.activation === 'relu' && this.#tells;
    const layers = this.#layers.map((figures, l) => {
      const fired = this.#fired[l];
      if (!tells || fired === undefined) return figures;
      return { ...figures, dead_units: fired.reduce((dead, mark) => dead + 1 - mark, 0) };
    });
    for (const units of this.#fired) units.fill(0);
    this.#epochs.push({ epoch, layers });
    this.#rates = effectiveRates(this.#spec.optimizer, learning_rate, this.#engine);
    const verdicts = newVerdicts({
      spec: this.#spec,
      data: this.#dataset.shape,
      history,
      epochs: this.#epochs,
      given: this.#verdicts,
    });
    this.#verdicts.push(...verdicts);
    return verdicts;
  }
}

interface Place {
  epoch: number;
  stepsBefore: number;
}

const finite = (value: number | null): number | null =>
  value === null || Number.isFinite(value) ? value : null;

/** log10(sum |after - before| / sum |before|), in float64; null without a change. */
function updateRatio(before: Float32Array, after: Float32Array): number | null {
  let [changes, sizes] = [0, 0];
  for (let k = 0; k < before.length; k += 1) {
    changes += Math.abs(after[k]! - before[k]!);
    sizes += Math.abs(before[k]!);
  }
  const ratio = changes / sizes;
  return ratio > 0 && Number.isFinite(ratio) ? log(ratio) * LOG10_E : null;
}
