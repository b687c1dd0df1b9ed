import { PNG } from 'pngjs';
import type { Dataset } from '../dataset/prepared.ts';
import { RowReader } from '../training/row-reader.ts';
import type { ImageTask } from './model-task.ts';

/** A row's image as PNG, pixel by pixel. The dataset must have images. */
export function drawImage(
  dataset: Dataset,
  { split, index }: Pick<ImageTask, 'split' | 'index'>,
): Uint8Array {
  const { height, width, channels } = dataset.shape.image!;
  const { values } = new RowReader(dataset[split], dataset.shape.inputs).read(index, 1);
  const png = new PNG({ width, height });
  png.data = Buffer.from(values.subarray(0, height * width * channels));
  const colorType = channels === 3 ? 2 : 0;
  return PNG.sync.write(png, { colorType, inputColorType: colorType, inputHasAlpha: false });
}
