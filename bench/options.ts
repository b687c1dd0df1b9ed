import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ActivationSchema } from '../src/contract/activation.ts';
import { JobSpecSchema } from '../src/contract/job-spec.ts';
import { openDataset } from '../src/dataset/prepared.ts';
import { DATASETS } from '../src/dataset/registry.ts';
import { stepsPerEpoch } from '../src/dataset/row-counts.ts';
import type { Engine } from '../src/engine/engine.ts';
import { loadEngine } from '../src/engine/engines.ts';
import { epochOrder } from '../src/engine/random.ts';
import { createJobEngine } from '../src/training/job-engine.ts';

/**
 * What each optimizer and each option costs: us of the processor for a step of the reference job (784-128-64-10, batches
 * of 32), as the median and the best tenth of chunks of 50 steps. The variants take turns, so that a slow spell of the
 * machine does not hit only one of them.
 */

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: 'native' },
    chunks: { type: 'string', default: '60' },
  },
});

const CHUNK = 50;

const CLIP = { clipvalue: 0.01 };
const OPTIMIZERS: Readonly<Record<string, object>> = {
  rmsprop: { type: 'rmsprop' },
  'rmsprop, weight_decay': { type: 'rmsprop', weight_decay: 0.004 },
  'rmsprop, clipvalue': { type: 'rmsprop', ...CLIP },
  'rmsprop, clipnorm': { type: 'rmsprop', clipnorm: 0.1 },
  'rmsprop, global_clipnorm': { type: 'rmsprop', global_clipnorm: 0.1 },
  sgd: { type: 'sgd' },
  'sgd, momentum': { type: 'sgd', momentum: 0.9 },
  'sgd, clipnorm': { type: 'sgd', clipnorm: 0.1 },
  adagrad: { type: 'adagrad' },
  adam: { type: 'adam' },
  'adam, amsgrad': { type: 'adam', amsgrad: true },
  'adam, clipvalue': { type: 'adam', ...CLIP },
  'adam, clipnorm': { type: 'adam', clipnorm: 0.1 },
  'adam, global_clipnorm': { type: 'adam', global_clipnorm: 0.1 },
  adamw: { type: 'adamw' },
  nadam: { type: 'nadam' },
  adamax: { type: 'adamax' },
  adadelta: { type: 'adadelta' },
  lion: { type: 'lion' },
};
const MODELS: Readonly<Record<string, object>> = {
  'rmsprop, l1': { l1: 0.0001 },
  'rmsprop, l2': { l2: 0.0001 },
  'rmsprop, dropout': { dropout: 0.2 },
  ...Object.fromEntries(
    ActivationSchema.options
      .filter((activation) => activation !== 'relu')
      .map((activation) => [`rmsprop, ${activation}`, { activation }]),
  ),
};
const VARIANTS: [name: string, spec: object][] = [
  ...Object.entries(OPTIMIZERS).map(([name, optimizer]): [string, object] => [name, { optimizer }]),
  ['adam, l2', { optimizer: { type: 'adam' }, model: { l2: 0.0001 } }],
  ...Object.entries(MODELS).map(([name, model]): [string, object] => [name, { model }]),
];

const dataset = await openDataset(DATASETS.mnist.shape, join(tmpdir(), 'descent-bench'));
const loaded = await loadEngine(options.engine as 'native' | 'wasm');
if (!loaded.available) throw new Error(loaded.reason);

interface Runner {
  readonly name: string;
  readonly engine: Engine;
  step: number;
  epoch: number;
  readonly times: number[];
}

const rows = 48_000;
const steps = stepsPerEpoch(rows, 32);
const runners = VARIANTS.map(([name, given]): Runner => {
  const spec = JobSpecSchema.parse(given);
  return { name, engine: createJobEngine(loaded, spec, dataset), step: 0, epoch: 1, times: [] };
});
const rates = new Float64Array(CHUNK).fill(0.001);

/** Trains the next chunk; the epoch's orders are those of a job. */
function train(runner: Runner, order: Uint32Array): void {
  // Of the processor, which other programs change less than that of the clock.
  const before = process.cpuUsage();
  runner.engine.train(order, runner.step, rates);
  runner.times.push(process.cpuUsage(before).user / CHUNK);
  runner.step += CHUNK;
  if (runner.step < steps) return;
  runner.engine.endEpoch();
  runner.step = 0;
  runner.epoch += 1;
}

const orders = new Map<number, Uint32Array>();
for (let chunk = 0; chunk < Number(options.chunks); chunk += 1) {
  for (const runner of runners) {
    const order = orders.get(runner.epoch) ?? epochOrder(42, runner.epoch, rows);
    orders.set(runner.epoch, order);
    train(runner, order);
  }
}
dataset.close();

console.log(`${options.engine}, ${options.chunks} chunks of ${CHUNK} steps: us a step, median (best tenth)`);
for (const { name, times } of runners) {
  // The first chunk warms up.
  const sorted = times.slice(1).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * sorted.length)]!.toFixed(0);
  console.log(`${name.padEnd(26)} ${at(0.5).padStart(4)} (${at(0.1)})`);
}
