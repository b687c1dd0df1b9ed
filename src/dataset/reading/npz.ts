import { datasetOfArrays } from './array-dataset.ts';
import {
  type ArrayRows,
  emptyFor,
  picked,
  type RowShape,
  refusedArray,
  refuseNonFinite,
  refuseOther,
  refuseUnpacked,
  rowShapeOf,
  type Scale,
  type Values,
} from './array-rows.ts';
import { readTargets, type TargetArray } from './array-targets.ts';
import { ByteRun } from './byte-run.ts';
import type { ReadLimits } from './limits.ts';
import { listing } from './listing.ts';
import type { MadeDataset } from './made-dataset.ts';
import { NpyError, type NpyHeader, readNpyHeader, readNpyValues } from './npy.ts';
import type { NpzOptions } from './options.ts';
import { refuseTestSplit } from './own-split.ts';
import { refuseLarge } from './prepared-size.ts';
import { DatasetRefusedError } from './refusal.ts';
import { DEFAULT_TEST_SPLIT, splitRows } from './split.ts';
import { type Archive, type ArchiveEntry, withArchive } from './zip.ts';

/**
 * NumPy's archives of arrays: Keras's layout x_train, y_train, x_test, y_test, in the order given; or x, y, split here.
 * x is (rows, columns), a table, or (rows, height, width) or (rows, height, width, channels), images.
 */

const HOW =
  "Save them as np.savez_compressed('data.npz', x_train=..., y_train=..., x_test=..., y_test=...), or x=..., y=... to have them split.";

/** @throws {DatasetRefusedError} */
export async function readNpz(path: string, options: NpzOptions, limits: ReadLimits): Promise<MadeDataset> {
  return await withArchive(path, limits, async (archive) => {
    const arrays = new Map(archive.entries.map((entry) => [entry.name, entry]));
    const own = ['x_train', 'y_train', 'x_test', 'y_test'].map((name) => arrays.get(`${name}.npy`));
    const whole = ['x', 'y'].map((name) => arrays.get(`${name}.npy`));
    const used = (own.every(Boolean) ? own : whole) as ArchiveEntry[];
    if (!used.every(Boolean)) {
      const found = archive.entries.map(({ name }) => name.replace(/\.npy$/, ''));
      throw new DatasetRefusedError(
        `The archive has ${found.length === 0 ? 'no arrays' : `the arrays ${listing(found)}`}. ${HOW}`,
      );
    }
    const rest = archive.entries.filter((entry) => !used.includes(entry)).map(({ name }) => name);
    const notes = rest.length === 0 ? [] : [`Not used: ${listing(rest)}.`];
    return used.length === 4
      ? await ownSplit(archive, used, options, limits, notes)
      : await ourSplit(archive, used, options, limits, notes);
  });
}

async function ownSplit(
  archive: Archive,
  [xTrain, yTrain, xTest, yTest]: readonly ArchiveEntry[],
  options: NpzOptions,
  limits: ReadLimits,
  notes: readonly string[],
): Promise<MadeDataset> {
  refuseTestSplit(options.test_split);
  const arrays = [await readTarget(archive, yTrain!, limits), await readTarget(archive, yTest!, limits)];
  const targets = readTargets(arrays, options.task);
  const total = arrays[0]!.rows + arrays[1]!.rows;
  const train = await readRows(archive, xTrain!, arrays[0]!.rows, total, options.scale ?? 'none', limits);
  const test = await readRows(
    archive,
    xTest!,
    arrays[1]!.rows,
    total,
    options.scale ?? 'none',
    limits,
    train.header,
  );
  const order = 'The file has train and test rows, which keep their order.';
  return datasetOfArrays(
    train,
    [train.values, test.values],
    targets,
    { scale: options.scale ?? 'none', test_split: null },
    [order, ...notes],
  );
}

async function ourSplit(
  archive: Archive,
  [x, y]: readonly ArchiveEntry[],
  options: NpzOptions,
  limits: ReadLimits,
  notes: readonly string[],
): Promise<MadeDataset> {
  const array = await readTarget(archive, y!, limits);
  const targets = readTargets([array], options.task);
  const [all] = targets.targets as [Uint16Array | Float64Array];
  const rows = await readRows(archive, x!, array.rows, array.rows, options.scale ?? 'none', limits);
  const testSplit = options.test_split ?? DEFAULT_TEST_SPLIT;
  const split = splitRows(array.rows, testSplit, all instanceof Uint16Array ? all : null);
  const parts = [split.train, split.test];
  const note = `${split.train.length} rows are for training and ${split.test.length} for testing, drawn by row number${targets.classes ? ' within each class' : ''}.`;
  return datasetOfArrays(
    rows,
    parts.map((part) => picked(rows.values, rows.shape.inputs, part)),
    { ...targets, targets: parts.map((part) => picked(all, 1, part)) },
    { scale: options.scale ?? 'none', test_split: testSplit },
    [note, ...notes],
  );
}

/** train: the header of x_train, if these rows are for testing. */
async function readRows(
  archive: Archive,
  entry: ArchiveEntry,
  rows: number,
  total: number,
  scale: Scale,
  limits: ReadLimits,
  train?: NpyHeader,
): Promise<ArrayRows> {
  const read = await readArray(archive, entry, (header) => {
    const shape = rowShapeOf(entry, header, rows, total, scale, limits);
    if (train !== undefined) refuseOther(entry, header, train);
    return { shape, values: emptyFor(entry, header, shape, scale, limits) };
  });
  refuseNonFinite(read.values, read.shape.inputs, entry.name);
  return read;
}

/** Reads the header, asks `plan` for the place of the values, and fills it. */
async function readArray(
  archive: Archive,
  entry: ArchiveEntry,
  plan: (header: NpyHeader) => { shape: RowShape; values: Values },
): Promise<ArrayRows> {
  const run = new ByteRun(archive.chunks(entry));
  try {
    const header = await readNpyHeader(run);
    const { shape, values } = plan(header);
    await readNpyValues(run, header, values);
    return { header, shape, values };
  } catch (error) {
    if (error instanceof NpyError) throw refusedArray(entry, `The array ${error.message}.`);
    throw error;
  } finally {
    await run.close();
  }
}

async function readTarget(archive: Archive, entry: ArchiveEntry, limits: ReadLimits): Promise<TargetArray> {
  const read = await readArray(archive, entry, (header) => {
    const [rows, columns = 1, ...more] = header.shape;
    if (rows === undefined || columns === 0 || more.some((size) => size !== 1)) {
      throw refusedArray(
        entry,
        `It has the shape (${header.shape.join(', ')}); targets are (rows), (rows, 1), or one-hot (rows, classes).`,
      );
    }
    refuseLarge(rows, columns, limits);
    refuseUnpacked(entry, header.count * Float64Array.BYTES_PER_ELEMENT, limits);
    return { shape: { inputs: columns, image: null }, values: new Float64Array(header.count) };
  });
  const { type, shape } = read.header;
  return {
    file: entry.name,
    kind: type.kind,
    rows: shape[0]!,
    columns: read.shape.inputs,
    values: read.values as Float64Array,
  };
}
