import type {
  Engine,
  EngineOptions,
  EngineState,
  EpochEnd,
  ImageSource,
  Predictions,
  Totals,
} from '../engine.ts';
import { Guards } from '../guards.ts';
import type { ModelLayout } from '../model-layout.ts';
import { initialSlotValue, powerCount, SMALLEST_NORMAL, slotNames } from '../optimizer-state.ts';
import { initialiseWeights } from '../random.ts';
import * as header from './header.ts';
import {
  type KernelMemory,
  type KernelShape,
  kernelMemory,
  MAX_KERNEL_BYTES,
  PAGE_BYTES,
  RAW_ROWS,
  type Region,
} from './memory.ts';
import { readPanels, writePanels } from './panels.ts';
import { writeKernelHeader } from './setup.ts';

/**
 * The routines of wasm/assembly/train.ts and wasm/assembly/epoch-end.ts, or their counterparts in C. Addresses are byte
 * offsets into the kernel's memory.
 */
export interface Kernel {
  train(from: number, steps: number): number;
  packImages(starts: number, from: number, images: number, rows: number): void;
  measure(starts: number, labels: number, rows: number, B: number, training: boolean): void;
  settleRows(): void;
  /** 1 or 0. */
  isFinite(): number;
  /** 1 or 0. */
  denormalsAreAlive(smallest: number): number;
}

/**
 * An engine whose arithmetic is a compiled kernel: the wasm engine or the native one. This class owns the kernel's
 * memory, whose size is exactly kernelBytes(), and calls the kernel's routines in the right order.
 */
export class KernelEngine implements Engine {
  readonly layout: ModelLayout;
  readonly batchSize: number;
  /** The memory's layout, the memory, and the code that works in it. Public for tests only. */
  readonly map: KernelMemory;
  readonly memory: ArrayBuffer;
  readonly kernel: Kernel;
  readonly #memory: WebAssembly.Memory;
  readonly #source: ImageSource;
  readonly #guards: Guards;
  readonly #header: DataView;
  readonly #epochRows: number;
  readonly #slots: readonly string[];
  readonly #powers: readonly number[];

  /** bind: returns a kernel that works in the given memory. */
  constructor(bind: (memory: WebAssembly.Memory) => Kernel, options: EngineOptions) {
    const { layout, batchSize, epochRows, labels, optimizer, dropout } = options;
    this.layout = layout;
    this.batchSize = batchSize;
    this.#guards = new Guards(options);
    this.#epochRows = epochRows;
    const shape: KernelShape = { layout, optimizer, dropout, batchSize, epochRows, imageRows: labels.length };
    this.map = kernelMemory(shape);
    if (this.map.bytes > MAX_KERNEL_BYTES) {
      throw new Error(
        `the job needs ${this.map.bytes} bytes of memory; at most ${MAX_KERNEL_BYTES} are allowed`,
      );
    }
    const packed = this.#takeOver(options);
    const pages = this.map.bytes / PAGE_BYTES;
    this.#memory = packed ?? new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#source = options.source;
    this.memory = this.#memory.buffer;
    this.kernel = bind(this.#memory);
    if (!this.kernel.denormalsAreAlive(SMALLEST_NORMAL)) {
      throw new Error(
        'denormal numbers are switched off in this process, so its bits would differ from those of other engines',
      );
    }

    this.#header = new DataView(this.memory, 0, header.HEADER_BYTES);
    writeKernelHeader(this.memory, this.map, shape, options.activation, options.seed);
    this.#u32(this.map.imageStarts)[0] = this.map.litPixels.address;
    this.#u32(this.map.otherStarts)[0] = this.map.otherLitPixels.address;
    if (packed === undefined) this.#packImages(options);
    this.#bytes(this.map.labels).set(labels);
    this.#u32(this.map.otherRows).forEach((_, r, rows) => {
      rows[r] = r;
    });
    this.#slots = slotNames(optimizer);
    this.#powers = [header.POWER_1, header.POWER_2].slice(0, powerCount(optimizer));

    const weights = new Float32Array(layout.parameters);
    initialiseWeights(weights, layout, options.seed);
    this.#write(0, weights);
    this.#slots.forEach((_, s) => {
      this.#write(s + 1, weights.fill(initialSlotValue(optimizer)));
    });
  }

  train(order: Uint32Array, from: number, steps: number): number {
    this.#guards.assertNext(order, from, this.#epochStep);
    const there = Math.min(steps, this.#guards.stepsPerEpoch - from);
    const first = from * this.batchSize;
    const rows = order.subarray(first, first + there * this.batchSize);
    // For a row out of range the kernel would read the bytes of another row, or beyond the memory.
    const stray = rows.find((row) => row >= this.map.labels.bytes);
    if (stray !== undefined) throw new Error(`row ${stray} has no image`);
    this.#u32(this.map.order).set(rows, first);
    const trained = this.kernel.train(from, there);
    if (trained === there && there < steps) this.#guards.assertBatch(from + there);
    return trained;
  }

  endEpoch(): EpochEnd {
    this.#guards.assertEpochDone(this.#epochStep);
    this.kernel.settleRows();
    const lossSum = this.#header.getFloat64(header.LOSS_SUM, true);
    const correct = this.#header.getUint32(header.CORRECT, true);
    this.#header.setFloat64(header.LOSS_SUM, 0, true);
    this.#header.setUint32(header.CORRECT, 0, true);
    this.#header.setUint32(header.EPOCH_STEP, 0, true);
    return { lossSum, correct, rows: this.#epochRows, finite: this.kernel.isFinite() !== 0 };
  }

  evaluate(images: Uint8Array, labels: Uint8Array, from: number, to: number, totals: Totals): void {
    const losses = this.#f32(this.map.losses);
    const predicted = this.#u32(this.map.predicted);
    for (let start = from; start < to; start += this.batchSize) {
      const B = this.#measure(images, labels, start, to);
      for (let r = 0; r < B; r += 1) {
        totals.lossSum += losses[r];
        if (predicted[r] === labels[start + r]) totals.correct += 1;
      }
    }
  }

  predict(images: Uint8Array, labels: Uint8Array, from: number, to: number): Predictions {
    const O = this.layout.classes;
    const predicted = new Uint16Array(to - from);
    const probabilities = new Float32Array((to - from) * O);
    const losses = new Float32Array(to - from);
    for (let start = from; start < to; start += this.batchSize) {
      const B = this.#measure(images, labels, start, to);
      predicted.set(this.#u32(this.map.predicted).subarray(0, B), start - from);
      losses.set(this.#f32(this.map.losses).subarray(0, B), start - from);
      this.#copyProbabilities(B, probabilities, (start - from) * O);
    }
    return { predicted, probabilities, losses };
  }

  /** Copies the probabilities of the B rows measured last to (B, O) at `at`. */
  #copyProbabilities(B: number, to: Float32Array, at: number): void {
    const O = this.layout.classes;
    // The kernel leaves them in the deltas of the last layer: (panels, batch, PANEL_COLUMNS).
    const panels = this.#f32(this.map.layers.at(-1)!.deltas);
    const panelSize = this.map.batchPanelBytes / 4;
    const width = header.PANEL_COLUMNS;
    for (let first = 0; first < O; first += width) {
      const panel = (first / width) * panelSize;
      const columns = Math.min(width, O - first);
      for (let r = 0; r < B; r += 1) {
        for (let j = 0; j < columns; j += 1) to[at + r * O + first + j] = panels[panel + r * width + j];
      }
    }
  }

  /** Measures at most a batch of the rows start .. to - 1; returns how many. */
  #measure(images: Uint8Array, labels: Uint8Array, start: number, to: number): number {
    const { rawImages, otherStarts, otherLabels, otherRows } = this.map;
    const end = Math.min(start + this.batchSize, to);
    const I = this.layout.inputs;
    this.#bytes(rawImages).set(images.subarray(start * I, end * I));
    this.kernel.packImages(otherStarts.address, 0, rawImages.address, end - start);
    this.#bytes(otherLabels).set(labels.subarray(start, end));
    this.kernel.measure(otherStarts.address, otherLabels.address, otherRows.address, end - start, false);
    return end - start;
  }

  /**
   * The memory of the engine before this one, when it has the packed images of this one and room enough. All else in it
   * is set to zero. The engine before must not be used any more.
   */
  #takeOver({ previous, source, labels }: EngineOptions): WebAssembly.Memory | undefined {
    if (!(previous instanceof KernelEngine) || previous.#source !== source) return undefined;
    const { imageStarts, litPixels } = this.map;
    const isAlike =
      previous.map.labels.bytes === labels.length && previous.layout.inputs === this.layout.inputs;
    if (!isAlike || previous.memory.byteLength < this.map.bytes) return undefined;
    const bytes = new Uint8Array(previous.memory, 0, this.map.bytes);
    bytes.fill(0, 0, imageStarts.address);
    bytes.fill(0, litPixels.address + litPixels.bytes);
    return previous.#memory;
  }

  /** Fills the list of lit pixels of all training images. */
  #packImages({ labels, source }: EngineOptions): void {
    const { imageStarts, rawImages } = this.map;
    const I = this.layout.inputs;
    for (let from = 0; from < labels.length; from += RAW_ROWS) {
      const rows = Math.min(RAW_ROWS, labels.length - from);
      source.readImages(this.#bytes(rawImages).subarray(0, rows * I), from);
      this.kernel.packImages(imageStarts.address, from, rawImages.address, rows);
    }
  }

  state(): EngineState {
    this.#guards.assertBetweenEpochs(this.#epochStep);
    return {
      weights: this.#read(0),
      slots: this.#slots.map((name, s) => ({ name, values: this.#read(s + 1) })),
      powers: this.#powers.map((place) => this.#header.getFloat64(place, true)),
      steps: this.#header.getUint32(header.JOB_STEP, true),
    };
  }

  restore(state: EngineState): void {
    this.#guards.assertBetweenEpochs(this.#epochStep);
    this.#guards.assertOwnState(state);
    this.#write(0, state.weights);
    state.slots.forEach(({ values }, s) => {
      this.#write(s + 1, values);
    });
    this.#powers.forEach((place, k) => {
      this.#header.setFloat64(place, state.powers[k], true);
    });
    this.#header.setUint32(header.JOB_STEP, state.steps, true);
  }

  /** block: 0 = the weights, 1 = the first slot, and so on. flat: (P). */
  #write(block: number, flat: Float32Array): void {
    writePanels(this.memory, block * this.map.slotDistance, flat, this.map.layers);
  }

  #read(block: number): Float32Array {
    const flat = new Float32Array(this.layout.parameters);
    readPanels(flat, this.memory, block * this.map.slotDistance, this.map.layers);
    return flat;
  }

  get #epochStep(): number {
    return this.#header.getUint32(header.EPOCH_STEP, true);
  }

  #bytes({ address, bytes }: Region): Uint8Array {
    return new Uint8Array(this.memory, address, bytes);
  }

  #u32({ address, bytes }: Region): Uint32Array {
    return new Uint32Array(this.memory, address, bytes / 4);
  }

  #f32({ address, bytes }: Region): Float32Array {
    return new Float32Array(this.memory, address, bytes / 4);
  }
}
