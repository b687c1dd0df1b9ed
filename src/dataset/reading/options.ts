import { z } from 'zod';
import { DEFAULT_TEST_SPLIT } from './split.ts';

/** The query options of uploads. Values arrive as text. */

/** A parameter that is a number: its text is converted, and anything else is left for the schema to refuse. */
export const queryNumber = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess(
    (text) =>
      typeof text === 'string' && /^\d{0,15}(?:\.\d{1,15})?$/.test(text) && text !== '' ? Number(text) : text,
    schema,
  );

/** A column by its name, or by its number from 1. */
const column = () => z.string().min(1).max(500);

/** What every format takes. */
export const DatasetOptionsSchema = z.strictObject({
  test_split: queryNumber(z.number().gt(0).lt(1))
    .optional()
    .meta({
      description: `The share of the rows that is kept for testing, above 0 and below 1; ${DEFAULT_TEST_SPLIT} if you do not say. Of classes, each gives this share. Only for files that do not divide the rows themselves. The same file gives the same rows everywhere.`,
      examples: [0.2],
    }),
});

/** What formats with a target take. */
export const TargetOptionsSchema = DatasetOptionsSchema.extend({
  task: z.enum(['classification', 'regression']).optional().meta({
    description:
      'What the model learns: one of several classes, or a number. If you do not say: text, booleans, and whole numbers of at most 20 different values are classes; other numbers are numbers.',
  }),
  scale: z.enum(['standard', 'minmax', 'none']).optional().meta({
    description:
      'How columns of numbers are scaled, by the train rows: to mean 0 and deviation 1 (`standard`, if you do not say), to 0 to 1 (`minmax`), or not at all.',
  }),
});

const TableOptionsSchema = TargetOptionsSchema.extend({
  target: column()
    .optional()
    .meta({
      description:
        'The column that the model learns to predict: its name, or its number from 1. If you do not say, the last column.',
      examples: ['species'],
    }),
  drop: z
    .string()
    .max(100_000)
    .meta({ examples: ['id,name'] })
    .transform((text) =>
      [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== ''),
    )
    .optional()
    .meta({
      description:
        'Columns to leave out: names, or numbers from 1, separated by commas. A name that contains a comma can only be given by its number.',
    }),
  split_column: column().optional().meta({
    description:
      'The column, by name or number, that says `train` or `test` for each row. Rows then keep the order of the file. Not together with `test_split`.',
  }),
});

const ONE_SPLIT = { error: 'Give test_split or split_column, not both.', path: ['test_split'] };
const hasOneSplit = (given: { test_split?: unknown; split_column?: unknown }) =>
  given.test_split === undefined || given.split_column === undefined;

export const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t' } as const;
export type Delimiter = keyof typeof DELIMITERS;

export const CsvOptionsSchema = TableOptionsSchema.extend({
  header: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .meta({
      description:
        'Whether the first line has the names of the columns. If you do not say: it has, when no field of it is a number and no two are equal (or the next line has numbers), or when it is 0, 1, 2 and so on. Without names, columns are called by their numbers.',
    }),
  delimiter: z.enum(['comma', 'semicolon', 'tab']).optional().meta({
    description: 'What separates fields. If you do not say, what divides all of the first lines alike.',
  }),
  decimal: z.enum(['point', 'comma']).optional().meta({
    description:
      'How fractions are written: 1.5 or 1,5. If you do not say: the comma, when fields are not separated by commas and numbers have commas.',
  }),
}).refine(hasOneSplit, ONE_SPLIT);

export const ParquetOptionsSchema = TableOptionsSchema.refine(hasOneSplit, ONE_SPLIT);

export const NpzOptionsSchema = DatasetOptionsSchema.extend({
  task: z.enum(['classification', 'regression']).optional().meta({
    description:
      'What the model learns: one of several classes, or a number. If you do not say: integers, booleans and one-hot rows are classes, floats are numbers.',
  }),
  scale: z.enum(['none', 'standard', 'minmax']).optional().meta({
    description:
      'How the columns of a table are scaled, by the train rows: not at all (`none`, if you do not say), to mean 0 and deviation 1 (`standard`), or to 0 to 1 (`minmax`). Images are not scaled; those of bytes are divided by 255.',
  }),
});

const MOST_SIDE = 1_024;

/** An option: width, then height, to which all pictures are resampled. */
const pictureSize = () =>
  z
    .string()
    .regex(/^(?:[1-9]\d{0,2}|10[01]\d|102[0-4])x(?:[1-9]\d{0,2}|10[01]\d|102[0-4])$/)
    .optional()
    .meta({
      description: `Width x height, up to ${MOST_SIDE}x${MOST_SIDE}: all pictures are resampled to it, each pixel the mean of the area that it covers. Without it, all pictures must have one size.`,
      title: `width x height in pixels, up to ${MOST_SIDE}x${MOST_SIDE}, such as 28x28`,
      examples: ['28x28'],
    });

export const ImageFoldersOptionsSchema = DatasetOptionsSchema.extend({ size: pictureSize() });

export const ParquetImagesOptionsSchema = DatasetOptionsSchema.extend({
  target: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .meta({
      description:
        'The column of labels. If you do not say: the one of the type ClassLabel, or the one named label.',
      examples: ['label'],
    }),
  size: pictureSize(),
});

export const IdxOptionsSchema = z.strictObject({});

export type TableOptions = Readonly<z.output<typeof TableOptionsSchema>>;
export type CsvOptions = Readonly<z.output<typeof CsvOptionsSchema>>;
export type NpzOptions = Readonly<z.output<typeof NpzOptionsSchema>>;
export type ImageFoldersOptions = Readonly<z.output<typeof ImageFoldersOptionsSchema>>;
export type ParquetImagesOptions = Readonly<z.output<typeof ParquetImagesOptionsSchema>>;
export type IdxOptions = z.output<typeof IdxOptionsSchema>;
