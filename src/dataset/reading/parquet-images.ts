import { z } from 'zod';
import { readTargets, refuseFewClasses } from './array-targets.ts';
import { byCodePoint } from './code-point-order.ts';
import { MOST_CLASSES, type ReadLimits } from './limits.ts';
import { listing } from './listing.ts';
import type { MadeDataset } from './made-dataset.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { ParquetImagesOptions } from './options.ts';
import { openParquet, type ParquetFile, type ParquetLeaf } from './parquet-file.ts';
import { leafPages } from './parquet-pages.ts';
import { madeOfPictures, PictureRows } from './picture-rows.ts';
import { cut, Places } from './places.ts';
import { refuseLarge } from './prepared-size.ts';
import { DatasetRefusedError } from './refusal.ts';
import { DEFAULT_TEST_SPLIT, splitRows } from './split.ts';

/**
 * Sets of pictures as Hugging Face's datasets writes them: a column with the fields bytes (a PNG file) and path, and a
 * column of labels, whose names are under the key `huggingface` of the file's metadata.
 */

/** What datasets notes about columns. */
const FeaturesSchema = z.object({
  info: z.object({
    features: z.record(
      z.string(),
      z
        .object({
          _type: z.string().optional(),
          names: z.array(z.string()).min(1).max(MOST_CLASSES).optional(),
        })
        .catch({}),
    ),
  }),
});
type Features = z.output<typeof FeaturesSchema>['info']['features'];

/** Whether a Parquet file has a column of pictures; else it is a table. @throws {DatasetRefusedError} */
export async function hasPictures(path: string): Promise<boolean> {
  const file = await openParquet(path);
  await file.handle.close();
  return pictureLeaves(file).length > 0;
}

/** @throws {DatasetRefusedError} */
export async function readParquetImages(
  path: string,
  options: ParquetImagesOptions,
  limits: ReadLimits,
): Promise<MadeDataset> {
  const file = await openParquet(path);
  try {
    return await makeDataset(file, options, limits);
  } finally {
    await file.handle.close();
  }
}

async function makeDataset(
  file: ParquetFile,
  options: ParquetImagesOptions,
  limits: ReadLimits,
): Promise<MadeDataset> {
  refuseLarge(file.rows, 0, limits);
  if (file.rows === 0) throw new DatasetRefusedError('The Parquet file has no rows.');
  const features = featuresOf(file);
  const pictures = pictureLeaf(file);
  const target = targetLeaf(file, features, options.target);
  const column = nameOf(target);
  const budget = new MemoryBudget(limits.unpackedBytes);
  const given: Value[] = [];
  for await (const value of valuesOf(file, target, budget)) given.push(value);
  const { labels, classes } = classesOf(given, column, features[column]?.names);
  const testSplit = options.test_split ?? DEFAULT_TEST_SPLIT;
  const split = splitRows(labels.length, testSplit, labels);
  if (split.test.length === 0 || split.train.length === 0) {
    throw new DatasetRefusedError(
      'There are too few rows for training and testing. Send more, or change test_split.',
    );
  }
  const rows = new PictureRows(options.size ?? null, split.train, split.test, limits);
  const missing = new Places('Each row must have a picture.');
  let row = 0;
  for await (const value of valuesOf(file, pictures, budget)) {
    const place = { row, column: nameOf(pictures) };
    row += 1;
    if (value instanceof Uint8Array) {
      rows.add(Buffer.from(value.buffer, value.byteOffset, value.length), place.row, place);
    } else {
      missing.add({ ...place, problem: 'There are no bytes. Save pictures in the file, not their paths.' });
    }
  }
  missing.refuse();
  const { notes, ...made } = rows.finish();
  const used = [target.path[0], pictures.path[0]];
  const unused = file.leaves.filter(({ path: [name] }) => !used.includes(name!)).map(nameOf);
  return {
    ...madeOfPictures(made, labels, split, classes),
    options: {
      format: 'parquet',
      target: column,
      test_split: testSplit,
      size: `${made.image.width}x${made.image.height}`,
    },
    notes: [
      `${split.train.length} rows are for training and ${split.test.length} for testing, drawn by row number within each class.`,
      ...notes,
      ...(unused.length > 0 ? [`Not used: ${listing(unused)}.`] : []),
    ],
  };
}

/** Of a row: bytes, an integer, or nothing. */
type Value = Uint8Array | number | null;

/** A value for each row of the file. */
async function* valuesOf(file: ParquetFile, leaf: ParquetLeaf, budget: MemoryBudget): AsyncGenerator<Value> {
  for await (const { rows, present, values, dictionary } of leafPages(file, leaf, budget)) {
    let next = 0;
    for (let row = 0; row < rows; row += 1) {
      if (present !== null && present[row] === 0) yield null;
      else {
        const value = dictionary === null ? values[next] : dictionary[values[next] as number];
        next += 1;
        yield typeof value === 'bigint' ? Number(value) : (value as Value);
      }
    }
  }
}

const nameOf = ({ path }: ParquetLeaf): string => path.join('.');

const pictureLeaves = ({ leaves }: ParquetFile): ParquetLeaf[] =>
  leaves.filter(
    ({ path, element, repeated }) =>
      path.length > 1 && path.at(-1) === 'bytes' && element.type === 'BYTE_ARRAY' && !repeated,
  );

function pictureLeaf(file: ParquetFile): ParquetLeaf {
  const [leaf, ...more] = pictureLeaves(file);
  if (leaf === undefined || more.length > 0) {
    throw new DatasetRefusedError(
      `The file has ${leaf === undefined ? 'no column' : 'several columns'} of pictures (with a field bytes, such as image.bytes), among ${listing(file.leaves.map(nameOf))}. Save it with one.`,
    );
  }
  return leaf;
}

function targetLeaf({ leaves }: ParquetFile, features: Features, wanted: string | undefined): ParquetLeaf {
  const flat = leaves.filter(({ path, repeated }) => path.length === 1 && !repeated);
  const labelled = flat.filter((leaf) => features[nameOf(leaf)]?._type === 'ClassLabel');
  const name = wanted ?? (labelled.length === 1 ? nameOf(labelled[0]!) : 'label');
  const leaf = flat.find((found) => nameOf(found) === name);
  if (leaf === undefined || !['INT32', 'INT64', 'BYTE_ARRAY'].includes(leaf.element.type!)) {
    throw new DatasetRefusedError(
      `The file has no column ${cut(name)} of labels, which are integers or texts. Choose one with target=, of ${listing(flat.map(nameOf))}.`,
    );
  }
  return leaf;
}

function featuresOf({ notes }: ParquetFile): Features {
  try {
    return FeaturesSchema.parse(JSON.parse(notes.get('huggingface') ?? '{}')).info.features;
  } catch {
    // Without names, labels are named by what they are.
    return {};
  }
}

/** names: of the labels 0, 1, 2 ..., if the file has them. */
function classesOf(
  values: readonly Value[],
  column: string,
  names: readonly string[] | undefined,
): { labels: Uint16Array; classes: readonly string[] } {
  const places = new Places('Each row must have a label.');
  values.forEach((value, row) => {
    if (value === null)
      places.add({ row, column, problem: 'There is no label. Leave the row out, or give it one.' });
    else if (names !== undefined && typeof value === 'number' && names[value] === undefined) {
      const problem = `The label must be 0 to ${names.length - 1}: the file names so many classes.`;
      places.add({ row, column, found: String(value), problem });
    }
  });
  places.refuse();
  if (typeof values[0] === 'number') {
    const numbers = Float64Array.from(values as number[]);
    if (names !== undefined) {
      refuseFewClasses(names.length);
      return { labels: Uint16Array.from(numbers), classes: names };
    }
    const array = {
      file: column,
      kind: 'integer',
      rows: numbers.length,
      columns: 1,
      values: numbers,
    } as const;
    const made = readTargets([array], undefined);
    return { labels: made.targets[0] as Uint16Array, classes: made.classes! };
  }
  const texts = values.map((value) => Buffer.from(value as Uint8Array).toString('utf8'));
  const classes = [...new Set(texts)].sort(byCodePoint);
  refuseFewClasses(classes.length);
  if (classes.length > MOST_CLASSES) {
    throw new DatasetRefusedError(
      `The column ${column} has ${classes.length} different labels; at most ${MOST_CLASSES} classes are taken.`,
    );
  }
  const index = new Map(classes.map((name, k) => [name, k]));
  return { labels: Uint16Array.from(texts, (text) => index.get(text)!), classes };
}
