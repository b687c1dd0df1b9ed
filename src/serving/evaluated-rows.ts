import { PNG } from 'pngjs';
import type { Dataset } from '../dataset/prepared.ts';
import { RowReader } from '../training/row-reader.ts';
import type { Predicted } from '../training/tally.ts';
import type { EvaluatedRow, RowsTask } from './model-task.ts';

/** The test rows of a class, or of those that a model took for another, and their images on one sheet. */

/** Finds the rows in file order. predictions: as in the model's file. */
export function findRows(
  { targets }: Dataset['test'],
  predictions: Predicted,
  { actual, predicted, from, limit }: Pick<RowsTask, 'actual' | 'predicted' | 'from' | 'limit'>,
): { rows: EvaluatedRow[]; total: number; hasMore: boolean } {
  const rows: EvaluatedRow[] = [];
  let [total, hasMore] = [0, false];
  for (const [index, choice] of predictions.entries()) {
    const label = targets[index]!;
    if ((actual ?? label) !== label || (predicted ?? choice) !== choice) continue;
    total += 1;
    if (index < from) continue;
    if (rows.length < limit) rows.push({ index, actual: label, predicted: choice });
    else hasMore = true;
  }
  return { rows, total, hasMore };
}

/** px: small images are enlarged to about this, and have a gap around them. */
const LEAST_SIDE = 56;
const GAP = 4;
const PAPER = 128;

/**
 * The images of the rows as PNG: in lines, from left to right, on a square sheet of grey. There must be a row, and the
 * dataset must have images.
 */
export function drawSheet(
  { shape, test }: Dataset,
  rows: readonly Pick<EvaluatedRow, 'index'>[],
): Uint8Array {
  const { height, width, channels } = shape.image!;
  const zoom = Math.max(1, Math.round(LEAST_SIDE / Math.max(height, width)));
  const columns = Math.ceil(Math.sqrt(rows.length));
  const lines = Math.ceil(rows.length / columns);
  const sheetWidth = columns * (zoom * width + GAP) + GAP;
  const sheetHeight = lines * (zoom * height + GAP) + GAP;
  const colours = channels === 3 ? 3 : 1;
  const sheet = Buffer.alloc(sheetWidth * sheetHeight * colours, PAPER);
  const reader = new RowReader(test, shape.inputs);
  for (const [k, { index }] of rows.entries()) {
    const { values } = reader.read(index, 1);
    const left = GAP + (k % columns) * (zoom * width + GAP);
    const top = GAP + Math.floor(k / columns) * (zoom * height + GAP);
    for (let y = 0; y < zoom * height; y += 1) {
      for (let x = 0; x < zoom * width; x += 1) {
        const pixel = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * channels;
        const at = ((top + y) * sheetWidth + left + x) * colours;
        for (let c = 0; c < colours; c += 1) sheet[at + c] = values[pixel + c]!;
      }
    }
  }
  const png = new PNG({ width: sheetWidth, height: sheetHeight });
  png.data = sheet;
  const colorType = colours === 3 ? 2 : 0;
  return PNG.sync.write(png, { colorType, inputColorType: colorType, inputHasAlpha: false });
}
