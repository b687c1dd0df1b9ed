import type { z } from 'zod';
import type { DatasetFormat } from '../../contract/dataset.ts';
import { readCsv } from './csv.ts';
import { readIdxSet } from './idx-set.ts';
import { readImageFolders } from './image-folders.ts';
import type { ReadLimits } from './limits.ts';
import type { MadeDataset } from './made-dataset.ts';
import { readNpz } from './npz.ts';
import {
  CsvOptionsSchema,
  IdxOptionsSchema,
  ImageFoldersOptionsSchema,
  NpzOptionsSchema,
  ParquetImagesOptionsSchema,
  ParquetOptionsSchema,
} from './options.ts';
import { readParquet } from './parquet.ts';
import { hasPictures, readParquetImages } from './parquet-images.ts';
import { DatasetRefusedError } from './refusal.ts';

/** The options of an upload, as text. */
export type GivenOptions = Readonly<Record<string, unknown>>;

/**
 * Reads an upload in the format it is said to have.
 * @throws {DatasetRefusedError}
 */
export async function readDataset(
  format: DatasetFormat,
  path: string,
  given: GivenOptions,
  limits: ReadLimits,
): Promise<MadeDataset> {
  switch (format) {
    case 'csv':
      return await readCsv(path, parsed(CsvOptionsSchema, given, 'a CSV file'), limits);
    case 'npz':
      return await readNpz(path, parsed(NpzOptionsSchema, given, 'an NPZ file'), limits);
    case 'idx':
      return await readIdxSet(path, parsed(IdxOptionsSchema, given, 'IDX files'), limits);
    case 'images':
      return await readImageFolders(
        path,
        parsed(ImageFoldersOptionsSchema, given, 'folders of pictures'),
        limits,
      );
    case 'parquet':
      return (await hasPictures(path))
        ? await readParquetImages(
            path,
            parsed(ParquetImagesOptionsSchema, given, 'a Parquet file of pictures'),
            limits,
          )
        : await readParquet(
            path,
            parsed(ParquetOptionsSchema, given, 'a Parquet file without pictures'),
            limits,
          );
  }
}

/** The API has checked them, as far as it can without the file. */
function parsed<Schema extends z.ZodObject>(
  schema: Schema,
  given: GivenOptions,
  what: string,
): z.output<Schema> {
  const found = schema.safeParse(given);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const name = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : issue?.path.join('.');
  throw new DatasetRefusedError(
    `The option ${name} cannot be used for ${what}, which takes ${Object.keys(schema.shape).join(', ') || 'none'}.`,
  );
}
