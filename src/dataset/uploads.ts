import { randomUUID } from 'node:crypto';
import {
  access,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { DataShape } from '../contract/data-shape.ts';
import { DatasetDescriptionSchema, type DatasetTable } from '../contract/dataset.ts';
import { DatasetUnavailableError } from './dataset-error.ts';
import { datasetsFolder, type PreparedPlace, preparedHeader } from './prepared-file.ts';

/**
 * The files of uploaded datasets, below <dataDir>/datasets:
 *
 *     <sha256>.prepared, <sha256>.json     rows and description, named by the content: owners may share them
 *     .upload-<uuid>/                      an upload under way: what was sent, then the two files to be named
 *
 * A file that no dataset in Redis needs is kept for as long as finished jobs, since a start with another Redis must not
 * delete what people brought. Times are Redis's.
 */

/** Nothing in the folder of an upload stays unchanged for so long. */
const ABANDONED_AFTER_MS = 3_600_000;

const FOLDER = /^\.upload-/;
const FILE = /^([0-9a-f]{64})\.(?:prepared|json)$/;

/** In the folder of an upload, before they are named. */
export const UPLOADED_FILES = { body: 'body', rows: 'rows', description: 'description' } as const;

/** Where the rows of an upload are. The header leaves out the name, since the same rows may have several. */
export function uploadPlace({ dataset, ...seen }: DataShape, dataDir: string): PreparedPlace {
  const path = join(datasetsFolder(dataDir), `${seen.sha256}.prepared`);
  return {
    path,
    header: preparedHeader(seen),
    damaged: (where) =>
      new DatasetUnavailableError(
        `The rows of the dataset ${dataset} are damaged ${where} (${path}). Upload the same file to ${dataset} again, which repairs them.`,
      ),
  };
}

export class UploadedFiles {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = datasetsFolder(dataDir);
  }

  /** A folder for an upload. */
  async open(): Promise<string> {
    const folder = join(this.#folder, `.upload-${randomUUID()}`);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** Removes the folder of an upload with all that is in it. */
  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  /**
   * Names the files of an upload, which are on disk, by their content. Files that have these names are replaced by the
   * same bytes. The folder keeps its own, so that this may be repeated.
   */
  async place(folder: string, sha256: string, nowMs: number): Promise<void> {
    const names = [
      [UPLOADED_FILES.description, 'json'],
      [UPLOADED_FILES.rows, 'prepared'],
    ] as const;
    for (const [from, kind] of names) {
      const path = join(folder, from);
      const named = join(folder, kind);
      await utimes(path, nowMs / 1000, nowMs / 1000);
      await linkOrCopy(path, named);
      await rename(named, join(this.#folder, `${sha256}.${kind}`));
    }
    await syncFolder(this.#folder);
  }

  async has(sha256: string): Promise<boolean> {
    try {
      for (const kind of ['json', 'prepared']) await access(join(this.#folder, `${sha256}.${kind}`));
      return true;
    } catch {
      return false;
    }
  }

  /** The JSON of a DatasetDescription; undefined if it is missing. */
  async description(sha256: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#folder, `${sha256}.json`), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** How an uploaded table was read; undefined for other data, or if the file is missing. */
  async table(sha256: string): Promise<DatasetTable | undefined> {
    const text = await this.description(sha256);
    if (text === undefined) return undefined;
    const { columns, target_column } = DatasetDescriptionSchema.parse(JSON.parse(text));
    return columns === null ? undefined : { columns, target_column };
  }

  /** The JSON of a DatasetDescription of an upload that has been read. */
  async descriptionIn(folder: string): Promise<string> {
    return await readFile(join(folder, UPLOADED_FILES.description), 'utf8');
  }

  async remove(sha256: string): Promise<void> {
    for (const kind of ['prepared', 'json'])
      await rm(join(this.#folder, `${sha256}.${kind}`), { force: true });
  }

  /**
   * Removes what killed uploads have left, and files of a certain age that no dataset needs.
   * @returns how many folders and files
   */
  async sweep(
    { nowMs, olderThanMs }: { nowMs: number; olderThanMs: number },
    needs: (sha256: string) => Promise<boolean>,
  ): Promise<number> {
    let removed = 0;
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const path = join(this.#folder, name);
      const sha256 = FILE.exec(name)?.[1];
      if (FOLDER.test(name)) {
        if (nowMs - (await lastChangeMs(path)) < ABANDONED_AFTER_MS) continue;
      } else if (sha256 !== undefined) {
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }));
        if (nowMs - mtimeMs < olderThanMs || (await needs(sha256))) continue;
      } else continue;
      await rm(path, { recursive: true, force: true });
      removed += 1;
    }
    return removed;
  }
}

/** Not every file system has hard links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
    const copy = await open(to, 'r+');
    try {
      await copy.sync();
    } finally {
      await copy.close();
    }
  }
}

/** Of a folder and its files, in ms since the Unix epoch. */
async function lastChangeMs(folder: string): Promise<number> {
  const paths = [folder, ...(await readdir(folder).catch(() => [])).map((name) => join(folder, name))];
  const times = paths.map(async (path) => (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs);
  return Math.max(...(await Promise.all(times)));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
