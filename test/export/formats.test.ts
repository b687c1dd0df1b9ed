import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import h5wasm from 'h5wasm/node';
import * as ort from 'onnxruntime-web';
import { beforeAll, describe, expect, it } from 'vitest';
import { nominalRate } from '../../src/contract/learning-rate.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { type ExportedModel, layersOf } from '../../src/export/exported-model.ts';
import { encodeAs } from '../../src/export/formats.ts';
import { ACTIVATIONS } from '../engine/small-problem.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { largestDifference, type TrainedModel, trainedModel } from './trained-model.ts';
import { unzip } from './unzip.ts';

/** Each format is opened by a library that reads it, and predicts the test rows as the engine does. */

const TOLERANCE = 1e-6;

let model: TrainedModel;
const floats = ({ values }: TrainedModel, scale: number) =>
  Float32Array.from(values, (value) => value * scale);

beforeAll(async () => {
  model = await trainedModel({ name: 'Ein Name', model: { hidden_units: [32, 16], activation: 'tanh' } });
  await tf.setBackend('wasm');
});

const inputs = (preprocessing: 'raw' | 'scaled') => floats(model, preprocessing === 'raw' ? 1 : 1 / 255);

describe.each(['raw', 'scaled'] as const)('for %s inputs', (preprocessing) => {
  it('ONNX Runtime opens onnx and predicts the same', async () => {
    const bytes = encodeAs('onnx', model.exported(preprocessing), 'keras');
    const session = await ort.InferenceSession.create(bytes);
    const input = new ort.Tensor('float32', inputs(preprocessing), [1000, 784]);
    const { probabilities } = await session.run({ input });
    expect(probabilities!.dims).toEqual([1000, 10]);
    expect(largestDifference(probabilities!.data as Float32Array, model.probabilities)).toBeLessThan(
      TOLERANCE,
    );
  });

  it('TensorFlow.js opens its two files and predicts the same', async () => {
    const loaded = await loadTfjs(model.exported(preprocessing));
    const predicted = loaded.predict(tf.tensor2d(inputs(preprocessing), [1000, 784])) as tf.Tensor;
    expect(largestDifference(await predicted.data(), model.probabilities)).toBeLessThan(TOLERANCE);
  });
});

describe.each(ACTIVATIONS)('a model with %s', (activation) => {
  it('predicts the same in ONNX Runtime and in TensorFlow.js', async () => {
    const trained = await trainedModel({ model: { hidden_units: [16, 8], activation } });
    const exported = trained.exported('raw');
    const session = await ort.InferenceSession.create(encodeAs('onnx', exported, 'keras'));
    const { probabilities } = await session.run({
      input: new ort.Tensor('float32', floats(trained, 1), [1000, 784]),
    });
    expect(largestDifference(probabilities!.data as Float32Array, trained.probabilities)).toBeLessThan(
      TOLERANCE,
    );
    const { modelTopology, weightsManifest } = JSON.parse(
      Buffer.from(encodeAs('tfjs-model', exported, 'keras')).toString('utf8'),
    );
    const weightData = Uint8Array.from(encodeAs('tfjs-weights', exported, 'keras')).buffer;
    const loaded = await loadLayersModel({
      load: async () => ({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
    });
    const predicted = loaded.predict(tf.tensor2d(floats(trained, 1), [1000, 784])) as tf.Tensor;
    expect(largestDifference(await predicted.data(), trained.probabilities)).toBeLessThan(TOLERANCE);
  });
});

describe('a model of points in a plane, which are not scaled,', () => {
  it('predicts the same in ONNX Runtime, and says what it takes', async () => {
    const points = await trainedModel({ dataset: 'moons', model: { hidden_units: [8] } });
    for (const preprocessing of ['raw', 'scaled'] as const) {
      const exported = points.exported(preprocessing);
      const session = await ort.InferenceSession.create(encodeAs('onnx', exported, 'keras'));
      const { probabilities } = await session.run({
        input: new ort.Tensor('float32', floats(points, 1), [500, 2]),
      });
      const found = probabilities!.data as Float32Array;
      expect(largestDifference(found, points.probabilities)).toBeLessThan(TOLERANCE);
      const json = JSON.parse(Buffer.from(encodeAs('json', exported, 'keras')).toString('utf8'));
      expect(json).toMatchObject({
        input: 'numbers, as they are',
        input_scale: '1',
        classes: ['upper', 'lower'],
      });
      const keras = JSON.parse(
        unzip(encodeAs('keras', exported, 'keras'))
          .get('config.json')!
          .toString(),
      );
      expect(JSON.stringify(keras)).not.toContain('Rescaling');
    }
  });
});

describe('a model of a table whose columns are scaled', () => {
  it('takes their own units in ONNX Runtime and TensorFlow.js, and from Keras', async () => {
    const points = await trainedModel({ dataset: 'moons', model: { hidden_units: [8] } });
    // Far from 0, where a float32 has few digits left for what differs.
    const [offsets, divisors] = [Float32Array.of(2000, -0.5), Float32Array.of(4, 0.001)];
    const units = points.values.map((value, i) => value * divisors[i % 2]! + offsets[i % 2]!);
    const seen = units.map((value, i) => (value - offsets[i % 2]!) / divisors[i % 2]!);
    expect(largestDifference(seen, points.values)).toBeLessThan(1e-4);
    const exported = { ...points.exported('raw'), inputColumns: { offsets, divisors } };
    const session = await ort.InferenceSession.create(encodeAs('onnx', exported, 'keras'));
    const { probabilities } = await session.run({
      input: new ort.Tensor('float32', Float32Array.from(units), [500, 2]),
    });
    const loaded = await loadTfjs(exported);
    const predicted = await (
      loaded.predict(tf.tensor2d(Float32Array.from(units), [500, 2])) as tf.Tensor
    ).data();
    expect(largestDifference(predicted, probabilities!.data as Float32Array)).toBeLessThan(TOLERANCE);
    expect(largestDifference(predicted, points.probabilities)).toBeLessThan(1e-3);
    const config = unzip(encodeAs('keras', exported, 'keras')).get('config.json')!;
    const layers = JSON.parse(config.toString()).config.layers as { config: object }[];
    expect(layers.slice(1, 3).map((layer) => layer.config)).toMatchObject([
      { name: 'rescaling', scale: 1, offset: [-2000, 0.5] },
      { name: 'rescaling_1', scale: [0.25, 1 / divisors[1]!], offset: 0 },
    ]);
  });
});

describe('a model of a number', () => {
  let number: TrainedModel;
  beforeAll(async () => {
    number = await trainedModel({
      dataset: 'sine',
      model: { hidden_units: [8], activation: 'tanh', dropout: 0.1 },
    });
  });
  const target = resolveDataset('sine').target!;
  /** raw: in the unit of the data; scaled: standardised. */
  const expected = (preprocessing: 'raw' | 'scaled') =>
    number.probabilities.map((value) =>
      preprocessing === 'raw' ? target.mean + target.deviation * value : value,
    );

  it.each(['raw', 'scaled'] as const)(
    'predicts the same in ONNX Runtime and TensorFlow.js, %s',
    async (preprocessing) => {
      const exported = number.exported(preprocessing);
      const session = await ort.InferenceSession.create(encodeAs('onnx', exported, 'keras'));
      const { output } = await session.run({ input: new ort.Tensor('float32', floats(number, 1), [500, 1]) });
      expect(output!.dims).toEqual([500, 1]);
      expect(largestDifference(output!.data as Float32Array, expected(preprocessing))).toBeLessThan(
        TOLERANCE,
      );
      const loaded = await loadTfjs(exported);
      const predicted = loaded.predict(tf.tensor2d(floats(number, 1), [500, 1])) as tf.Tensor;
      expect(largestDifference(await predicted.data(), expected(preprocessing))).toBeLessThan(TOLERANCE);
    },
  );

  it('ends in a linear layer for Keras, then in a scale where it takes raw inputs, and trains on with its loss', () => {
    for (const preprocessing of ['raw', 'scaled'] as const) {
      const config = unzip(encodeAs('keras', number.exported(preprocessing), 'keras')).get('config.json')!;
      const { config: model, compile_config: compiled } = JSON.parse(config.toString());
      const layers = model.layers.map((layer: { class_name: string; config: object }) => layer.class_name);
      const scale = preprocessing === 'raw' ? ['Rescaling'] : [];
      expect(layers).toEqual(['InputLayer', 'Dense', 'Dropout', 'Dense', ...scale]);
      expect(model.layers[3].config).toMatchObject({ units: 1, activation: 'linear' });
      if (preprocessing === 'raw')
        expect(model.layers[4].config).toMatchObject({ scale: target.deviation, offset: target.mean });
      expect(compiled).toMatchObject({ loss: 'mse', metrics: ['mae'] });
    }
  });

  it('names the scale where the format has no operations', () => {
    for (const preprocessing of ['raw', 'scaled'] as const) {
      const json = JSON.parse(
        Buffer.from(encodeAs('json', number.exported(preprocessing), 'keras')).toString('utf8'),
      );
      const bytes = Buffer.from(encodeAs('safetensors', number.exported(preprocessing), 'torch'));
      const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString('utf8'));
      for (const about of [json, header.__metadata__]) {
        expect(about).toMatchObject({
          output: 'a standardised number: multiply it by output_scale, then add output_offset',
          output_scale: String(target.deviation),
          output_offset: String(target.mean),
        });
      }
      expect(json.classes).toBeNull();
      expect(json.layers.at(-1).activation).toBe('linear');
      expect(header.__metadata__).not.toHaveProperty('classes');
    }
  });
});

async function loadTfjs(exported: ExportedModel) {
  const { modelTopology, weightsManifest } = JSON.parse(
    Buffer.from(encodeAs('tfjs-model', exported, 'keras')).toString('utf8'),
  );
  const weightData = Uint8Array.from(encodeAs('tfjs-weights', exported, 'keras')).buffer;
  return await loadLayersModel({
    load: async () => ({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
  });
}

async function openHdf5(bytes: Uint8Array) {
  await h5wasm.ready;
  const path = join(await makeTemporaryFolder(), 'model.weights.h5');
  writeFileSync(path, bytes);
  return new h5wasm.File(path, 'r');
}

describe('keras', () => {
  const SLOTS = {
    rmsprop: { type: 'rmsprop', momentum: 0.5, centered: true },
    adam: { type: 'adam', amsgrad: true },
    sgd: { type: 'sgd', momentum: 0.9 },
    'sgd without momentum': { type: 'sgd' },
    adagrad: { type: 'adagrad' },
    adamw: { type: 'adamw', clipnorm: 1 },
    'adamw without decay': { type: 'adamw', weight_decay: null },
    nadam: { type: 'nadam' },
    adamax: { type: 'adamax' },
    adadelta: { type: 'adadelta' },
    lion: { type: 'lion', weight_decay: 0.01 },
    'adam with a schedule': {
      type: 'adam',
      learning_rate: { type: 'cosine_decay', initial_learning_rate: 0.01, decay_steps: 100 },
    },
  };

  it.each(Object.entries(SLOTS))(
    'holds the weights and the state of %s, in the order of Keras',
    async (_, optimizer) => {
      const trained = await trainedModel({ optimizer, model: { hidden_units: [8], dropout: 0.2 } });
      const exported = trained.exported('raw');
      const members = unzip(encodeAs('keras', exported, 'keras'));
      expect([...members.keys()]).toEqual(['metadata.json', 'config.json', 'model.weights.h5']);
      const file = await openHdf5(members.get('model.weights.h5')!);
      const at = (path: string) =>
        (file.get(path) as { value: unknown; shape: number[] } | null) ?? undefined;
      const layers = layersOf(exported, exported.file.weights);
      expect(at('layers/dense/vars/0')?.value).toEqual(layers[0]!.kernel);
      expect(at('layers/dense/vars/0')?.shape).toEqual([784, 8]);
      expect(at('layers/dense/vars/1')?.value).toEqual(layers[0]!.bias);
      expect(at('layers/dense_1/vars/0')?.value).toEqual(layers[1]!.kernel);
      expect(at('layers/dropout/seed_generator/vars/0')?.value).toEqual(Uint32Array.of(42, 0));
      expect(at('optimizer/vars/0')?.value).toBe(150);
      const { type, learning_rate } = exported.spec.optimizer;
      // Keras keeps no rate of a schedule.
      const first = typeof learning_rate === 'number' ? 2 : 1;
      if (first === 2) expect(at('optimizer/vars/1')?.value).toBeCloseTo(nominalRate(learning_rate));

      const { slots, powers } = exported.file.optimizer!;
      const variables = (name: string) => {
        const { values } = slots.find((slot) => slot.name === name)!;
        return layersOf(exported, values).flatMap(({ kernel, bias }) => [kernel, bias]);
      };
      const pairs = (one: string, other: string) =>
        variables(one).flatMap((values, v) => [values, variables(other)[v]!]);
      const expected: Float32Array[] = {
        rmsprop: () => [...variables('mean_square'), ...variables('momentum'), ...variables('mean_gradient')],
        adam: () => [
          ...pairs('first_moment', 'second_moment'),
          ...(slots.length > 2 ? variables('largest_second_moment') : []),
        ],
        adamw: () => pairs('first_moment', 'second_moment'),
        nadam: () => pairs('first_moment', 'second_moment'),
        adamax: () => pairs('first_moment', 'infinity_norm'),
        adadelta: () => pairs('mean_square', 'mean_square_update'),
        lion: () => variables('first_moment'),
        sgd: () => (slots.length === 0 ? [] : variables('momentum')),
        adagrad: () => variables('accumulator'),
      }[type]();
      for (const [v, values] of expected.entries())
        expect(at(`optimizer/vars/${v + first}`)?.value).toEqual(values);
      const end = at(`optimizer/vars/${expected.length + first}`);
      if (type === 'nadam') expect(end?.value).toBeCloseTo(powers[1]!);
      else expect(end).toBeUndefined();
    },
  );

  it('of a job without a stored optimizer is not compiled, and has its weights', async () => {
    const exported = model.exported('raw');
    const { weights } = exported.file;
    const members = unzip(encodeAs('keras', { ...exported, file: { weights } }, 'keras'));
    expect(JSON.parse(members.get('config.json')!.toString('utf8'))).not.toHaveProperty('compile_config');
    const file = await openHdf5(members.get('model.weights.h5')!);
    expect(file.keys()).toEqual(['layers']);
    expect(encodeAs('weights.h5', { ...exported, file: { weights } }, 'keras')).toEqual(
      members.get('model.weights.h5'),
    );
  });
});

interface SafetensorsHeader {
  [name: string]: { dtype: string; shape: number[]; data_offsets: [number, number] };
}

/** As the format's own documentation says to read it. */
function openSafetensors(bytes: Uint8Array) {
  const file = Buffer.from(bytes);
  const length = Number(file.readBigUInt64LE(0));
  expect(length % 8).toBe(0);
  const { __metadata__: metadata, ...tensors } = JSON.parse(
    file.toString('utf8', 8, 8 + length),
  ) as SafetensorsHeader & { __metadata__: Record<string, string> };
  let offset = 0;
  const values = Object.entries(tensors).map(([name, { dtype, shape, data_offsets }]) => {
    expect([dtype, data_offsets[0]]).toEqual(['F32', offset]);
    offset = data_offsets[1];
    const part = file.subarray(8 + length + data_offsets[0], 8 + length + offset);
    return { name, shape, values: new Float32Array(Uint8Array.from(part).buffer) };
  });
  expect(8 + length + offset).toBe(file.length);
  return { metadata, tensors: values };
}

describe('safetensors', () => {
  it('has kernels as Keras lays them out', () => {
    const exported = model.exported('raw');
    const { metadata, tensors } = openSafetensors(encodeAs('safetensors', exported, 'keras'));
    expect(Object.values(metadata).every((value) => typeof value === 'string')).toBe(true);
    expect(metadata).toMatchObject({
      name: 'Ein Name',
      activation: 'tanh',
      weights_sha256: exported.weightsSha256,
    });
    expect(tensors.map(({ name, shape }) => [name, ...shape])).toEqual([
      ['dense/kernel', 784, 32],
      ['dense/bias', 32],
      ['dense_1/kernel', 32, 16],
      ['dense_1/bias', 16],
      ['dense_2/kernel', 16, 10],
      ['dense_2/bias', 10],
    ]);
    expect(Float32Array.from(tensors.flatMap(({ values }) => [...values]))).toEqual(exported.file.weights);
  });

  it('has transposed weights for PyTorch', () => {
    const exported = model.exported('raw');
    const { tensors } = openSafetensors(encodeAs('safetensors', exported, 'torch'));
    expect(tensors.map(({ name, shape }) => [name, ...shape])).toEqual([
      ['0.weight', 32, 784],
      ['0.bias', 32],
      ['2.weight', 16, 32],
      ['2.bias', 16],
      ['4.weight', 10, 16],
      ['4.bias', 10],
    ]);
    const { kernel, inputs, outputs } = layersOf(exported, exported.file.weights)[0]!;
    for (const [i, o] of [
      [0, 0],
      [300, 7],
      [783, 31],
    ] as const) {
      expect(tensors[0]!.values[o * inputs + i]).toBe(kernel[i * outputs + o]);
    }
  });
});

it('json has the same float32 numbers', () => {
  const exported = model.exported('raw');
  const { layers, classes, object } = JSON.parse(
    Buffer.from(encodeAs('json', exported, 'keras')).toString('utf8'),
  );
  expect({ object, classes }).toEqual({ object: 'model', classes: exported.data.classes });
  const numbers = layers.flatMap((layer: { weights: number[][]; biases: number[] }) => [
    ...layer.weights.flat(),
    ...layer.biases,
  ]);
  expect(Float32Array.from(numbers)).toEqual(exported.file.weights);
});

it.each(['safetensors', 'onnx', 'keras', 'json', 'tfjs-model'] as const)(
  '%s has the same bytes each time',
  (format) => {
    const once = encodeAs(format, model.exported('raw'), 'keras');
    expect(Buffer.from(encodeAs(format, model.exported('raw'), 'keras')).equals(once)).toBe(true);
  },
);
