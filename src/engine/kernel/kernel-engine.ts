import type {
  Engine,
  EngineOptions,
  EngineState,
  EpochEnd,
  Predictions,
  StepFigures,
  Targets,
  Totals,
  ValueSource,
  Values,
} from '../engine.ts';
import { Guards } from '../guards.ts';
import { initialiseWeights } from '../initial-weights.ts';
import type { ModelLayout } from '../model-layout.ts';
import { initialSlotValue, powerCount, SMALLEST_NORMAL, slotNames } from '../optimizer-state.ts';
import { hasPenalty, type Penalty, penaltyOf } from '../penalty.ts';
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
import { readPanels, readPlaces, writePanels } from './panels.ts';
import { writeKernelHeader } from './setup.ts';

/**
 * The routines of wasm/assembly/train.ts and wasm/assembly/epoch-end.ts, or their counterparts in C. Addresses are byte
 * offsets into the kernel's memory.
 */
export interface Kernel {
  train(from: number, steps: number): number;
  packRows(starts: number, from: number, values: number, rows: number): void;
  measure(starts: number, targets: number, rows: number, B: number, training: boolean): void;
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
  readonly #source: ValueSource;
  readonly #isNumber: boolean;
  readonly #guards: Guards;
  readonly #header: DataView;
  readonly #epochRows: number;
  readonly #penalty: Penalty;
  readonly #slots: readonly string[];
  readonly #powers: readonly number[];

  /** bind: returns a kernel that works in the given memory. */
  constructor(bind: (memory: WebAssembly.Memory) => Kernel, options: EngineOptions) {
    const { layout, batchSize, epochRows, targets, optimizer, activation, dropout, loss, source } = options;
    this.layout = layout;
    this.batchSize = batchSize;
    this.#guards = new Guards(options);
    this.#epochRows = epochRows;
    this.#penalty = { l1: options.l1, l2: options.l2 };
    this.#isNumber = loss !== 'categorical_crossentropy';
    const { storage } = source;
    const trainRows = targets.length;
    const shape: KernelShape = {
      layout,
      l1: options.l1,
      l2: options.l2,
      optimizer,
      activation,
      dropout,
      batchSize,
      epochRows,
      trainRows,
      storage,
    };
    this.map = kernelMemory(shape);
    if (this.map.bytes > MAX_KERNEL_BYTES) {
      throw new Error(
        `the job needs ${this.map.bytes} bytes of memory; at most ${MAX_KERNEL_BYTES} are allowed`,
      );
    }
    const packed = this.#takeOver(options);
    const pages = this.map.bytes / PAGE_BYTES;
    this.#memory = packed ?? new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#source = source;
    this.memory = this.#memory.buffer;
    this.kernel = bind(this.#memory);
    if (!this.kernel.denormalsAreAlive(SMALLEST_NORMAL)) {
      throw new Error(
        'denormal numbers are switched off in this process, so its bits would differ from those of other engines',
      );
    }

    this.#header = new DataView(this.memory, 0, header.HEADER_BYTES);
    writeKernelHeader(this.memory, this.map, shape, options);
    this.#u32(this.map.rowStarts)[0] = this.map.nonzeros.address;
    this.#u32(this.map.otherStarts)[0] = this.map.otherNonzeros.address;
    if (packed === undefined) this.#packRows(options);
    this.#targets(this.map.targets).set(targets);
    this.#u32(this.map.otherRows).forEach((_, r, rows) => {
      rows[r] = r;
    });
    this.#slots = slotNames(optimizer);
    this.#powers = [header.POWER_1, header.POWER_2, header.POWER_3].slice(0, powerCount(optimizer));

    const weights = new Float32Array(layout.parameters);
    initialiseWeights(weights, options);
    this.#write(0, weights);
    this.#slots.forEach((_, s) => {
      this.#write(s + 1, weights.fill(initialSlotValue(optimizer)));
    });
  }

  train(order: Uint32Array, from: number, rates: Float64Array): number {
    this.#guards.assertNext(order, from, this.#epochStep);
    const steps = rates.length;
    const there = Math.min(steps, this.#guards.stepsPerEpoch - from);
    const first = from * this.batchSize;
    const rows = order.subarray(first, first + (there + 1) * this.batchSize);
    // For a row out of range the kernel would read another row, or beyond the memory.
    const stray = rows.find((row) => row >= this.map.targets.bytes / 4);
    if (stray !== undefined) throw new Error(`row ${stray} has no values`);
    this.#u32(this.map.order).set(rows, first);
    new Float64Array(this.memory, this.map.rates.address).set(rates.subarray(0, there), from);
    const trained = this.kernel.train(from, there);
    if (trained === there && there < steps) this.#guards.assertBatch(from + there);
    return trained;
  }

  measureStep(
    order: Uint32Array,
    from: number,
    rate: number,
    fired: readonly Uint8Array[],
  ): StepFigures | null {
    const view = this.#header;
    const before = this.#takeTotals();
    view.setUint32(header.MEASURES, 1, true);
    const trained = this.train(order, from, Float64Array.of(rate));
    view.setUint32(header.MEASURES, 0, true);
    const totals = this.#takeTotals();
    view.setFloat64(header.LOSS_SUM, before.lossSum + totals.lossSum, true);
    view.setUint32(header.CORRECT, before.correct + totals.correct, true);
    view.setFloat64(header.ABSOLUTE_ERROR, before.absoluteError + totals.absoluteError, true);
    if (trained === 0) return null;
    const rows = Math.min(this.batchSize, this.#epochRows - from * this.batchSize);
    fired.forEach((units, l) => {
      this.#markFiring(units, this.map.layers[l].out, rows);
    });
    const squares = Float64Array.from({ length: 2 * this.map.layers.length }, (_, k) => {
      const record = header.LAYER_RECORDS + (k >> 1) * header.LAYER_RECORD_BYTES;
      return view.getFloat64(record + (k % 2 === 0 ? header.KERNEL_SQUARES : header.BIAS_SQUARES), true);
    });
    return { ...totals, rows, squares };
  }

  /** Looks only at units that are not marked yet, few after some steps. out: (panels, B, 16). */
  #markFiring(units: Uint8Array, out: Region, rows: number): void {
    const outputs = this.#f32(out);
    const panelSize = this.map.batchPanelBytes / 4;
    const width = header.PANEL_COLUMNS;
    for (let j = 0; j < units.length; j += 1) {
      if (units[j] === 1) continue;
      const at = Math.floor(j / width) * panelSize + (j % width);
      for (let r = 0; r < rows && units[j] === 0; r += 1) if (outputs[at + r * width] > 0) units[j] = 1;
    }
  }

  /** The totals of the epoch so far, which begin anew. */
  #takeTotals(): Totals {
    const view = this.#header;
    const totals: Totals = {
      lossSum: view.getFloat64(header.LOSS_SUM, true),
      correct: view.getUint32(header.CORRECT, true),
      absoluteError: view.getFloat64(header.ABSOLUTE_ERROR, true),
    };
    view.setFloat64(header.LOSS_SUM, 0, true);
    view.setUint32(header.CORRECT, 0, true);
    view.setFloat64(header.ABSOLUTE_ERROR, 0, true);
    return totals;
  }

  endEpoch(): EpochEnd {
    this.#guards.assertEpochDone(this.#epochStep);
    this.kernel.settleRows();
    const totals = this.#takeTotals();
    this.#header.setUint32(header.EPOCH_STEP, 0, true);
    return { ...totals, rows: this.#epochRows, finite: this.kernel.isFinite() !== 0 };
  }

  evaluate(values: Values, targets: Targets, from: number, to: number, totals: Totals): void {
    const losses = this.#f32(this.map.losses);
    const predicted = this.#u32(this.map.predicted);
    // (B, PANEL_COLUMNS): the first column has the errors.
    const errors = this.#f32(this.map.layers.at(-1)!.deltas);
    for (let start = from; start < to; start += this.batchSize) {
      const B = this.#measure(values, targets, start, to);
      for (let r = 0; r < B; r += 1) {
        totals.lossSum += losses[r];
        if (this.#isNumber) totals.absoluteError += Math.abs(errors[r * header.PANEL_COLUMNS]);
        else if (predicted[r] === targets[start + r]) totals.correct += 1;
      }
    }
  }

  predict(values: Values, targets: Targets, from: number, to: number): Predictions {
    const O = this.layout.outputs;
    const predicted = new Uint16Array(to - from);
    const outputs = new Float32Array((to - from) * O);
    const losses = new Float32Array(to - from);
    for (let start = from; start < to; start += this.batchSize) {
      const B = this.#measure(values, targets, start, to);
      if (!this.#isNumber) predicted.set(this.#u32(this.map.predicted).subarray(0, B), start - from);
      losses.set(this.#f32(this.map.losses).subarray(0, B), start - from);
      this.#copyOutputs(B, outputs, (start - from) * O);
    }
    return { predicted, outputs, losses };
  }

  /** Copies the outputs of the B rows measured last to (B, O) at `at`. */
  #copyOutputs(B: number, to: Float32Array, at: number): void {
    const O = this.layout.outputs;
    const { out, deltas } = this.map.layers.at(-1)!;
    // The kernel leaves probabilities in the deltas of the last layer: (panels, batch, PANEL_COLUMNS).
    const panels = this.#f32(this.#isNumber ? out : deltas);
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
  #measure(values: Values, targets: Targets, start: number, to: number): number {
    const { rawRows, otherStarts, otherTargets, otherRows } = this.map;
    const end = Math.min(start + this.batchSize, to);
    const I = this.layout.inputs;
    this.#values(rawRows, (end - start) * I).set(values.subarray(start * I, end * I));
    this.kernel.packRows(otherStarts.address, 0, rawRows.address, end - start);
    this.#targets(otherTargets).set(targets.subarray(start, end));
    this.kernel.measure(otherStarts.address, otherTargets.address, otherRows.address, end - start, false);
    return end - start;
  }

  /**
   * The memory of the engine before this one, when it has the packed rows of this one and room enough. All else in it
   * is set to zero. The engine before must not be used any more.
   */
  #takeOver({ previous, source, targets }: EngineOptions): WebAssembly.Memory | undefined {
    if (!(previous instanceof KernelEngine) || previous.#source !== source) return undefined;
    const { rowStarts, nonzeros } = this.map;
    const isAlike =
      previous.map.targets.bytes === 4 * targets.length && previous.layout.inputs === this.layout.inputs;
    if (!isAlike || previous.memory.byteLength < this.map.bytes) return undefined;
    const bytes = new Uint8Array(previous.memory, 0, this.map.bytes);
    bytes.fill(0, 0, rowStarts.address);
    bytes.fill(0, nonzeros.address + nonzeros.bytes);
    return previous.#memory;
  }

  /** Packs all training rows. */
  #packRows({ targets, source }: EngineOptions): void {
    const { rowStarts, rawRows } = this.map;
    const I = this.layout.inputs;
    for (let from = 0; from < targets.length; from += RAW_ROWS) {
      const rows = Math.min(RAW_ROWS, targets.length - from);
      source.readValues(this.#values(rawRows, rows * I), from);
      this.kernel.packRows(rowStarts.address, from, rawRows.address, rows);
    }
  }

  penalty(): number {
    if (!hasPenalty(this.#penalty)) return 0;
    return penaltyOf(this.#read(0), { layout: this.layout, ...this.#penalty });
  }

  valuesAt(places: Uint32Array, slot?: string): Float32Array {
    const block = slot === undefined ? 0 : this.#slots.indexOf(slot) + 1;
    return readPlaces(places, this.memory, block * this.map.slotDistance, this.map.layers);
  }

  powers(): number[] {
    return this.#powers.map((place) => this.#header.getFloat64(place, true));
  }

  state(): EngineState {
    this.#guards.assertBetweenEpochs(this.#epochStep);
    return {
      weights: this.#read(0),
      slots: this.#slots.map((name, s) => ({ name, values: this.#read(s + 1) })),
      powers: this.powers(),
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

  /** The first n values of a region, in the source's storage. */
  #values({ address }: Region, n: number): Values {
    return this.#source.storage === 'u8'
      ? new Uint8Array(this.memory, address, n)
      : new Float32Array(this.memory, address, n);
  }

  /** A region of targets: numbers, or classes. */
  #targets(region: Region): Float32Array | Uint32Array {
    return this.#isNumber ? this.#f32(region) : this.#u32(region);
  }

  #u32({ address, bytes }: Region): Uint32Array {
    return new Uint32Array(this.memory, address, bytes / 4);
  }

  #f32({ address, bytes }: Region): Float32Array {
    return new Float32Array(this.memory, address, bytes / 4);
  }
}
