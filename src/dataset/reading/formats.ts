import type { z } from 'zod';
import type { DatasetFormat } from '../../contract/dataset.ts';
import {
  CsvOptionsSchema,
  IdxOptionsSchema,
  ImageFoldersOptionsSchema,
  NpzOptionsSchema,
  ParquetImagesOptionsSchema,
  ParquetOptionsSchema,
} from './options.ts';

/** The formats of uploads: their options, and the media types that name them. No reader is loaded for this. */

interface Format {
  /** More than one where the file alone says which applies. */
  readonly options: readonly [z.ZodObject, ...z.ZodObject[]];
  /** Of Content-Type. */
  readonly types: readonly string[];
}

export const FORMATS: Readonly<Record<DatasetFormat, Format>> = {
  csv: { options: [CsvOptionsSchema], types: ['text/csv', 'text/tab-separated-values', 'application/csv'] },
  npz: { options: [NpzOptionsSchema], types: ['application/x-npz'] },
  idx: { options: [IdxOptionsSchema], types: [] },
  images: { options: [ImageFoldersOptionsSchema], types: [] },
  parquet: {
    options: [ParquetOptionsSchema, ParquetImagesOptionsSchema],
    types: ['application/vnd.apache.parquet', 'application/x-parquet', 'application/parquet'],
  },
};

/** Every option of any format, for people: those of tables say more than others of the same name. */
export const ALL_OPTIONS = {
  ...ImageFoldersOptionsSchema.shape,
  ...CsvOptionsSchema.shape,
  scale: CsvOptionsSchema.shape.scale.meta({
    description:
      'How columns of numbers are scaled, by the train rows: to mean 0 and deviation 1 (`standard`), to 0 to 1 (`minmax`), or not at all (`none`). If you do not say: `standard` for csv and parquet, `none` for npz.',
  }),
};

/** The format that a media type names; undefined if it names none, or one of several. */
export function formatOfType(type: string): DatasetFormat | undefined {
  const names = Object.keys(FORMATS) as DatasetFormat[];
  return names.find((name) => FORMATS[name].types.includes(type));
}
