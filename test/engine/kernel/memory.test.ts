import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { JobSpecSchema } from '../../../src/contract/job-spec.ts';
import {
  BYTE_VALUES,
  ENTRIES_END,
  HEADER_BYTES,
  LAYER_RECORD_BYTES,
  LAYER_RECORDS,
} from '../../../src/engine/kernel/header.ts';
import {
  type KernelShape,
  kernelBytes,
  kernelMemory,
  MAX_KERNEL_BYTES,
  PAGE_BYTES,
  type Region,
} from '../../../src/engine/kernel/memory.ts';
import { modelLayout } from '../../../src/engine/model-layout.ts';
import { createWasmEngine } from '../../../src/engine/wasm/wasm-engine.ts';
import { loadKernel } from '../../../src/engine/wasm/wasm-module.ts';
import { ACTIVATIONS, OPTIMIZERS, smallProblem } from '../small-problem.ts';

const kernel = await loadKernel();
if (typeof kernel === 'string') throw new Error(kernel);

const MNIST_ROWS = 48_000;

function mnistShape(spec: Record<string, unknown>): KernelShape {
  const { model, optimizer, training } = JobSpecSchema.parse(spec);
  return {
    layout: modelLayout(784, model.hidden_units, 10),
    optimizer,
    l1: model.l1,
    l2: model.l2,
    activation: model.activation,
    dropout: model.dropout,
    batchSize: training.batch_size,
    epochRows: MNIST_ROWS,
    trainRows: MNIST_ROWS,
    storage: 'u8',
  };
}

const shapes = fc.record({
  layout: fc
    .record({
      inputs: fc.integer({ min: 1, max: 900 }),
      hidden: fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 8 }),
      classes: fc.integer({ min: 1, max: 40 }),
    })
    .map(({ inputs, hidden, classes }) => modelLayout(inputs, hidden, classes)),
  optimizer: fc.constantFrom(...Object.values(OPTIMIZERS)),
  l1: fc.constant(0),
  l2: fc.constantFrom(0, 0.1),
  activation: fc.constantFrom(...ACTIVATIONS),
  dropout: fc.constantFrom(0, 0.5),
  batchSize: fc.integer({ min: 1, max: 4096 }),
  epochRows: fc.integer({ min: 1, max: 5000 }),
  trainRows: fc.integer({ min: 1, max: 5000 }),
  storage: fc.constantFrom('u8' as const, 'f32' as const),
});

describe('the memory map', () => {
  it('has regions that do not overlap', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { bytes, layers, parameters, slotDistance, batchPanelBytes, ...regions } = kernelMemory(shape);
        const all: Region[] = [
          parameters,
          ...layers.flatMap(({ out, slopes, kept, deltas }) => [
            ...[out, slopes, deltas],
            ...(kept === out ? [] : [kept]),
          ]),
          ...Object.values(regions),
        ].filter((region) => region.bytes > 0);
        all.sort((a, b) => a.address - b.address);
        let end = HEADER_BYTES;
        for (const region of all) {
          expect(region.address).toBeGreaterThanOrEqual(end);
          expect(region.address % 64).toBe(0);
          end = region.address + region.bytes;
        }
        expect(bytes).toBeGreaterThanOrEqual(end);
        expect(bytes - end).toBeLessThan(PAGE_BYTES + 64);
        expect(bytes % PAGE_BYTES).toBe(0);
        expect(slotDistance).toBeGreaterThanOrEqual(
          layers.reduce((sum, { weights }) => sum + weights.bytes, 0),
        );
      }),
    );
  });

  it('has room in the header for all entries and nine layers', () => {
    expect(ENTRIES_END).toBeLessThanOrEqual(LAYER_RECORDS);
    expect(LAYER_RECORDS + 9 * LAYER_RECORD_BYTES).toBeLessThanOrEqual(BYTE_VALUES);
    expect(BYTE_VALUES + 256 * 4).toBeLessThanOrEqual(HEADER_BYTES);
  });
});

describe('kernelBytes', () => {
  it('is exactly the memory of an engine, which can never grow', () => {
    const options = smallProblem({ hiddenUnits: [33], optimizer: OPTIMIZERS.adam! });
    const { map, memory } = createWasmEngine(kernel, options);
    expect(memory.byteLength).toBe(
      kernelBytes({ ...options, trainRows: options.targets.length, storage: 'u8' }),
    );
    expect(memory.byteLength).toBe(map.bytes);

    const { Memory } = WebAssembly;
    const sizes: unknown[] = [];
    class WatchedMemory extends Memory {
      constructor(size: { initial: number; maximum: number }) {
        super(size);
        sizes.push(size);
      }
    }
    vi.stubGlobal('WebAssembly', { Memory: WatchedMemory, Instance: WebAssembly.Instance });
    createWasmEngine(kernel, options);
    vi.unstubAllGlobals();
    const pages = map.bytes / PAGE_BYTES;
    expect(sizes).toEqual([{ initial: pages, maximum: pages }]);
  });

  it('is about 150 MB for the reference run, with room for images without a 0', () => {
    const images = MNIST_ROWS * 784 * 4;
    expect(kernelBytes(mnistShape({}))).toBeGreaterThan(images);
    expect(kernelBytes(mnistShape({}))).toBeLessThan(images + 4e6);
  });

  it('counts the item lists of large batches: 26 MB each for 4096 rows', () => {
    const small = kernelBytes(mnistShape({}));
    const large = kernelBytes(mnistShape({ training: { batch_size: 4096 } }));
    expect(large - small).toBeGreaterThan(2 * 4096 * 784 * 8 * 0.99);
  });

  it('allows every job within the limits of the API: at most 20 million parameters', () => {
    const optimizer = { type: 'rmsprop', centered: true, momentum: 0.9 };
    const bytesOf = (hidden_units: number[]) => {
      const shape = mnistShape({
        model: { hidden_units, activation: 'silu', dropout: 0.5 },
        optimizer,
        training: { batch_size: 4096 },
      });
      return shape.layout.parameters > 20_000_000 ? 0 : kernelBytes(shape);
    };
    // The worst case: the widest layers, with narrow ones between them to limit the number of parameters.
    expect(bytesOf([4096, 480, 4096, 480, 4096, 480, 4096, 480])).toBeGreaterThan(1e9);
    const widths = fc.array(fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 4096 })), {
      maxLength: 8,
    });
    fc.assert(fc.property(widths, (hidden) => bytesOf(hidden) <= MAX_KERNEL_BYTES));
  });

  it('refuses the largest model before allocating anything', () => {
    const largest = mnistShape({
      model: { hidden_units: new Array(8).fill(4096) },
      optimizer: { type: 'rmsprop', centered: true, momentum: 0.9 },
      training: { batch_size: 4096 },
    });
    expect(kernelBytes(largest)).toBeGreaterThan(MAX_KERNEL_BYTES);
    const options = {
      ...largest,
      kernelInitializer: 'glorot_uniform',
      outputInitializer: 'glorot_uniform',
      seed: 1,
      loss: 'categorical_crossentropy',
      labelSmoothing: 0,
      classWeights: null,
      source: { storage: 'u8', readValues: () => {} },
      targets: new Uint16Array(0),
    } as const;
    expect(() => createWasmEngine(kernel, options)).toThrow(/needs \d+ bytes of memory/);
  });
});
