import type { Optimizer } from '../../contract/optimizer.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { modelLayout } from '../model-layout.ts';
import { fileOrder, u32 } from '../random.ts';
import { createReferenceEngine } from '../reference/reference.ts';
import { createNativeEngine } from './native-engine.ts';
import { loadAddon } from './native-module.ts';

/**
 * The process that native-check.ts starts. argv: the path of native.node. It trains small problems that use every
 * routine of the addon, compares the results with the reference engine, and sends its parent { fault } or {}.
 */

/** Few rows and odd sizes, so that every loop has a remainder. */
const ROWS = 45;
const BATCH_SIZE = 13;
const PIXELS = 37;
const CLASSES = 19;
const HIDDEN = [33, 7];

/** Every variant with its own code. Written out because parsing the defaults takes longer than training. */
const RMSPROP = {
  type: 'rmsprop',
  learning_rate: 0.001,
  rho: 0.9,
  momentum: 0,
  epsilon: 1e-7,
  centered: false,
} as const;
const SGD = { type: 'sgd', learning_rate: 0.01, momentum: 0, nesterov: false } as const;
const OPTIMIZERS: { readonly [Type in Optimizer['type']]: readonly Extract<Optimizer, { type: Type }>[] } = {
  rmsprop: [RMSPROP, { ...RMSPROP, momentum: 0.9, centered: true }],
  sgd: [SGD, { ...SGD, momentum: 0.9, nesterov: true }],
  adagrad: [{ type: 'adagrad', learning_rate: 0.001, initial_accumulator_value: 0.1, epsilon: 1e-7 }],
  adam: [{ type: 'adam', learning_rate: 0.001, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: true }],
};

const random = (stream: number, k: number) => u32(1, stream, 0, k);

/** (ROWS, PIXELS): about a quarter of the pixels are lit. */
const IMAGES = Uint8Array.from({ length: ROWS * PIXELS }, (_, k) =>
  random(0, k) % 4 === 0 ? random(1, k) % 256 : 0,
);
const LABELS = Uint8Array.from({ length: ROWS }, (_, row) => random(2, row) % CLASSES);

function problem(
  optimizer: Optimizer,
  activation: EngineOptions['activation'],
  dropout: number,
): EngineOptions {
  return {
    layout: modelLayout(PIXELS, HIDDEN, CLASSES),
    activation,
    dropout,
    optimizer,
    batchSize: BATCH_SIZE,
    seed: 1,
    source: {
      readImages: (into, from) => into.set(IMAGES.subarray(from * PIXELS, from * PIXELS + into.length)),
    },
    labels: LABELS,
    epochRows: ROWS,
  };
}

/** All results and the state of an engine after two epochs, in bytes. */
function outcome(engine: Engine): Buffer {
  const sums: number[] = [];
  for (let epoch = 0; epoch < 2; epoch += 1) {
    sums.push(engine.train(fileOrder(ROWS), 0, Math.ceil(ROWS / BATCH_SIZE)));
    const { lossSum, correct } = engine.endEpoch();
    sums.push(lossSum, correct);
  }
  const { weights, slots, powers } = engine.state();
  const { losses, predicted, probabilities } = engine.predict(IMAGES, LABELS, 0, ROWS);
  const parts = [
    weights,
    ...slots.map(({ values }) => values),
    losses,
    predicted,
    probabilities,
    Float64Array.from([...sums, ...powers]),
  ];
  return Buffer.concat(parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)));
}

function findFault(): string | undefined {
  const addon = loadAddon(process.argv[2]);
  if (typeof addon === 'string') return addon;
  const problems = [
    ...Object.values(OPTIMIZERS)
      .flat()
      .map((optimizer) => problem(optimizer, 'relu', 0)),
    problem(RMSPROP, 'tanh', 0.3),
    problem(RMSPROP, 'sigmoid', 0.3),
  ];
  const same = problems.every((options) =>
    outcome(createNativeEngine(addon, options)).equals(outcome(createReferenceEngine(options))),
  );
  return same ? undefined : 'native.node computes different bits from the reference engine';
}

function outcomeOfCheck(): string | undefined {
  try {
    return findFault();
  } catch (error) {
    return `native.node fails its self-check: ${error instanceof Error ? error.message : error}`;
  }
}

const fault = outcomeOfCheck();
// The parent may have exited meanwhile.
if (process.connected) {
  process.send!(fault === undefined ? {} : { fault }, undefined, undefined, () => {
    if (process.connected) process.disconnect();
  });
}
