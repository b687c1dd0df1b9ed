import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ActivationSchema } from '../src/contract/activation.ts';
import { JobSpecSchema } from '../src/contract/job-spec.ts';
import { openDataset } from '../src/dataset/prepared.ts';
import { DATASETS } from '../src/dataset/registry.ts';
import { loadEngine } from '../src/engine/engines.ts';
import { rateOfStep } from '../src/engine/learning-rates.ts';
import { epochOrder } from '../src/engine/random.ts';
import { exportedModel } from '../src/export/exported-model.ts';
import { encodeAs } from '../src/export/formats.ts';
import { classWeights } from '../src/training/class-weights.ts';
import { fit } from '../src/training/fit.ts';
import { weightsSha256 } from '../src/training/hashes.ts';
import { createJobEngine } from '../src/training/job-engine.ts';
import { trainingRows } from '../src/training/training-rows.ts';

/**
 * For open-models.sh: trains one epoch with each optimizer and each activation, writes the model in every format that Python opens, then
 * trains fifty more steps and writes what they were: batches, losses, and the predictions of the test rows before them.
 * argv: the folder.
 */

const STEPS = 50;

const COSINE = { type: 'cosine_decay', initial_learning_rate: 0.001, decay_steps: 1000 };

const JOBS: Record<string, object>[] = [
  { optimizer: { type: 'rmsprop' } },
  { optimizer: { type: 'rmsprop', momentum: 0.5, centered: true } },
  { optimizer: { type: 'sgd', momentum: 0.9, nesterov: true } },
  { optimizer: { type: 'adagrad' } },
  { optimizer: { type: 'adam', amsgrad: true } },
  { optimizer: { type: 'adamw', learning_rate: COSINE, global_clipnorm: 0.5 } },
  { optimizer: { type: 'nadam', weight_decay: 0.01 } },
  { optimizer: { type: 'adamax', clipvalue: 0.01 } },
  { optimizer: { type: 'adadelta', learning_rate: 1, clipnorm: 0.1 } },
  { optimizer: { type: 'lion', learning_rate: 0.0001 } },
  // What dropout drops is drawn otherwise in Keras, so the losses of this one are not compared.
  { model: { dropout: 0.2 } },
  { model: { l1: 1e-5, l2: 1e-4, kernel_initializer: 'he_normal' } },
  { optimizer: { type: 'adam', global_clipnorm: 0.5 }, model: { l2: 1e-3, output_initializer: 'zeros' } },
  { training: { label_smoothing: 0.1 } },
  { training: { class_weight: { 4: 2, 9: 0.5 } } },
  { training: { class_weight: 'balanced', label_smoothing: 0.2, validation: 'stratified' } },
  ...ActivationSchema.options.map((activation) => ({ model: { activation } })),
];

const root = process.argv[2];
if (root === undefined) throw new Error('name a folder');
const dataset = await openDataset(DATASETS.mnist_sample.shape, join(tmpdir(), 'descent-bench'));
const { shape, test } = dataset;
const loaded = await loadEngine('wasm');
if (!loaded.available) throw new Error(loaded.reason);

for (const [k, job] of JOBS.entries()) {
  const spec = JobSpecSchema.parse({
    dataset: 'mnist_sample',
    ...job,
    training: { ...job.training, epochs: 1 },
  });
  const { batch_size, seed, class_weight } = spec.training;
  const { source, count: rows } = trainingRows(dataset, spec.training);
  const rowWeights = classWeights(class_weight, shape.classes, source.targets.subarray(0, rows));
  const engine = createJobEngine(loaded, spec, dataset);
  const training = fit({ spec, dataset, engine });
  while (training.next(1000).done !== true);
  const { weights, ...state } = engine.state();
  const rateOf = rateOfStep(spec.optimizer.learning_rate);
  const model = exportedModel({
    job: 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W',
    spec,
    data: shape,
    file: { weights, optimizer: state },
    weightsSha256: weightsSha256(weights),
    version: '0.1.0',
    preprocessing: 'raw',
  });
  const folder = join(root, String(k));
  mkdirSync(folder, { recursive: true });
  for (const format of ['keras', 'weights.h5', 'onnx'] as const) {
    writeFileSync(join(folder, `model.${format}`), encodeAs(format, model, 'keras'));
  }
  for (const layout of ['keras', 'torch'] as const) {
    writeFileSync(join(folder, `${layout}.safetensors`), encodeAs('safetensors', model, layout));
  }
  const images = new Uint8Array(test.rows * shape.inputs);
  test.readValues(images, 0);
  const { outputs } = engine.predict(images, test.targets, 0, test.rows);
  writeFileSync(join(folder, 'test-images.u8'), images);
  writeFileSync(join(folder, 'probabilities.f32'), outputs);

  const order = epochOrder(seed, 2, rows);
  const batches = new Uint8Array(STEPS * batch_size * shape.inputs);
  const targets = new Uint16Array(STEPS * batch_size);
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step += 1) {
    for (let r = 0; r < batch_size; r += 1) {
      const [at, row] = [step * batch_size + r, order[step * batch_size + r]!];
      source.readValues(batches.subarray(at * shape.inputs, (at + 1) * shape.inputs), row);
      targets[at] = source.targets[row]!;
    }
    // Before the step, as a training loss is measured.
    const [from, to] = [step * batch_size, (step + 1) * batch_size];
    const told = engine.predict(batches, targets, from, to).losses;
    const lossSum = told.reduce((sum, loss, r) => sum + (rowWeights?.[targets[from + r]!] ?? 1) * loss, 0);
    losses.push(lossSum / batch_size + engine.penalty());
    engine.train(order, step, Float64Array.of(rateOf(state.steps + step)));
  }
  writeFileSync(join(folder, 'batches.u8'), batches);
  writeFileSync(join(folder, 'labels.u8'), Uint8Array.from(targets));
  writeFileSync(
    join(folder, 'expected.json'),
    JSON.stringify({ job, losses, steps: state.steps, weights: rowWeights && [...rowWeights] }),
  );
}
dataset.close();
