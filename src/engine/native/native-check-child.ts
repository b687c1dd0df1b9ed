import type { Activation } from '../../contract/activation.ts';
import type { Loss } from '../../contract/loss.ts';
import type { Optimizer } from '../../contract/optimizer.ts';
import { ACTIVATION_TRAITS } from '../activation-traits.ts';
import type { Engine, EngineOptions, Values } from '../engine.ts';
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
const INPUTS = 37;
const CLASSES = 19;
const HIDDEN = [33, 7];

/** Each step has its own. */
const RATES = Float64Array.from({ length: Math.ceil(ROWS / BATCH_SIZE) }, (_, s) => 0.01 / (s + 1));

/** Every variant with its own code. Written out because parsing the defaults takes longer than training. */
const PLAIN = { weight_decay: null, clipnorm: null, global_clipnorm: null, clipvalue: null } as const;
const CLIPPED = { ...PLAIN, weight_decay: 0.01, clipvalue: 0.01 } as const;
const BETAS = { learning_rate: 0.001, beta_1: 0.9, beta_2: 0.999 } as const;
const RMSPROP = {
  ...PLAIN,
  type: 'rmsprop',
  learning_rate: 0.001,
  rho: 0.9,
  momentum: 0,
  epsilon: 1e-7,
  centered: false,
} as const;
const SGD = { ...PLAIN, type: 'sgd', learning_rate: 0.01, momentum: 0, nesterov: false } as const;
const OPTIMIZERS: { readonly [Type in Optimizer['type']]: readonly Extract<Optimizer, { type: Type }>[] } = {
  rmsprop: [
    RMSPROP,
    { ...RMSPROP, momentum: 0.9, centered: true },
    { ...RMSPROP, ...CLIPPED },
    { ...RMSPROP, clipnorm: 0.01 },
    { ...RMSPROP, global_clipnorm: 0.01, weight_decay: 0.01 },
  ],
  sgd: [SGD, { ...SGD, momentum: 0.9, nesterov: true }, { ...SGD, ...CLIPPED, momentum: 0.9 }],
  adagrad: [
    { ...PLAIN, type: 'adagrad', learning_rate: 0.001, initial_accumulator_value: 0.1, epsilon: 1e-7 },
  ],
  adam: [{ ...PLAIN, ...BETAS, type: 'adam', epsilon: 1e-7, amsgrad: true }],
  adamw: [{ ...CLIPPED, ...BETAS, type: 'adamw', epsilon: 1e-7, amsgrad: false }],
  nadam: [{ ...PLAIN, ...BETAS, type: 'nadam', epsilon: 1e-7 }],
  adamax: [{ ...PLAIN, ...BETAS, type: 'adamax', epsilon: 1e-7 }],
  adadelta: [{ ...PLAIN, type: 'adadelta', learning_rate: 0.001, rho: 0.95, epsilon: 1e-7 }],
  lion: [{ ...PLAIN, ...BETAS, type: 'lion' }],
};

const WEIGHTS = Float32Array.from({ length: CLASSES }, (_, c) => c / 7);

const ACTIVATIONS = Object.keys(ACTIVATION_TRAITS) as Activation[];

const random = (stream: number, k: number) => u32(1, stream, 0, k);

/** (ROWS, INPUTS): about a quarter is not 0. */
const BYTES = Uint8Array.from({ length: ROWS * INPUTS }, (_, k) =>
  random(0, k) % 4 === 0 ? random(1, k) % 256 : 0,
);
const FLOATS = Float32Array.from(BYTES, (byte) => (byte - 128) / 50);
const CLASS_TARGETS = Uint16Array.from({ length: ROWS }, (_, row) => random(2, row) % CLASSES);
const NUMBER_TARGETS = Float32Array.from({ length: ROWS }, (_, row) => (random(2, row) % 100) / 30 - 1);

type Problem = EngineOptions & { readonly values: Values };

function problem(
  optimizer: Optimizer,
  activation: EngineOptions['activation'],
  dropout: number,
  loss: Loss = 'categorical_crossentropy',
  labelSmoothing = 0,
): Problem {
  const isNumber = loss !== 'categorical_crossentropy';
  const values = isNumber ? FLOATS : BYTES;
  return {
    layout: modelLayout(INPUTS, HIDDEN, isNumber ? 1 : CLASSES),
    activation,
    kernelInitializer: 'glorot_uniform',
    outputInitializer: 'glorot_uniform',
    dropout,
    l1: labelSmoothing / 100,
    l2: labelSmoothing / 100,
    optimizer,
    batchSize: BATCH_SIZE,
    seed: 1,
    loss,
    labelSmoothing: isNumber ? 0 : labelSmoothing,
    classWeights: labelSmoothing > 0 ? WEIGHTS : null,
    values,
    source: {
      storage: isNumber ? 'f32' : 'u8',
      readValues: (into, from) => into.set(values.subarray(from * INPUTS, from * INPUTS + into.length)),
    },
    targets: isNumber ? NUMBER_TARGETS : CLASS_TARGETS,
    epochRows: ROWS,
  };
}

/** All results and the state of an engine after two epochs, in bytes. */
function outcome(engine: Engine, { values, targets }: Problem): Buffer {
  const sums: number[] = [];
  for (let epoch = 0; epoch < 2; epoch += 1) {
    const fired = HIDDEN.map((units) => new Uint8Array(units));
    const { lossSum: loss, squares } = engine.measureStep(fileOrder(ROWS), 0, RATES[0], fired)!;
    sums.push(loss, ...squares!, ...fired.flatMap((units) => [...units]));
    sums.push(engine.train(fileOrder(ROWS), 1, RATES.subarray(1)));
    const { lossSum, correct, absoluteError } = engine.endEpoch();
    sums.push(lossSum, correct, absoluteError);
  }
  const { weights, slots, powers } = engine.state();
  const { losses, predicted, outputs } = engine.predict(values, targets, 0, ROWS);
  const parts = [
    weights,
    ...slots.map((slot) => slot.values),
    losses,
    predicted,
    outputs,
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
    ...ACTIVATIONS.map((activation) => problem(RMSPROP, activation, 0.3)),
    problem(RMSPROP, 'relu', 0, 'categorical_crossentropy', 0.1),
    ...(['mse', 'mae', 'huber'] as const).map((loss) => problem(RMSPROP, 'relu', 0, loss)),
  ];
  const same = problems.every((options) =>
    outcome(createNativeEngine(addon, options), options).equals(
      outcome(createReferenceEngine(options), options),
    ),
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
