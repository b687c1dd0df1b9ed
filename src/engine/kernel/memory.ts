import type { Activation } from '../../contract/activation.ts';
import type { DataShape } from '../../contract/data-shape.ts';
import type { Optimizer } from '../../contract/optimizer.ts';
import { ACTIVATION_TRAITS } from '../activation-traits.ts';
import type { DenseLayer, ModelLayout } from '../model-layout.ts';
import { decaysUntouchedSlots, slotNames } from '../optimizer-state.ts';
import {
  HEADER_BYTES,
  ITEM_BYTES,
  NONZERO_BYTE_BYTES,
  NONZERO_FLOAT_BYTES,
  PANEL_BYTES,
  PANEL_COLUMNS,
  TOUCHED_ROW_BYTES,
} from './header.ts';

/**
 * The layout of a kernel's memory, computed from shapes alone, so that the size a job needs is known before
 * anything is loaded.
 *
 * Weights, slots, outputs and deltas are split into panels of 16 columns: a matrix (N, O) is stored as
 * (ceil(O / 16), N, 16), with the last panel padded with +0. A layer's biases are one more row of its weights.
 *
 * Dims: B = batch size, I = inputs of a layer, O = outputs of a layer, P = panels of the outputs.
 */

export interface KernelShape {
  readonly layout: ModelLayout;
  readonly optimizer: Optimizer;
  readonly l1: number;
  readonly l2: number;
  readonly activation: Activation;
  /** Share of each hidden layer's outputs dropped in training. */
  readonly dropout: number;
  readonly batchSize: number;
  /** Rows an epoch visits. */
  readonly epochRows: number;
  /** Rows of training data. */
  readonly trainRows: number;
  readonly storage: DataShape['storage'];
}

/** A region's first byte and its length. */
export interface Region {
  readonly address: number;
  readonly bytes: number;
}

/** A layer's regions, and its place in the flat buffer. */
export type KernelLayer = DenseLayer & {
  /** W and b: (P, I + 1, 16) float32, the last row of each panel being b. */
  readonly weights: Region;
  /** (P, B or B + 1, 16) float32: the layer's outputs; for the last layer, the logits. */
  readonly out: Region;
  /** Like `out`: the derivatives of the activation; empty if it keeps none. */
  readonly slopes: Region;
  /** The next layer's inputs in training: `out` after dropout, or `out` itself without dropout. */
  readonly kept: Region;
  /** Like `out`: the gradient of the batch's mean loss with respect to the layer's sums x W + b. */
  readonly deltas: Region;
};

export interface KernelMemory {
  /** Total size, in whole pages of 64 KiB. */
  readonly bytes: number;
  /** (R + 1) addresses, and the nonzeros they point to, with room for rows without a 0. */
  readonly rowStarts: Region;
  readonly nonzeros: Region;
  readonly layers: readonly KernelLayer[];
  /** The weights, followed by the slots in the same form. */
  readonly parameters: Region;
  readonly slotDistance: number;
  /** All gradients of a step that needs their norms, in the form of the weights. */
  readonly gradients: Region;
  /** Bytes per panel of outputs or deltas. */
  readonly batchPanelBytes: number;
  /** (steps per epoch + 1) float32 if slots of untouched rows decay, otherwise empty. */
  readonly decays: Region;
  /** (I of the first layer) u32. */
  readonly updatedAt: Region;
  /** (epoch rows) u32. */
  readonly order: Region;
  /** (steps per epoch) float64. */
  readonly rates: Region;
  /** (R) u32 or float32. */
  readonly targets: Region;
  /** (RAW_ROWS or B, I) values: rows waiting to be packed. */
  readonly rawRows: Region;
  /** The same for a batch of rows that are not trained on; otherRows: 0 .. B - 1 as u32. */
  readonly otherStarts: Region;
  readonly otherNonzeros: Region;
  readonly otherTargets: Region;
  readonly otherRows: Region;
  /** The lists of wasm/assembly/nonzeros.ts, with room for a batch without a 0. */
  readonly items: Region;
  readonly rowEnds: Region;
  readonly sortedItems: Region;
  readonly cursors: Region;
  readonly touchedRows: Region;
  readonly transposed: Region;
  /** (B) float32 and (B) u32. */
  readonly losses: Region;
  readonly predicted: Region;
  /** (O) float32. */
  readonly classWeights: Region;
}

export const PAGE_BYTES = 65_536;

/** The most memory a job may take: half of the 4 GiB that 32 bits can address. */
export const MAX_KERNEL_BYTES = 2_147_483_648;

/** Rows that are read and packed together: one block of the dataset. Untouched pages of memory cost nothing. */
export const RAW_ROWS = 1000;

const FLOAT32_BYTES = 4;
const FLOAT64_BYTES = 8;
const U32_BYTES = 4;

/** Regions start at cache lines. */
const ALIGNMENT = 64;

/** Bytes of memory the kernel takes for a job; it refuses more than MAX_KERNEL_BYTES. */
export function kernelBytes(shape: KernelShape): number {
  return kernelMemory(shape).bytes;
}

export function kernelMemory(shape: KernelShape): KernelMemory {
  const { layout, optimizer, activation, dropout, batchSize: B, epochRows, trainRows, storage } = shape;
  let end = HEADER_BYTES;
  const region = (bytes: number): Region => {
    const address = end;
    end += ceilTo(ALIGNMENT, bytes);
    return { address, bytes };
  };
  const panels = (columns: number) => Math.ceil(columns / PANEL_COLUMNS);
  const batchPanelBytes = ceilTo(2, B) * PANEL_BYTES;
  const stepsPerEpoch = Math.ceil(epochRows / B);
  const I = layout.inputs;
  const nonzeroBytes = storage === 'u8' ? NONZERO_BYTE_BYTES : NONZERO_FLOAT_BYTES;
  const valueBytes = storage === 'u8' ? 1 : FLOAT32_BYTES;

  // In front of all that depends on the model, so that another model can take them over.
  const rowStarts = region((trainRows + 1) * U32_BYTES);
  const nonzeros = region(trainRows * I * nonzeroBytes);

  const firstWeights = end;
  const weights = layout.layers.map(({ inputs, outputs }) =>
    region(panels(outputs) * (inputs + 1) * PANEL_BYTES),
  );
  const slotDistance = end - firstWeights;
  region(slotDistance * slotNames(optimizer).length);
  const parameters = { address: firstWeights, bytes: end - firstWeights };
  const { keepsSlopes } = ACTIVATION_TRAITS[activation];
  const layers = layout.layers.map((layer, l) => {
    const bytes = panels(layer.outputs) * batchPanelBytes;
    const out = region(bytes);
    const slopes = region(keepsSlopes ? bytes : 0);
    const kept = dropout > 0 ? region(bytes) : out;
    return { ...layer, weights: weights[l], out, slopes, kept, deltas: region(bytes) };
  });
  // denseBackwardInputs writes up to three rows beyond the last.
  const transposedBytes = layout.layers
    .slice(1)
    .map(({ inputs, outputs }) => (panels(inputs) * (outputs + 1) + 3) * PANEL_BYTES);
  const regions = {
    rowStarts,
    nonzeros,
    layers,
    parameters,
    slotDistance,
    batchPanelBytes,
    decays: region(decaysUntouchedSlots(shape) ? (stepsPerEpoch + 1) * FLOAT32_BYTES : 0),
    updatedAt: region(I * U32_BYTES),
    order: region(epochRows * U32_BYTES),
    rates: region(stepsPerEpoch * FLOAT64_BYTES),
    targets: region(trainRows * U32_BYTES),
    rawRows: region(Math.max(B, RAW_ROWS) * I * valueBytes),
    otherStarts: region((B + 1) * U32_BYTES),
    otherNonzeros: region(B * I * nonzeroBytes),
    otherTargets: region(B * U32_BYTES),
    otherRows: region(B * U32_BYTES),
    items: region(B * I * ITEM_BYTES),
    rowEnds: region(B * U32_BYTES),
    sortedItems: region(B * I * ITEM_BYTES),
    cursors: region(I * U32_BYTES),
    touchedRows: region(I * TOUCHED_ROW_BYTES),
    transposed: region(Math.max(0, ...transposedBytes)),
    losses: region(B * FLOAT32_BYTES),
    predicted: region(B * U32_BYTES),
    classWeights: region(layout.outputs * FLOAT32_BYTES),
    // Behind all that each step uses: between those, it made every step 3 % slower.
    gradients: region(slotDistance),
  };
  return { ...regions, bytes: ceilTo(PAGE_BYTES, end) };
}

/** Rounds n up to a multiple of `unit`. */
function ceilTo(unit: number, n: number): number {
  return Math.ceil(n / unit) * unit;
}
