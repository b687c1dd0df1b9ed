import { z } from 'zod';
import { DataShapeSchema } from './data-shape.ts';
import { DatasetNameSchema } from './job-spec.ts';

/** Datasets that people bring, as they are kept and shown. */

/** Formats of uploads. */
export const DATASET_FORMATS = ['csv', 'npz', 'idx', 'images', 'parquet'] as const;
export const DatasetFormatSchema = z.enum(DATASET_FORMATS).meta({
  id: 'DatasetFormat',
  description:
    'csv: a table as text. npz: NumPy arrays (x_train, y_train, x_test, y_test; or x, y). idx: a ZIP archive of four IDX files, as MNIST has them. images: a ZIP archive of PNG pictures in folders, one for each class. parquet: a table, or pictures as Hugging Face saves them.',
});
export type DatasetFormat = z.output<typeof DatasetFormatSchema>;

const finite = z.number();
const count = z.int().gte(0);
const Sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** A column of a table that gives inputs of the model. */
export const ColumnSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      name: z.string(),
      type: z.literal('number'),
      missing: count.meta({ description: 'Rows without a value; they have the mean.' }),
      mean: finite,
      deviation: finite,
      min: finite,
      max: finite,
      offset: finite,
      divisor: finite,
    }),
    z.strictObject({
      name: z.string(),
      type: z.literal('text'),
      missing: count.meta({ description: 'Rows without a value; all inputs of the column are 0 there.' }),
      values: z.array(z.string()).meta({ description: 'An input for each: 1 where a row has it, else 0.' }),
    }),
  ])
  .meta({
    id: 'DatasetColumn',
    description:
      'A column that the model sees. A number becomes (value - offset) / divisor; mean, deviation, min and max are those of the train rows.',
  });
export type DatasetColumn = z.output<typeof ColumnSchema>;

export const TargetColumnSchema = z
  .discriminatedUnion('type', [
    z.strictObject({ name: z.string(), type: z.literal('class') }),
    z.strictObject({ name: z.string(), type: z.literal('number'), mean: finite, deviation: finite }),
  ])
  .meta({ id: 'DatasetTarget' });

/** What a model needs to know of a table to take rows as people write them. It is kept with the rows. */
export const DatasetTableSchema = z.strictObject({
  columns: z.array(ColumnSchema).nullable().meta({ description: 'null for images.' }),
  target_column: TargetColumnSchema.nullable().meta({
    description: 'The column to predict; null for images.',
  }),
});
export type DatasetTable = z.output<typeof DatasetTableSchema>;

/** What is kept beside the prepared rows. */
export const DatasetDescriptionSchema = DatasetTableSchema.extend({
  class_counts: z
    .strictObject({ train: z.array(count), test: z.array(count) })
    .nullable()
    .meta({
      description: 'Rows of each class, in the order of `classes`; null where they were not counted.',
    }),
});
export type DatasetDescription = z.output<typeof DatasetDescriptionSchema>;

const DatasetOptionsSchema = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string()), z.null()]))
  .meta({ description: 'Every option of the upload as it was used: given, by default or inferred.' });

/** What Redis keeps of an uploaded dataset. Its rows and description are files, by the hash of the shape. */
export const StoredDatasetSchema = z.strictObject({
  shape: DataShapeSchema,
  options: DatasetOptionsSchema,
  notes: z.array(z.string()),
  source: z.strictObject({ bytes: count, sha256: Sha256Schema }),
});
export type StoredDataset = z.output<typeof StoredDatasetSchema>;

export const DatasetSchema = z
  .strictObject({
    name: DatasetNameSchema,
    built_in: z.boolean().meta({ description: 'Whether it comes with Descent; else it was uploaded.' }),
    title: z.string(),
    description: z.string(),
    train_rows: z.int().gte(1),
    test_rows: z.int().gte(1),
    kind: z.enum(['images', 'table']),
    task: z
      .enum(['classification', 'regression'])
      .meta({ description: 'What a model predicts: the class of a row, or a number.' }),
    inputs: z.int().gte(1).meta({ description: 'Numbers of a row: its pixels, for images.' }),
    image: z
      .strictObject({ height: z.int().gte(1), width: z.int().gte(1), channels: z.int().gte(1) })
      .nullable()
      .meta({ description: 'null for a table.' }),
    classes: z
      .array(z.string())
      .nullable()
      .meta({ description: 'classes[i] is the name of class i; null for regression.' }),
    target: z.strictObject({ mean: z.number(), deviation: z.number().positive() }).nullable().meta({
      description:
        'Mean and deviation of the numbers of the train rows, by which models see them standardised; null for classification.',
    }),
    sha256: Sha256Schema.meta({
      description: 'SHA-256 of the content a job sees: shape, labels, values. The same on every machine.',
    }),
    bytes: count.meta({ description: 'Room that the prepared rows take on disk.' }),
    created_at: z
      .string()
      .meta({ format: 'date-time' })
      .nullable()
      .meta({ description: 'null for a built-in dataset, and for one that is not kept (`dry_run`).' }),
    files: z.array(z.strictObject({ file: z.string(), sha256: Sha256Schema })).meta({
      description:
        'The files that a built-in dataset is read from; a file with another SHA-256 is refused. Of a .gz, the hash is that of what it holds. Empty for a set that is generated or was uploaded.',
    }),
    problem: z.string().nullable().meta({
      description: 'Why a job on it would fail here, and what to do: sentences; null if it would not.',
    }),
  })
  .meta({ id: 'Dataset' });
export type Dataset = z.output<typeof DatasetSchema>;

export const DatasetListSchema = z
  .strictObject({ object: z.literal('list'), data: z.array(DatasetSchema), has_more: z.literal(false) })
  .meta({ id: 'DatasetList' });

/** Everything about one dataset. */
export const DatasetDetailSchema = DatasetSchema.extend({
  object: z.literal('dataset'),
  source: StoredDatasetSchema.shape.source
    .nullable()
    .meta({ description: 'The file that was uploaded; null for a built-in dataset.' }),
  options: DatasetOptionsSchema,
  notes: z.array(z.string()).meta({ description: 'What was filled in, left out or assumed: sentences.' }),
  ...DatasetDescriptionSchema.shape,
}).meta({ id: 'DatasetDetail' });
export type DatasetDetail = z.output<typeof DatasetDetailSchema>;

/** The most rows of a page. */
export const MOST_SHOWN_ROWS = 1_000;

export const DatasetRowsSchema = z
  .strictObject({
    object: z.literal('list'),
    split: z.enum(['train', 'test']),
    data: z.array(
      z.strictObject({
        index: count,
        target: z
          .union([z.string(), z.number()])
          .meta({ description: 'The name of the class, or the number, in its own unit.' }),
        values: z.array(z.union([z.string(), z.number(), z.null()])).meta({
          description:
            "A value for each column, in the table's own units; of pictures, the pixels, row by row. A number that was missing is shown as the mean, a text as null.",
        }),
      }),
    ),
    has_more: z.boolean(),
  })
  .meta({ id: 'DatasetRows' });
export type DatasetRows = z.output<typeof DatasetRowsSchema>;
