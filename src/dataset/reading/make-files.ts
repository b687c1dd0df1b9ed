import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataShape } from '../../contract/data-shape.ts';
import type { DatasetDescription, DatasetTable, StoredDataset } from '../../contract/dataset.ts';
import { contentSha256 } from '../content.ts';
import { writePrepared } from '../prepared-file.ts';
import type { ReadTask } from '../reading-message.ts';
import { UPLOADED_FILES, uploadPlace } from '../uploads.ts';
import type { MadeDataset, MadeRows } from './made-dataset.ts';

/** Writes a dataset that was read into the folder of its upload: its rows and its description, on disk. */
export async function makeFiles(
  made: MadeDataset,
  { name, folder }: Pick<ReadTask, 'name' | 'folder'>,
): Promise<{ stored: StoredDataset; bytes: number }> {
  const table = tableOf(made);
  const unnamed = shapeOf(made, name);
  const sha256 = contentSha256(unnamed, made, table);
  const shape = { ...unnamed, sha256 };
  const rows = join(folder, UPLOADED_FILES.rows);
  const { header } = uploadPlace(shape, '');
  const rowBytes = await writePrepared({ path: rows, header }, shape, made);
  const description: DatasetDescription = {
    columns: table?.columns ?? null,
    target_column: table?.target_column ?? null,
    class_counts: made.classes && {
      train: countsOf(made.train, made.classes.length),
      test: countsOf(made.test, made.classes.length),
    },
  };
  const text = Buffer.from(JSON.stringify(description), 'utf8');
  await writeSynced(join(folder, UPLOADED_FILES.description), text);
  await sync(rows);
  const source = join(folder, UPLOADED_FILES.body);
  return {
    stored: {
      shape,
      options: optionsOf(made.options),
      notes: [...made.notes],
      source: { bytes: (await stat(source)).size, sha256: await fileSha256(source) },
    },
    bytes: rowBytes + text.length,
  };
}

function shapeOf(made: MadeDataset, dataset: string): DataShape {
  const { kind, task, inputs, image, outputs, classes, storage, target } = made;
  return {
    dataset,
    sha256: '',
    kind,
    task,
    inputs,
    image,
    outputs,
    classes: classes && [...classes],
    ...(target?.type === 'number' && { target: { mean: target.mean, deviation: target.deviation } }),
    rows: { train: made.train.rows, test: made.test.rows },
    storage,
  };
}

/** undefined for pictures, which need none. */
function tableOf({ columns, target }: MadeDataset): DatasetTable | undefined {
  if (columns === null && target === null) return undefined;
  return {
    columns:
      columns?.map((column) =>
        column.type === 'number' ? { ...column } : { ...column, values: [...column.values] },
      ) ?? null,
    target_column: target && { ...target },
  };
}

function countsOf({ targets }: MadeRows, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const target of targets) counts[target]! += 1;
  return counts;
}

const optionsOf = (options: MadeDataset['options']): StoredDataset['options'] =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? [...value] : value,
    ]),
  );

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
