import { type Optimizer, OptimizerSchema } from '../../src/contract/optimizer.ts';
import type { EngineOptions } from '../../src/engine/engine.ts';
import { modelLayout } from '../../src/engine/model-layout.ts';
import { u32 } from '../../src/engine/random.ts';

/** Small random problems that train quickly, for tests of the arithmetic. */

export const PIXELS = 23;
export const CLASSES = 5;

const STREAM = 99;

/** (rows, PIXELS) bytes and (rows) labels; `density` of the pixels are not 0. */
export function randomImages(rows: number, density: number, seed = 1) {
  const random = (a: number, b: number) => u32(seed, STREAM, a, b) / 2 ** 32;
  const images = Uint8Array.from({ length: rows * PIXELS }, (_, k) =>
    random(0, k) < density ? 1 + Math.floor(random(1, k) * 255) : 0,
  );
  const labels = Uint8Array.from({ length: rows }, (_, row) => Math.floor(random(2, row) * CLASSES));
  return { images, labels };
}

export interface SmallProblem {
  hiddenUnits: readonly number[];
  optimizer: Optimizer;
  rows?: number;
  batchSize?: number;
  density?: number;
  seed?: number;
  activation?: EngineOptions['activation'];
  dropout?: number;
  /** At least CLASSES; labels are always smaller than CLASSES. */
  classes?: number;
}

/** Options for an engine, with the images it reads: (rows, PIXELS). */
export type EngineProblem = EngineOptions & { readonly images: Uint8Array };

/** The default is 53 rows in batches of 8, so the last batch has 5. */
export function smallProblem(problem: SmallProblem): EngineProblem {
  const { hiddenUnits, optimizer, rows = 53, batchSize = 8, density = 0.2, seed = 42 } = problem;
  const { activation = 'relu', dropout = 0, classes = CLASSES } = problem;
  const { images, labels } = randomImages(rows, density);
  return {
    layout: modelLayout(PIXELS, hiddenUnits, classes),
    activation,
    dropout,
    optimizer,
    batchSize,
    seed,
    images,
    source: {
      readImages: (into, from) => into.set(images.subarray(from * PIXELS, from * PIXELS + into.length)),
    },
    labels,
    epochRows: rows,
  };
}

/** The variants of each optimizer that have their own code. A new optimizer does not compile until it is listed. */
const VARIANTS: { readonly [Type in Optimizer['type']]: readonly [string, object][] } = {
  rmsprop: [
    ['rmsprop', {}],
    ['rmsprop momentum', { momentum: 0.9 }],
    ['rmsprop centered', { centered: true }],
    ['rmsprop centered momentum', { centered: true, momentum: 0.5 }],
  ],
  sgd: [
    ['sgd', {}],
    ['sgd momentum', { momentum: 0.9 }],
    ['sgd nesterov', { momentum: 0.9, nesterov: true }],
  ],
  adagrad: [['adagrad', {}]],
  adam: [
    ['adam', {}],
    ['adam amsgrad', { amsgrad: true, beta_2: 0.9 }],
  ],
};

export const OPTIMIZERS: Readonly<Record<string, Optimizer>> = Object.fromEntries(
  Object.entries(VARIANTS).flatMap(([type, variants]) =>
    variants.map(([name, options]) => [name, OptimizerSchema.parse({ type, ...options })]),
  ),
);

/** A pixel that is dark in all images. */
export function darkPixel({ images, layout }: EngineProblem): number {
  for (let i = 0; i < layout.inputs; i += 1) {
    if (images.every((pixel, k) => k % layout.inputs !== i || pixel === 0)) return i;
  }
  throw new Error('every pixel is lit somewhere');
}
