import type { ReadLimits } from './limits.ts';
import type { MadeDataset } from './made-dataset.ts';
import type { NpyHeader } from './npy.ts';
import { cut, Places } from './places.ts';
import { refuseLarge } from './prepared-size.ts';
import { DatasetRefusedError } from './refusal.ts';
import type { ArchiveEntry } from './zip.ts';

/**
 * What the rows of an array x are: (rows, columns), a table, or (rows, height, width) or (rows, height, width,
 * channels).
 */

export type Values = Uint8Array | Float32Array | Float64Array;

export interface RowShape {
  readonly inputs: number;
  readonly image: MadeDataset['image'];
}

export interface ArrayRows {
  readonly header: NpyHeader;
  readonly shape: RowShape;
  readonly values: Values;
}

/** Of the columns of a table. */
export type Scale = 'none' | 'standard' | 'minmax';

/** rows: as many as there are targets. total: of train and test. @throws {DatasetRefusedError} */
export function rowShapeOf(
  entry: ArchiveEntry,
  header: NpyHeader,
  rows: number,
  total: number,
  scale: Scale,
  limits: ReadLimits,
): RowShape {
  const { shape } = header;
  const found = `It has the shape (${shape.join(', ')})`;
  const [count, ...sizes] = shape;
  if (sizes.length < 1 || sizes.length > 3 || sizes.some((size) => size < 1)) {
    throw refusedArray(
      entry,
      `${found}; rows are taken as (rows, columns), (rows, height, width) or (rows, height, width, channels). Reshape it, for example by x.reshape(len(x), -1).`,
    );
  }
  if (count !== rows) throw refusedArray(entry, `${found}, but there are targets for ${rows} rows.`);
  if (rows === 0) throw refusedArray(entry, 'It has no rows.');
  const [height, width, channels = 1] = sizes as [number, number, number?];
  if (channels > 4) {
    throw refusedArray(
      entry,
      `${found}: ${channels} channels. At most 4 are taken, and they come last: x.transpose(0, 2, 3, 1) turns PyTorch's order. Tables are (rows, columns).`,
    );
  }
  const image = sizes.length === 1 ? null : { height, width, channels };
  if (image !== null && scale !== 'none') {
    throw new DatasetRefusedError(
      `scale=${scale} is for tables, and these rows are images. Leave it away; images of uint8 are divided by 255 anyway.`,
    );
  }
  const inputs = sizes.reduce((product, size) => product * size, 1);
  refuseLarge(total, inputs, limits);
  return { inputs, image };
}

/** bytes: that values take while they are read. @throws {DatasetRefusedError} */
export function refuseUnpacked(entry: ArchiveEntry, bytes: number, limits: ReadLimits): void {
  if (bytes > limits.unpackedBytes) {
    throw refusedArray(
      entry,
      `It takes ${bytes} bytes while it is read; at most ${limits.unpackedBytes} are taken. Upload fewer rows.`,
    );
  }
}

/** Test rows must be like train rows. @throws {DatasetRefusedError} */
export function refuseOther(entry: ArchiveEntry, test: NpyHeader, train: NpyHeader): void {
  const same =
    test.shape.length === train.shape.length &&
    test.shape.every((size, d) => d === 0 || size === train.shape[d]);
  if (!same || test.type.name !== train.type.name) {
    throw refusedArray(
      entry,
      `It has the shape (${test.shape.join(', ')}) of ${test.type.name}, and x_train (${train.shape.join(', ')}) of ${train.type.name}. Rows must be alike.`,
    );
  }
}

/**
 * Bytes stay bytes in images; other numbers are rounded to float32 once, after scaling.
 * @throws {DatasetRefusedError}
 */
export function emptyFor(
  entry: ArchiveEntry,
  { type, count }: NpyHeader,
  { image }: RowShape,
  scale: Scale,
  limits: ReadLimits,
): Values {
  const floats = scale === 'none' ? Float32Array : Float64Array;
  const array = type.name === 'uint8' && image !== null ? Uint8Array : floats;
  refuseUnpacked(entry, count * array.BYTES_PER_ELEMENT, limits);
  return new array(count);
}

/** @throws {DatasetRefusedError} */
export function refuseNonFinite(values: Values, inputs: number, name: string): void {
  const file = cut(name);
  if (values instanceof Uint8Array) return;
  const places = new Places('Inputs must be finite numbers of float32, up to 3.4e38.');
  for (let k = 0; k < values.length; k += 1) {
    if (Number.isFinite(Math.fround(values[k]!))) continue;
    const [row, column] = [Math.floor(k / inputs), String(k % inputs)];
    places.add({
      file,
      row,
      column,
      found: String(values[k]),
      problem: 'Replace it, for example by np.nan_to_num(x).',
    });
  }
  places.refuse();
}

/** The rows of `values`, (R, inputs), in the order of `rows`. */
export function picked<Numbers extends Values | Uint16Array>(
  values: Numbers,
  inputs: number,
  rows: Uint32Array,
): Numbers {
  const result = new (values.constructor as new (length: number) => Numbers)(rows.length * inputs);
  rows.forEach((row, k) => {
    result.set(values.subarray(row * inputs, (row + 1) * inputs) as Numbers & ArrayLike<number>, k * inputs);
  });
  return result;
}

export const refusedArray = (entry: ArchiveEntry, problem: string): DatasetRefusedError =>
  new DatasetRefusedError('An array in the archive cannot be used.', [{ file: cut(entry.name), problem }]);
