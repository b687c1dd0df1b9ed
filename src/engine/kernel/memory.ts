import type { Optimizer } from '../../contract/optimizer.ts';
import type { DenseLayer, ModelLayout } from '../model-layout.ts';
import { decaysUntouchedSlots, slotNames } from '../optimizer-state.ts';
import { HEADER_BYTES, ITEM_BYTES, LIT_ROW_BYTES, PANEL_BYTES, PANEL_COLUMNS } from './header.ts';

/**
 * Where everything lies in the memory of a kernel, computed from shapes alone, so that what a job needs is
 * known before anything is loaded.
 *
 * Weights, their slots, outputs and deltas are cut into panels of 16 columns: a matrix (N, O) is kept as
 * (ceil(O / 16), N, 16), the last panel filled up with +0. The first layer's biases are one more row of its weights,
 * and so are those of the others.
 *
 * Dims: B = batch size, I = inputs of a layer, O = outputs of a layer, P = panels of the outputs.
 */

export interface KernelShape {
  readonly layout: ModelLayout;
  readonly optimizer: Optimizer;
  /** Share of each hidden layer's outputs left out in training. */
  readonly dropout: number;
  readonly batchSize: number;
  /** Rows an epoch visits. */
  readonly epochRows: number;
  /** Rows of the images that are trained on. */
  readonly imageRows: number;
}

/** A region's first byte and its length. */
export interface Region {
  readonly address: number;
  readonly bytes: number;
}

/** A layer's regions, beside its place in the flat buffer. */
export type KernelLayer = DenseLayer & {
  /** W and b: (P, I + 1, 16) float32, the last row of each panel being b. */
  readonly weights: Region;
  /** (P, B or B + 1, 16) float32: what the layer puts out; of the last layer the logits. */
  readonly out: Region;
  /** What the next layer takes in training: `out` after dropout; without dropout `out` itself. */
  readonly kept: Region;
  /** Like `out`: the gradient of the batch's mean loss with respect to the layer's sums x W + b. */
  readonly deltas: Region;
};

export interface KernelMemory {
  /** All of it, in whole pages of 64 KiB. */
  readonly bytes: number;
  readonly layers: readonly KernelLayer[];
  /** Weights and, behind them, as many slots of the same form. */
  readonly parameters: Region;
  readonly slotDistance: number;
  /** Bytes of a panel of outputs or deltas. */
  readonly batchPanelBytes: number;
  /** (steps of an epoch + 1) float32 where slots of untouched rows decay, otherwise nothing. */
  readonly decays: Region;
  /** (I of the first layer) u32. */
  readonly updatedAt: Region;
  /** (epoch rows) u32. */
  readonly order: Region;
  /** (R + 1) addresses, the lit pixels that begin there, and (R) bytes. Room for images of which every pixel is lit. */
  readonly imageStarts: Region;
  readonly litPixels: Region;
  readonly labels: Region;
  /** (RAW_ROWS or B, I) bytes: images on their way to be packed. */
  readonly rawImages: Region;
  /** The same for a batch of other images, (B), and 0 .. B - 1 as u32. */
  readonly otherStarts: Region;
  readonly otherLitPixels: Region;
  readonly otherLabels: Region;
  readonly otherRows: Region;
  /** The lists of wasm/assembly/pixel-items.ts, with room for a batch of which every pixel is lit. */
  readonly items: Region;
  readonly rowEnds: Region;
  readonly sortedItems: Region;
  readonly cursors: Region;
  readonly litRows: Region;
  readonly transposed: Region;
  /** (B) float32 and (B) u32. */
  readonly losses: Region;
  readonly predicted: Region;
}

export const PAGE_BYTES = 65_536;

/** What a job may take. A memory of 32 bits ends at 4 GiB; more than half of it does not help a job this small. */
export const MAX_KERNEL_BYTES = 2_147_483_648;

/** Images that are read and packed at once, the dataset's block. Memory that is never touched takes no room. */
export const RAW_ROWS = 1000;

const FLOAT32_BYTES = 4;
const U32_BYTES = 4;

/** Regions begin at cache lines. */
const ALIGNMENT = 64;

/** How many bytes of memory the kernel takes for a job; it runs only where they are at most MAX_KERNEL_BYTES. */
export function kernelBytes(shape: KernelShape): number {
  return kernelMemory(shape).bytes;
}

export function kernelMemory({
  layout,
  optimizer,
  dropout,
  batchSize: B,
  epochRows,
  imageRows,
}: KernelShape): KernelMemory {
  let end = HEADER_BYTES;
  const region = (bytes: number): Region => {
    const address = end;
    end += ceilTo(ALIGNMENT, bytes);
    return { address, bytes };
  };
  const panels = (columns: number) => Math.ceil(columns / PANEL_COLUMNS);
  const batchPanelBytes = ceilTo(2, B) * PANEL_BYTES;
  const I = layout.inputs;

  const weights = layout.layers.map(({ inputs, outputs }) =>
    region(panels(outputs) * (inputs + 1) * PANEL_BYTES),
  );
  const slotDistance = end - HEADER_BYTES;
  region(slotDistance * slotNames(optimizer).length);
  const parameters = { address: HEADER_BYTES, bytes: end - HEADER_BYTES };
  const layers = layout.layers.map((layer, l) => {
    const bytes = panels(layer.outputs) * batchPanelBytes;
    const out = region(bytes);
    const kept = dropout > 0 ? region(bytes) : out;
    return { ...layer, weights: weights[l], out, kept, deltas: region(bytes) };
  });
  // denseBackwardInputs writes up to three rows behind the last.
  const transposedBytes = layout.layers
    .slice(1)
    .map(({ inputs, outputs }) => (panels(inputs) * (outputs + 1) + 3) * PANEL_BYTES);
  const regions = {
    layers,
    parameters,
    slotDistance,
    batchPanelBytes,
    decays: region(decaysUntouchedSlots(optimizer) ? (Math.ceil(epochRows / B) + 1) * FLOAT32_BYTES : 0),
    updatedAt: region(I * U32_BYTES),
    order: region(epochRows * U32_BYTES),
    imageStarts: region((imageRows + 1) * U32_BYTES),
    litPixels: region(imageRows * I * U32_BYTES),
    labels: region(imageRows),
    rawImages: region(Math.max(B, RAW_ROWS) * I),
    otherStarts: region((B + 1) * U32_BYTES),
    otherLitPixels: region(B * I * U32_BYTES),
    otherLabels: region(B),
    otherRows: region(B * U32_BYTES),
    items: region(B * I * ITEM_BYTES),
    rowEnds: region(B * U32_BYTES),
    sortedItems: region(B * I * ITEM_BYTES),
    cursors: region(I * U32_BYTES),
    litRows: region(I * LIT_ROW_BYTES),
    transposed: region(Math.max(0, ...transposedBytes)),
    losses: region(B * FLOAT32_BYTES),
    predicted: region(B * U32_BYTES),
  };
  return { ...regions, bytes: ceilTo(PAGE_BYTES, end) };
}

/** The smallest multiple of `unit` that is not less than n. */
function ceilTo(unit: number, n: number): number {
  return Math.ceil(n / unit) * unit;
}
