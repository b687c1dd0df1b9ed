import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { datasetsFolder, preparedName } from './prepared.ts';
import type { DatasetEntry } from './registry.ts';
import { missingSources } from './source-files.ts';

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
