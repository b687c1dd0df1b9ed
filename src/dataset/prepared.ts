import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DataShape } from '../contract/data-shape.ts';
import { DatasetDamagedError, DatasetUnavailableError } from './dataset-error.ts';
import {
  type Dataset,
  datasetsFolder,
  openPrepared,
  type PreparedPlace,
  preparedHeader,
  writePrepared,
} from './prepared-file.ts';
import { builtIn } from './registry.ts';
import { loadContent } from './sources.ts';
import { uploadPlace } from './uploads.ts';

export { BLOCK_ROWS, type DataRows, type Dataset, datasetsFolder } from './prepared-file.ts';

/** The prepared files of the datasets: those of built-in ones are made when they are missing, uploads are not. */

/**
 * Opens the dataset's prepared file under <dataDir>/datasets/. If that of a built-in dataset is missing or its head is
 * damaged, makes it from the source files first. Several processes may do so at once, since all of them write the same
 * bytes. The file stays open, so removing it does not disturb processes that are using it.
 *
 * sourceDir: the folder of the source files; by default they are searched (source-files.ts).
 * @throws {DatasetUnavailableError} code 'dataset_unavailable'
 * @throws {StorageUnavailableError} code 'storage_unavailable'
 */
export async function openDataset(shape: DataShape, dataDir: string, sourceDir?: string): Promise<Dataset> {
  // Also for a name that has come to be a built-in one since.
  const uploaded = openPrepared(uploadPlace(shape, dataDir), shape);
  if (uploaded) return uploaded;
  if (builtIn(shape.dataset) === undefined) throw missingUpload(shape, dataDir);
  const place = builtInPlace(shape, dataDir);
  const prepared = openPrepared(place, shape);
  if (prepared) return prepared;
  await writePrepared(place, shape, await loadContent(shape, dataDir, sourceDir));
  const made = openPrepared(place, shape);
  if (made) return made;
  throw new DatasetDamagedError(`${place.path} was just written, but does not read back as it was written`);
}

/** The hash makes the file name differ with the content; the dataset's name is there for people. */
export function preparedName({ dataset, sha256 }: DataShape): string {
  return `${dataset}-${sha256.slice(0, 16)}.prepared`;
}

function builtInPlace(shape: DataShape, dataDir: string): PreparedPlace {
  const path = join(datasetsFolder(dataDir), preparedName(shape));
  return {
    path,
    header: preparedHeader(shape),
    damaged: (where) => {
      // The next openDataset() makes it again.
      rmSync(path, { force: true });
      return new DatasetDamagedError(`${path} was damaged ${where}, and has been removed`);
    },
  };
}

const missingUpload = ({ dataset, sha256 }: DataShape, dataDir: string): DatasetUnavailableError =>
  new DatasetUnavailableError(
    `The rows of the dataset ${dataset} (SHA-256 ${sha256}) are not in ${datasetsFolder(dataDir)}, or are damaged. All processes must see the same DATA_DIR: ask the operator whether they do. If they do, upload the same file to ${dataset} again, and create the job again.`,
  );
