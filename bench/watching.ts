import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { JobSpecSchema } from '../src/contract/job-spec.ts';
import { openDataset } from '../src/dataset/prepared.ts';
import { DATASETS } from '../src/dataset/registry.ts';
import { stepsPerEpoch } from '../src/dataset/row-counts.ts';
import type { Engine } from '../src/engine/engine.ts';
import { loadEngine } from '../src/engine/engines.ts';
import { epochOrder } from '../src/engine/random.ts';
import type { EpochResult } from '../src/training/epoch-result.ts';
import { createJobEngine } from '../src/training/job-engine.ts';
import { usualLogEvery } from '../src/training/log-every.ts';
import { EMPTY_LOG } from '../src/training/training-log.ts';
import { TrainingWatch } from '../src/training/training-watch.ts';

/**
 * What the step rows and the doctor cost: us of the processor for a step of the reference job, without them, with steps
 * measured as often as they are logged, and with all of it. Slices of 50 steps, as a trainer's; the three take turns,
 * an epoch each, so that a slow spell of the machine does not hit only one of them.
 */

const { values: options } = parseArgs({
  options: { engine: { type: 'string', default: 'native' }, epochs: { type: 'string', default: '30' } },
});

const SLICE = 50;
const spec = JobSpecSchema.parse({});
const dataset = await openDataset(DATASETS.mnist.shape, join(tmpdir(), 'descent-bench'));
const loaded = await loadEngine(options.engine as 'native' | 'wasm');
if (!loaded.available) throw new Error(loaded.reason);
const { batch_size, validation_split, seed } = spec.training;
const rows = dataset.train.rows * (1 - validation_split);
const steps = stepsPerEpoch(rows, batch_size);
const rates = new Float64Array(steps).fill(0.001);
const logEvery = usualLogEvery(spec.training, steps);

const [plain, logged, watched] = [1, 2, 3].map(() => createJobEngine(loaded, spec, dataset)) as [
  Engine,
  Engine,
  Engine,
];
const watch = new TrainingWatch(spec, dataset, watched, rows, EMPTY_LOG);
const history: EpochResult[] = [];

type Slice = (order: Uint32Array, from: number, to: number, epoch: number) => unknown;
const variants: {
  name: string;
  engine: Engine;
  slice: Slice;
  end?: (epoch: number) => void;
  us: number[];
}[] = [
  {
    name: 'neither',
    engine: plain,
    slice: (order, from, to) => plain.train(order, from, rates.subarray(from, to)),
    us: [],
  },
  {
    name: 'steps that are measured',
    engine: logged,
    slice: (order, from, to) => {
      for (let batch = from; batch < to; batch += 1) {
        const next = Math.min(to, Math.ceil((batch + 1) / logEvery) * logEvery - 1);
        logged.train(order, batch, rates.subarray(batch, next));
        if (next < to) logged.measureStep(order, next, 0.001, []);
        batch = next;
      }
    },
    us: [],
  },
  {
    name: 'step rows and doctor',
    engine: watched,
    slice: (order, from, to, epoch) => {
      watch.train(order, rates, from, to, { epoch, stepsBefore: (epoch - 1) * steps });
      return watch.newRows();
    },
    end: (epoch) => {
      history.push(epochOf(epoch));
      watch.endEpoch(history);
    },
    us: [],
  },
];

for (let epoch = 1; epoch <= Number(options.epochs); epoch += 1) {
  const order = epochOrder(seed, epoch, rows);
  for (const { engine, slice, end, us } of variants) {
    const before = process.cpuUsage();
    for (let from = 0; from < steps; from += SLICE) slice(order, from, Math.min(from + SLICE, steps), epoch);
    engine.endEpoch();
    end?.(epoch);
    us.push(process.cpuUsage(before).user / steps);
  }
}
dataset.close();

console.log(
  `${options.engine}, ${options.epochs} epochs: us of the processor a step, median (least), and more than without`,
);
const medianOf = (us: readonly number[]) => [...us].sort((a, b) => a - b)[us.length >> 1]!;
// The first epoch warms up.
const base = medianOf(variants[0]!.us.slice(1));
for (const { name, us } of variants) {
  const median = medianOf(us.slice(1));
  const more = ((median / base - 1) * 100).toFixed(1);
  console.log(`${name.padEnd(26)} ${median.toFixed(1)} (${Math.min(...us).toFixed(1)}) ${more} %`);
}

/** A good training: the verdicts that need a bad one are not looked for further. */
function epochOf(epoch: number): EpochResult {
  const figures = { loss: 1 / epoch, accuracy: 0.9, val_loss: 1 / epoch, val_accuracy: 0.9 };
  return { epoch, step: epoch * steps, ...figures, mae: null, val_mae: null, learning_rate: 0.001 };
}
