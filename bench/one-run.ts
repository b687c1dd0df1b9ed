import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { JobSpecSchema } from '../src/contract/job-spec.ts';
import { parseIdx } from '../src/dataset/idx.ts';
import { type DataRows, type Dataset, openDataset } from '../src/dataset/prepared.ts';
import { DATASETS } from '../src/dataset/registry.ts';
import { loadEngine } from '../src/engine/engines.ts';
import { evaluate } from '../src/training/evaluate.ts';
import { fit } from '../src/training/fit.ts';
import { weightsSha256 } from '../src/training/hashes.ts';
import { createJobEngine } from '../src/training/job-engine.ts';
import type { RunFigures } from './run-figures.ts';

/** Runs the reference job once with one engine; prints its figures as a line of JSON. */

/** Steps that are timed together: few enough to fit between two interruptions, enough for the clock's resolution. */
const CHUNK_STEPS = 50;

const { values } = parseArgs({
  options: {
    engine: { type: 'string' },
    epochs: { type: 'string', default: '10' },
    seed: { type: 'string', default: '42' },
    /** A folder with four IDX files to train on instead of MNIST. */
    idx: { type: 'string' },
  },
});

const startedMs = performance.now();
const spec = JobSpecSchema.parse({
  engine: values.engine,
  training: { epochs: Number(values.epochs), seed: Number(values.seed) },
});
const dataset = await (values.idx === undefined
  ? openDataset(DATASETS.mnist.shape, join(tmpdir(), 'descent-bench'))
  : readIdxFolder(values.idx));
const loaded = await loadEngine(spec.engine);
if (!loaded.available) throw new Error(loaded.reason);
const engine = createJobEngine(loaded, spec, dataset);
const readyMs = performance.now();

let steps = 0;
let stepsMs = 0;
const chunkUs: number[] = [];
const training = fit({ spec, dataset, engine });
for (;;) {
  const before = performance.now();
  const next = training.next(CHUNK_STEPS);
  const tookMs = performance.now() - before;
  if (next.done === true) {
    if (next.value.outcome !== 'completed') throw new Error('the job diverged');
    break;
  }
  if (next.value.type !== 'steps') continue;
  const chunk = next.value.step - steps;
  steps = next.value.step;
  stepsMs += tookMs;
  // The pull after the last chunk of an epoch includes the end of the epoch and its validation.
  if (chunk === CHUNK_STEPS) chunkUs.push((tookMs * 1000) / chunk);
}
const trainedMs = performance.now();

const evaluation = evaluate({ dataset, engine });
let end = evaluation.next(CHUNK_STEPS);
while (end.done !== true) end = evaluation.next(CHUNK_STEPS);
if (end.value.outcome !== 'evaluated') throw new Error('the job diverged');
const evaluatedMs = performance.now();

// Read before the code below, which no job runs.
const peak_rss_mb = process.resourceUsage().maxRSS / 1024;

/** Products and sums for the rows of lit pixels (forward, gradient) and the other layers (forward, both gradients). */
const { layers } = engine.layout;
const denseWeights = layers.slice(1).reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
const perRow = 2 * (2 * nonzeroInputs(dataset) * layers[0].outputs + 3 * denseWeights);

if (end.value.evaluation.task === 'regression') throw new Error('the figures are of classes');
const figures: RunFigures = {
  framework: 'descent',
  version: loaded.backend,
  variant: loaded.name,
  threads: '1',
  compile_seconds: (readyMs - startedMs) / 1000,
  train_seconds: (trainedMs - readyMs) / 1000,
  evaluate_seconds: (evaluatedMs - trainedMs) / 1000,
  us_per_step: (stepsMs * 1000) / steps,
  us_per_step_best: chunkUs.sort((a, b) => a - b)[Math.floor(chunkUs.length / 10)],
  mflop_per_step: (perRow * spec.training.batch_size) / 1e6,
  test_accuracy: end.value.evaluation.accuracy,
  test_loss: end.value.evaluation.loss,
  peak_rss_mb,
  weights_sha256: weightsSha256(engine.state().weights),
};
console.log(JSON.stringify(figures));

/** The average number of inputs of a train row that are not 0. */
function nonzeroInputs({ train, shape }: Dataset): number {
  const values = new Uint8Array(train.rows * shape.inputs);
  train.readValues(values, 0);
  return values.reduce((count, value) => count + (value === 0 ? 0 : 1), 0) / train.rows;
}

function readIdxFolder(folder: string): Dataset {
  const { shape } = DATASETS.mnist;
  const { files } = DATASETS.mnist.sources!;
  const { inputs: pixels, image } = shape;
  const part = (images: string, labels: string): DataRows => {
    const { values } = parseIdx(readFileSync(join(folder, images)), [0, image!.height, image!.width]);
    const found = parseIdx(readFileSync(join(folder, labels)), [0]).values;
    return {
      rows: found.length,
      targets: Uint16Array.from(found),
      storage: 'u8',
      readValues: (into, from) => into.set(values.subarray(from * pixels, from * pixels + into.length)),
    };
  };
  const train = part(files.trainImages.file, files.trainLabels.file);
  const test = part(files.testImages.file, files.testLabels.file);
  return {
    shape: { ...shape, rows: { train: train.rows, test: test.rows } },
    train,
    test,
    close: () => {},
  };
}
