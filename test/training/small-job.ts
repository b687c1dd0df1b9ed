import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineName, type JobSpec, JobSpecSchema } from '../../src/contract/job-spec.ts';
import { type DataRows, type Dataset, openDataset } from '../../src/dataset/prepared.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import type { Engine, Targets } from '../../src/engine/engine.ts';
import { type LoadedEngine, loadEngine, type MissingEngine } from '../../src/engine/engines.ts';
import type { Checkpoint } from '../../src/training/checkpoint.ts';
import type { EpochResult } from '../../src/training/epoch-result.ts';
import { type FitOutcome, fit } from '../../src/training/fit.ts';
import { createJobEngine } from '../../src/training/job-engine.ts';

/** Jobs that train quickly: real digits, but few of them. */

/** A dataset of the first 300 train and 100 test rows of mnist_sample. */
export async function loadSmallDataset(): Promise<Dataset> {
  const dataDir = await mkdtemp(join(tmpdir(), 'descent-'));
  const dataset = await openDataset(DATASETS.mnist_sample.shape, dataDir);
  // No dataset has this name: training must not look up the name.
  const shape = {
    ...dataset.shape,
    dataset: 'few_digits',
    sha256: '5'.repeat(64),
    rows: { train: 300, test: 100 },
  };
  const small = {
    ...dataset,
    shape,
    train: firstRows(dataset.train, 300),
    test: firstRows(dataset.test, 100),
  };
  dataset.close();
  await rm(dataDir, { recursive: true });
  return small;
}

function firstRows(part: DataRows, rows: number): DataRows {
  return inMemory(imagesOf(part, rows), part.targets.subarray(0, rows));
}

/** Rows that a test provides. images: (rows, 784), targets: (rows). */
export function inMemory(images: Uint8Array, targets: Targets): DataRows {
  return {
    rows: targets.length,
    targets,
    storage: 'u8',
    readValues: (into, from) => into.set(images.subarray(from * 784, from * 784 + into.length)),
  };
}

/** The images of the first rows: (rows, 784). */
export function imagesOf(part: DataRows, rows = part.rows): Uint8Array {
  const images = new Uint8Array(rows * 784);
  part.readValues(images, 0);
  return images;
}

type SpecInput = { training?: Partial<JobSpec['training']> } & Record<string, unknown>;

/** 4 epochs with a small model. 240 train rows in batches of 32, so the last batch has 16. */
export function smallSpec({ training, ...rest }: SpecInput = {}): JobSpec {
  return JobSpecSchema.parse({
    dataset: 'mnist_sample',
    model: { hidden_units: [12, 9] },
    training: { epochs: 4, ...training },
    ...rest,
  });
}

const engines: { [Name in EngineName]?: LoadedEngine | MissingEngine } = {
  native: await loadEngine('native'),
  wasm: await loadEngine('wasm'),
  reference: await loadEngine('reference'),
};

/** The engine that the spec names; for `auto` the reference engine. */
export function makeEngine(spec: JobSpec, dataset: Dataset): Engine {
  const loaded = engines[spec.engine === 'auto' ? 'reference' : spec.engine];
  if (!loaded?.available) throw new Error(loaded?.reason ?? `these tests do not use ${spec.engine}`);
  return createJobEngine(loaded, spec, dataset);
}

const NONE = new Float32Array();

export interface Run {
  engine: Engine;
  outcome: FitOutcome;
  history: EpochResult[];
  /** One for each epoch that this run computed. */
  checkpoints: Checkpoint[];
  /** Of a completed job: (P) */
  modelWeights: Float32Array;
}

/** Runs a job to its end. pull: returns the argument of each next(). */
export function runJob(
  spec: JobSpec,
  dataset: Dataset,
  { pull = () => 1000, resume }: { pull?: () => number | undefined; resume?: Checkpoint } = {},
): Run {
  const engine = makeEngine(spec, dataset);
  const history = [...(resume?.history ?? [])] as EpochResult[];
  const checkpoints: Checkpoint[] = [];
  let best = resume?.bestWeights;
  const steps = fit({ spec, dataset, engine, resume });
  for (;;) {
    const next = steps.next(pull());
    if (next.done) {
      const ended = { engine, outcome: next.value, history, checkpoints };
      return {
        ...ended,
        modelWeights: best ?? (next.value.outcome === 'completed' ? engine.state().weights : NONE),
      };
    }
    if (next.value.type !== 'epoch') continue;
    const { row, log, bestWeights } = next.value;
    best = bestWeights;
    history.push(row);
    const timed = history.map((epoch) => ({ ...epoch, duration_seconds: 1, steps_per_second: 1 }));
    checkpoints.push({
      epoch: row.epoch,
      state: engine.state(),
      history: timed,
      ...(bestWeights && { bestWeights }),
      log: { ...log, steps: [...log.steps], epochs: [...log.epochs] },
    });
  }
}

/** A history without times, for comparisons. */
export function withoutTimes(history: readonly EpochResult[]): EpochResult[] {
  return history.map((row) => ({
    epoch: row.epoch,
    step: row.step,
    loss: row.loss,
    accuracy: row.accuracy,
    val_loss: row.val_loss,
    val_accuracy: row.val_accuracy,
    mae: row.mae,
    val_mae: row.val_mae,
    learning_rate: row.learning_rate,
  }));
}
