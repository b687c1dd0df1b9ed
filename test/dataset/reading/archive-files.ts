import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ReadLimits } from '../../../src/dataset/reading/limits.ts';
import { DatasetRefusedError } from '../../../src/dataset/reading/refusal.ts';
import { encodeZip } from '../../../src/export/zip.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const FOLDER = join(import.meta.dirname, 'files/archives');

export const LIMITS: ReadLimits = { unpackedBytes: 2 ** 26, preparedBytes: 2 ** 26 };

/** A file of files/archives, made by NumPy, Pillow or pyarrow. */
export const made = (name: string): string => join(FOLDER, name);

interface Expected {
  readonly [array: string]: { readonly shape: readonly number[]; readonly values: readonly number[] };
}

/** What the makers of the files say is in them. */
export const EXPECTED = JSON.parse(readFileSync(made('expected.json'), 'utf8')) as Expected & {
  /** (30, 4, 5) */
  readonly pixels: readonly number[];
  /** (40, 3) */
  readonly table: readonly number[];
  /** (20, 6, 8, 3) */
  readonly small: readonly number[];
  /** (5, 7, 4) each */
  readonly forms: Readonly<Record<string, readonly number[]>>;
};

/** The path of a file with these bytes, for the length of the test. */
export async function written(bytes: Uint8Array): Promise<string> {
  const path = join(await makeTemporaryFolder(), 'upload');
  await writeFile(path, bytes);
  return path;
}

/** An archive of these files, stored as they are. */
export const zipOf = (files: Readonly<Record<string, Uint8Array>>): Uint8Array =>
  encodeZip(Object.entries(files).map(([name, bytes]) => ({ name, bytes })));

/** The refusal of a reader, as people read it: its message and its places. */
export async function refusal(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => expect.fail('was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DatasetRefusedError)) throw error;
  const places = error.places.map((place) =>
    [place.file, place.row, place.column, place.found, place.problem]
      .filter((part) => part !== undefined)
      .join(' | '),
  );
  return [error.message, ...places].join('\n');
}

/** An NPY file, version 1. */
export function npy(descr: string, shape: string, values: Uint8Array, fortran = false): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }\n`;
  const start = Buffer.from(`\x93NUMPY\x01\x00??${header}`, 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, values]);
}
