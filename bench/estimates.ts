import { parseArgs } from 'node:util';
import type { Optimizer } from '../src/contract/optimizer.ts';
import { u32 } from '../src/engine/random.ts';
import { percentile } from './percentile.ts';
import { machine, RunningDescent } from './running-descent.ts';

/** How well Descent predicts what a job takes: jobs of different sizes, each predicted before it runs. */
const HELP = `npm run bench:estimates -- [--learn N] [--jobs N] [--seed N] [--engine NAME]
  --learn N      jobs that run before, to learn from (30)
  --jobs N       jobs whose time is predicted and compared (20)
  --seed N       decides the jobs (1)
  --engine NAME  as in a spec (auto)`;

const { values } = parseArgs({
  options: {
    learn: { type: 'string', default: '30' },
    jobs: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    engine: { type: 'string', default: 'auto' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}
const [learn, jobs, seed] = [values.learn, values.jobs, values.seed].map(Number) as [number, number, number];

let drawn = 0;
const fraction = () => u32(seed, 0, 0, drawn++) / 2 ** 32;
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(fraction() * items.length)]!;
/** Small ones as often as large ones, by orders of magnitude. */
const size = (from: number, to: number) => Math.round(from * (to / from) ** fraction());

const OPTIMIZERS: Partial<Optimizer>[] = [
  { type: 'rmsprop' },
  { type: 'sgd' },
  { type: 'sgd', momentum: 0.9 },
  { type: 'adagrad' },
  { type: 'adam' },
];

const drawSpec = () => ({
  dataset: pick(['mnist', 'mnist_sample']),
  model: {
    hidden_units: Array.from({ length: pick([0, 1, 2, 3]) }, () => size(16, 512)),
    activation: pick(['relu', 'tanh', 'sigmoid']),
    dropout: pick([0, 0, 0.2]),
  },
  optimizer: pick(OPTIMIZERS),
  training: {
    epochs: pick([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    batch_size: size(16, 512),
    validation_split: pick([0, 0.1, 0.2]),
  },
  engine: values.engine,
});

const descent = await RunningDescent.start();
const errors: number[] = [];
console.log(`${machine()}; seed ${seed}, ${learn} jobs to learn from`);
for (let k = 0; k < learn + jobs; k += 1) {
  const spec = drawSpec();
  const id = await descent.create(spec);
  for await (const _ of descent.watch(id));
  const { estimated_seconds: predicted, result, engine } = await descent.job(id);
  if (k < learn || result === null) continue;
  if (predicted === null) throw new Error('nothing was predicted; learn from more jobs');
  const actual = result.duration_seconds;
  errors.push(Math.abs(predicted - actual) / actual);
  const { dataset, model, optimizer, training } = spec;
  console.log(
    [
      `${predicted.toFixed(2)} s predicted, ${actual.toFixed(2)} s taken, ${percent(errors.at(-1)!)} off:`,
      `${engine}, ${dataset}, ${training.epochs} epochs, batch ${training.batch_size},`,
      `[${model.hidden_units}] ${model.activation}, ${optimizer.type}`,
    ].join(' '),
  );
}
const [median, most] = [0.5, 1].map((share) => percent(percentile(errors, share)));
console.log(`relative error: median ${median}, worst ${most} (n = ${errors.length})`);
await descent.stop();

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
