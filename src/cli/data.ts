import { openAsBlob } from 'node:fs';
import { basename, extname } from 'node:path';
import type { Dataset, DatasetDetail, PutOptions } from '../client/descent.ts';
import { EXIT, UsageError } from './failure.ts';
import type { Context } from './jobs.ts';
import { table } from './texts.ts';

/** `descent data`: uploads, lists, shows and deletes datasets. */

/** Formats by the ending of a file's name. A ZIP archive may be one of two. */
const FORMATS: Readonly<Record<string, string>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.txt': 'csv',
  '.npz': 'npz',
  '.parquet': 'parquet',
};

interface PutFlags {
  name?: string;
  format?: string;
  dryRun?: boolean;
  option?: string[];
}

/** Uploads a file under a name, by default that of the file, and prints how it was read. */
export async function putData(
  { descent, asJson }: Context,
  file: string,
  { name, format, dryRun, option = [] }: PutFlags,
): Promise<number> {
  const ending = extname(file).toLowerCase();
  const chosen = format ?? FORMATS[ending];
  if (chosen === undefined) {
    throw new UsageError(
      `It is not clear what ${file} is: add --format csv, npz, idx, images or parquet. (A .zip is idx or images.)`,
    );
  }
  const blob = await read(file);
  const progress = progressOf(blob.size, asJson);
  // The server says which options and values there are.
  const options = { ...optionsOf(option), format: chosen, ...(dryRun && { dry_run: 'true' }) } as PutOptions;
  let made: DatasetDetail;
  try {
    made = await descent.datasets.put(name ?? nameOf(file, ending), blob, {
      ...options,
      ...(progress && { onProgress: progress.show }),
    });
  } finally {
    progress?.end();
  }
  if (asJson) console.log(JSON.stringify(made));
  else console.log(describe(made));
  return EXIT.succeeded;
}

export async function listData({ descent, asJson }: Context): Promise<number> {
  const datasets = await descent.datasets.list();
  if (asJson) for (const dataset of datasets) console.log(JSON.stringify(dataset));
  else console.log(table([COLUMNS, ...datasets.map(row)]));
  return EXIT.succeeded;
}

export async function showData({ descent, asJson }: Context, name: string): Promise<number> {
  const dataset = await descent.datasets.get(name);
  console.log(asJson ? JSON.stringify(dataset) : describe(dataset));
  return EXIT.succeeded;
}

export async function removeData({ descent, asJson }: Context, name: string): Promise<number> {
  await descent.datasets.delete(name);
  console.log(asJson ? JSON.stringify({ name, deleted: true }) : `${name} is deleted.`);
  return EXIT.succeeded;
}

const COLUMNS = ['name', 'from', 'kind', 'train rows', 'test rows', 'inputs', 'predicts', 'size'];

const row = (dataset: Dataset): string[] => [
  dataset.name,
  dataset.built_in ? 'built in' : 'you',
  dataset.kind,
  String(dataset.train_rows),
  String(dataset.test_rows),
  String(dataset.inputs),
  dataset.classes === null ? 'a number' : `${dataset.classes.length} classes`,
  dataset.problem === null ? megabytes(dataset.bytes) : 'not here',
];

function describe(dataset: DatasetDetail): string {
  const { name, description, created_at, built_in, columns, target_column, options, notes, problem } =
    dataset;
  const rows: [string, string | undefined][] = [
    ['name', created_at === null && !built_in ? `${name}, which is not kept (--dry-run)` : name],
    ['data', description],
    ['train', `${dataset.train_rows} rows`],
    ['test', `${dataset.test_rows} rows`],
    ['predicts', target_column?.name],
    ['classes', dataset.classes === null ? undefined : few(dataset.classes)],
    ['columns', columns === null ? undefined : few(columns.map((column) => column.name))],
    ['options', optionTexts(options)],
    ['size', megabytes(dataset.bytes)],
    ['sha256', dataset.sha256],
    ...notes.map((note): [string, string] => ['note', note]),
    ['problem', problem ?? undefined],
  ];
  return table(rows.filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== ''));
}

const optionTexts = (options: DatasetDetail['options']): string =>
  Object.entries(options)
    .filter(([, value]) => value !== null && String(value) !== '')
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');

const MOST_LISTED = 12;

const few = (names: readonly string[]): string =>
  names.length <= MOST_LISTED
    ? names.join(', ')
    : `${names.slice(0, MOST_LISTED).join(', ')} and ${names.length - MOST_LISTED} more`;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;

/** @throws {UsageError} */
async function read(file: string): Promise<Blob> {
  try {
    return await openAsBlob(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** `Iris data.csv` -> iris-data */
function nameOf(file: string, ending: string): string {
  const name = basename(file)
    .slice(0, ending === '' ? undefined : -ending.length)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, 64);
  if (name !== '') return name;
  throw new UsageError(`The name of ${file} is none for a dataset: add --name, such as flowers.`);
}

/** @throws {UsageError} */
function optionsOf(pairs: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (const pair of pairs) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (key === undefined)
      throw new UsageError(`${pair} is no option: write name=value, such as target=species.`);
    options[key] = value!;
  }
  return options;
}

/** A line that is written over and over, on a terminal, for what takes a while. */
function progressOf(
  bytes: number,
  asJson: boolean,
): { show: (sent: number) => void; end: () => void } | undefined {
  if (asJson || !process.stderr.isTTY || bytes < 1e6) return undefined;
  let last = -1;
  return {
    show: (sent) => {
      const percent = Math.floor((100 * sent) / bytes);
      if (percent === last) return;
      last = percent;
      const what =
        percent < 100 ? `${percent} % of ${megabytes(bytes)} sent` : 'all sent; the server reads it';
      process.stderr.write(`\r\x1b[K${what}`);
    },
    end: () => void process.stderr.write('\r\x1b[K'),
  };
}
