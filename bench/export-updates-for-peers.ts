import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScheduleSchema } from '../src/contract/learning-rate.ts';
import { OptimizerSchema } from '../src/contract/optimizer.ts';
import { rateOfStep } from '../src/engine/learning-rates.ts';
import { modelLayout } from '../src/engine/model-layout.ts';
import { u32 } from '../src/engine/random.ts';
import { clipGradients, decayWeights } from '../src/engine/reference/clipping.ts';
import { createUpdateRule } from '../src/engine/reference/update-rules.ts';
import { kerasOptimizerText } from '../src/export/keras.ts';

/**
 * For updates.sh: what our update rules make of one fixed sequence of gradients, and the rates of our schedules, so that
 * updates.py can compare them with Keras's. argv: the folder.
 */

const STEPS = 50;
/** A kernel (5, 4) and a bias (4). */
const layout = modelLayout(5, [], 4);

const random = (a: number, b: number) => u32(7, 3, a, b) / 2 ** 32 - 0.5;
/** (P) and (STEPS, P): sizes from 0.001 to 1, some of them 0, with a drift, as gradients have. */
const start = Float32Array.from({ length: layout.parameters }, (_, p) => 2 * random(0, p));
const gradients = Float32Array.from({ length: STEPS * layout.parameters }, (_, k) => {
  const [t, p] = [Math.floor(k / layout.parameters), k % layout.parameters];
  return p === 7 ? 0 : (random(1, p) + random(2 + t, p)) * 10 ** (-3 * (random(99, p) + 0.5));
});

const COSINE = {
  type: 'cosine_decay',
  initial_learning_rate: 0.001,
  warmup_target: 0.01,
  warmup_steps: 10,
  decay_steps: 30,
};

const OPTIMIZERS = [
  { type: 'rmsprop' },
  { type: 'rmsprop', momentum: 0.5, weight_decay: 0.01, clipvalue: 0.1 },
  { type: 'sgd', clipnorm: 0.5 },
  { type: 'sgd', momentum: 0.9, nesterov: true, weight_decay: 0.1 },
  { type: 'adagrad', global_clipnorm: 0.3 },
  { type: 'adam' },
  { type: 'adam', amsgrad: true, learning_rate: COSINE },
  { type: 'adamw' },
  { type: 'adamw', weight_decay: 0.5, clipnorm: 0.2 },
  { type: 'nadam' },
  { type: 'nadam', learning_rate: COSINE, weight_decay: 0.1, clipvalue: 0.05 },
  { type: 'adamax' },
  { type: 'adamax', global_clipnorm: 0.1, weight_decay: 0.1 },
  { type: 'adadelta', learning_rate: 1 },
  { type: 'adadelta', rho: 0.9, epsilon: 1e-4, learning_rate: 0.1, clipnorm: 0.5 },
  { type: 'lion' },
  { type: 'lion', weight_decay: 0.1, global_clipnorm: 0.5, learning_rate: COSINE },
];

const EXPONENTIAL = {
  type: 'exponential_decay',
  initial_learning_rate: 0.1,
  decay_steps: 37,
  decay_rate: 0.7,
};
const POLYNOMIAL = { type: 'polynomial_decay', initial_learning_rate: 0.1, decay_steps: 90 };
const INVERSE = { type: 'inverse_time_decay', initial_learning_rate: 0.1, decay_steps: 20, decay_rate: 0.5 };
const RESTARTS = { type: 'cosine_decay_restarts', initial_learning_rate: 0.1, first_decay_steps: 33 };

const SCHEDULES = [
  EXPONENTIAL,
  { ...EXPONENTIAL, staircase: true },
  { type: 'piecewise_constant_decay', boundaries: [50, 120], values: [0.1, 0.05, 0.01] },
  POLYNOMIAL,
  { ...POLYNOMIAL, power: 0.5, cycle: true, end_learning_rate: 0.01 },
  INVERSE,
  { ...INVERSE, staircase: true },
  { ...COSINE, warmup_target: null, warmup_steps: 0, alpha: 0.1, decay_steps: 150 },
  { ...COSINE, alpha: 0.1, decay_steps: 150 },
  RESTARTS,
  { ...RESTARTS, t_mul: 1, m_mul: 0.8, alpha: 0.05 },
  { ...RESTARTS, t_mul: 1.5, m_mul: 0.9 },
];

const folder = process.argv[2];
if (folder === undefined) throw new Error('name a folder');
mkdirSync(folder, { recursive: true });

const updates = OPTIMIZERS.map((given) => {
  const optimizer = OptimizerSchema.parse(given);
  const rule = createUpdateRule({ optimizer, l1: 0, l2: 0 }, layout.parameters, STEPS);
  const rateOf = rateOfStep(optimizer.learning_rate);
  const weights = start.slice();
  const after: number[][] = [];
  for (let t = 0; t < STEPS; t += 1) {
    const g = gradients.slice(t * layout.parameters, (t + 1) * layout.parameters);
    clipGradients(g, layout, optimizer);
    const rate = rateOf(t);
    rule.beginStep(rate);
    if (optimizer.weight_decay !== null) decayWeights(weights, optimizer.weight_decay, rate);
    rule.update(weights, g, 0, weights.length, 1);
    after.push([...weights]);
  }
  return { given, keras: kerasOptimizerText(optimizer), after };
});

const schedules = SCHEDULES.map((given) => {
  const schedule = ScheduleSchema.parse(given);
  const rateOf = rateOfStep(schedule);
  const optimizer = OptimizerSchema.parse({ type: 'sgd', learning_rate: schedule });
  const keras = kerasOptimizerText(optimizer);
  return { given, keras, rates: Array.from({ length: 300 }, (_, step) => rateOf(step)) };
});

const shapes = [[5, 4], [4]];
writeFileSync(
  join(folder, 'updates.json'),
  JSON.stringify({ shapes, start: [...start], gradients: [...gradients], updates, schedules }),
);
