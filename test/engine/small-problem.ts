import { type Activation, ActivationSchema } from '../../src/contract/activation.ts';
import type { Loss } from '../../src/contract/loss.ts';
import { type Optimizer, OptimizerSchema } from '../../src/contract/optimizer.ts';
import { type EngineOptions, newValues, type Targets, type Values } from '../../src/engine/engine.ts';
import { modelLayout } from '../../src/engine/model-layout.ts';
import { u32 } from '../../src/engine/random.ts';

/** Small random problems that train quickly, for tests of the arithmetic. */

export const INPUTS = 23;
export const CLASSES = 5;

const STREAM = 99;

/** (rows, INPUTS) values, of which `density` are not 0. */
export function randomValues(rows: number, density: number, storage: 'u8' | 'f32' = 'u8', seed = 1): Values {
  const random = (a: number, b: number) => u32(seed, STREAM, a, b) / 2 ** 32;
  const draw = (k: number) => {
    if (random(0, k) >= density) return 0;
    return storage === 'u8' ? 1 + Math.floor(random(1, k) * 255) : 4 * random(1, k) - 2;
  };
  const values = newValues(storage, rows * INPUTS);
  return values.map((_, k) => draw(k));
}

/** (rows): classes smaller than CLASSES, or numbers from -3 to 3. */
function randomTargets(rows: number, loss: Loss, seed = 1): Targets {
  const random = (row: number) => u32(seed, STREAM, 2, row) / 2 ** 32;
  return loss === 'categorical_crossentropy'
    ? Uint16Array.from({ length: rows }, (_, row) => Math.floor(random(row) * CLASSES))
    : Float32Array.from({ length: rows }, (_, row) => 6 * random(row) - 3);
}

export interface SmallProblem {
  hiddenUnits: readonly number[];
  optimizer: Optimizer;
  rows?: number;
  batchSize?: number;
  density?: number;
  seed?: number;
  activation?: Activation;
  initializers?: Pick<EngineOptions, 'kernelInitializer' | 'outputInitializer'>;
  dropout?: number;
  /** At least CLASSES; targets are always smaller than CLASSES. A loss of numbers has one output. */
  classes?: number;
  storage?: 'u8' | 'f32';
  loss?: Loss;
  l1?: number;
  l2?: number;
  labelSmoothing?: number;
  classWeights?: Float32Array | null;
}

/** Options for an engine, with the values it reads: (rows, INPUTS). */
export type EngineProblem = EngineOptions & { readonly values: Values };

const GLOROT = { kernelInitializer: 'glorot_uniform', outputInitializer: 'glorot_uniform' } as const;

/** The default is 53 rows in batches of 8, so the last batch has 5. */
export function smallProblem(problem: SmallProblem): EngineProblem {
  const { hiddenUnits, optimizer, rows = 53, batchSize = 8, density = 0.2, seed = 42 } = problem;
  const { activation = 'relu', dropout = 0, classes = CLASSES, storage = 'u8' } = problem;
  const { loss = 'categorical_crossentropy' } = problem;
  const values = randomValues(rows, density, storage);
  return {
    layout: modelLayout(INPUTS, hiddenUnits, loss === 'categorical_crossentropy' ? classes : 1),
    activation,
    ...(problem.initializers ?? GLOROT),
    dropout,
    l1: problem.l1 ?? 0,
    l2: problem.l2 ?? 0,
    optimizer,
    batchSize,
    seed,
    loss,
    labelSmoothing: problem.labelSmoothing ?? 0,
    classWeights: problem.classWeights ?? null,
    values,
    source: {
      storage,
      readValues: (into, from) => into.set(values.subarray(from * INPUTS, from * INPUTS + into.length)),
    },
    targets: randomTargets(rows, loss),
    epochRows: rows,
  };
}

export const ACTIVATIONS: readonly Activation[] = ActivationSchema.options;

/** The variants of each optimizer that have their own code. A new optimizer does not compile until it is listed. */
const VARIANTS: { readonly [Type in Optimizer['type']]: readonly [string, object][] } = {
  rmsprop: [
    ['rmsprop', {}],
    ['rmsprop momentum', { momentum: 0.9 }],
    ['rmsprop centered', { centered: true }],
    ['rmsprop centered momentum', { centered: true, momentum: 0.5 }],
    ['rmsprop decayed', { weight_decay: 0.01 }],
    ['rmsprop clipped', { clipvalue: 0.004 }],
    ['rmsprop clipped by norm', { clipnorm: 0.03 }],
    ['rmsprop centered, all options', { centered: true, global_clipnorm: 0.1, weight_decay: 0.01 }],
  ],
  sgd: [
    ['sgd', {}],
    ['sgd momentum', { momentum: 0.9 }],
    ['sgd nesterov', { momentum: 0.9, nesterov: true }],
    ['sgd decayed', { weight_decay: 0.3 }],
    ['sgd clipped by norm', { global_clipnorm: 0.1 }],
    ['sgd momentum clipped', { momentum: 0.9, clipvalue: 0.01, weight_decay: 0.1 }],
  ],
  adagrad: [
    ['adagrad', {}],
    ['adagrad clipped by norm', { clipnorm: 0.05 }],
    ['adagrad clipped', { clipvalue: 0.02 }],
  ],
  adam: [
    ['adam', {}],
    ['adam amsgrad', { amsgrad: true, beta_2: 0.9 }],
    ['adam clipped by norm', { global_clipnorm: 0.05 }],
  ],
  adamw: [
    ['adamw', {}],
    ['adamw amsgrad, all options', { amsgrad: true, weight_decay: 0.1, clipnorm: 0.05 }],
  ],
  nadam: [
    ['nadam', {}],
    ['nadam, all options', { weight_decay: 0.1, clipvalue: 0.01 }],
  ],
  adamax: [
    ['adamax', {}],
    ['adamax, all options', { weight_decay: 0.1, global_clipnorm: 0.05 }],
  ],
  adadelta: [
    ['adadelta', { learning_rate: 1 }],
    ['adadelta, all options', { learning_rate: 1, weight_decay: 0.01, clipvalue: 0.01 }],
  ],
  lion: [
    ['lion', {}],
    ['lion, all options', { weight_decay: 0.1, clipnorm: 0.05 }],
  ],
};

export const OPTIMIZERS: Readonly<Record<string, Optimizer>> = Object.fromEntries(
  Object.entries(VARIANTS).flatMap(([type, variants]) =>
    variants.map(([name, options]) => [name, OptimizerSchema.parse({ type, ...options })]),
  ),
);

/** An input that is 0 in all rows. */
export function untouchedInput({ values, layout }: EngineProblem): number {
  for (let i = 0; i < layout.inputs; i += 1) {
    if (values.every((value, k) => k % layout.inputs !== i || value === 0)) return i;
  }
  throw new Error('every input is touched somewhere');
}
