import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataShape } from '../contract/data-shape.ts';
import { datasetsFolder, preparedName } from './prepared.ts';
import type { DatasetEntry } from './registry.ts';
import { missingSources } from './source-files.ts';
import { UploadedFiles } from './uploads.ts';

/** Why a job on the dataset would fail here, and what to do: sentences; null if it would not. */
export async function datasetProblem(
  { sources, shape }: DatasetEntry,
  dataDir: string,
): Promise<string | null> {
  if (sources === null) return null;
  try {
    await access(join(datasetsFolder(dataDir), preparedName(shape)));
    return null;
  } catch {
    return (await missingSources(sources, shape.dataset, dataDir)) ?? null;
  }
}

/** The same of an uploaded dataset. */
export async function uploadProblem(shape: DataShape, dataDir: string): Promise<string | null> {
  if (await new UploadedFiles(dataDir).has(shape.sha256)) return null;
  return `Its rows are not in ${datasetsFolder(dataDir)}. Upload the same file to ${shape.dataset} again.`;
}
