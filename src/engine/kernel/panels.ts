import { PANEL_COLUMNS } from './header.ts';
import type { KernelLayer } from './memory.ts';

/**
 * Copies weights and slots between the layout's order, row-major (I, O) followed by b, and the kernel's panels
 * (P, I + 1, 16) with b as the last row. In both, b directly follows W, so the code treats it as row I.
 *
 * flat: (layout.parameters). distance: bytes from a layer's weights to the copied values; 0 for the weights themselves.
 */

/** Writes the flat buffer into the panels. The padding columns of the last panel stay +0. */
export function writePanels(
  memory: ArrayBuffer,
  distance: number,
  flat: Float32Array,
  layers: readonly KernelLayer[],
): void {
  forEachRow(memory, distance, layers, (panels, at, offset, columns) => {
    for (let c = 0; c < columns; c += 1) panels[at + c] = flat[offset + c];
  });
}

/** Reads the panels into the flat buffer. */
export function readPanels(
  flat: Float32Array,
  memory: ArrayBuffer,
  distance: number,
  layers: readonly KernelLayer[],
): void {
  forEachRow(memory, distance, layers, (panels, at, offset, columns) => {
    for (let c = 0; c < columns; c += 1) flat[offset + c] = panels[at + c];
  });
}

/** The values at some places of the flat buffer, ascending: (N). */
export function readPlaces(
  places: Uint32Array,
  memory: ArrayBuffer,
  distance: number,
  layers: readonly KernelLayer[],
): Float32Array {
  const values = new Float32Array(places.length);
  let k = 0;
  for (const { inputs: I, outputs: O, weights, weightsOffset } of layers) {
    const panels = new Float32Array(memory, weights.address + distance, weights.bytes / 4);
    const end = weightsOffset + (I + 1) * O;
    for (; k < places.length && places[k] < end; k += 1) {
      const i = Math.floor((places[k] - weightsOffset) / O);
      const j = (places[k] - weightsOffset) % O;
      const panel = Math.floor(j / PANEL_COLUMNS) * (I + 1);
      values[k] = panels[(panel + i) * PANEL_COLUMNS + (j % PANEL_COLUMNS)];
    }
  }
  return values;
}

/** Entries at .. at + columns - 1 of `panels` correspond to offset .. offset + columns - 1 of the flat buffer. */
type RowVisitor = (panels: Float32Array, at: number, offset: number, columns: number) => void;

function forEachRow(
  memory: ArrayBuffer,
  distance: number,
  layers: readonly KernelLayer[],
  visit: RowVisitor,
): void {
  for (const { inputs: I, outputs: O, weights, weightsOffset } of layers) {
    const panels = new Float32Array(memory, weights.address + distance, weights.bytes / 4);
    for (let p = 0; p * PANEL_COLUMNS < O; p += 1) {
      const first = p * PANEL_COLUMNS;
      const columns = Math.min(PANEL_COLUMNS, O - first);
      for (let i = 0; i <= I; i += 1) {
        visit(panels, (p * (I + 1) + i) * PANEL_COLUMNS, weightsOffset + i * O + first, columns);
      }
    }
  }
}
