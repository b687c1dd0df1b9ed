import type { DataShape } from '../contract/data-shape.ts';
import { BUILT_IN_DATASETS } from '../contract/job-spec.ts';
import { builtIn } from '../dataset/registry.ts';
import type { ApiDeps } from './deps.ts';
import { invalidFields, ProblemError } from './http/problems.ts';

/** What the name of a dataset means to an owner at this moment. */
export interface NamedData {
  readonly shape: DataShape;
  /** Whether it is one of his own. */
  readonly isUpload: boolean;
}

/**
 * The data of a spec.
 * @throws {ProblemError} validation_failed, with the names that there are
 */
export async function dataOf(
  name: string,
  owner: string,
  { datasets }: Pick<ApiDeps, 'datasets'>,
): Promise<NamedData> {
  const found = await find(name, owner, datasets);
  if (found !== undefined) return found;
  throw unknownDataset(name, await datasets.names(owner));
}

async function find(
  name: string,
  owner: string,
  datasets: Pick<ApiDeps['datasets'], 'find'>,
): Promise<NamedData | undefined> {
  const entry = builtIn(name);
  if (entry !== undefined) return { shape: entry.shape, isUpload: false };
  const own = await datasets.find(owner, name);
  return own && { shape: own.shape, isUpload: true };
}

const MOST_LISTED = 20;

export function unknownDataset(name: string, own: readonly string[]): ProblemError {
  const listed = own.slice(0, MOST_LISTED).join(', ');
  const yours =
    own.length === 0
      ? 'you have uploaded none (PUT /datasets/{name})'
      : `or yours: ${listed}${own.length > MOST_LISTED ? ' and others' : ''}`;
  return invalidFields([
    {
      in: 'body',
      pointer: '/dataset',
      detail: `must be the name of a dataset: ${BUILT_IN_DATASETS.join(', ')}; ${yours}; got ${JSON.stringify(name)}`,
    },
  ]);
}

/** Why a job cannot be gone on from. A fork names no dataset itself. */
export const dataGone = (name: string): ProblemError =>
  new ProblemError(
    'no_checkpoint',
    `You have no dataset ${name} any more, on which the job was trained, so its checkpoints cannot go on. Upload the same file again under this name.`,
  );

export const datasetNotFound = (name: string): ProblemError =>
  new ProblemError(
    'dataset_not_found',
    `You have no dataset ${name}. GET /datasets lists yours; built in are ${BUILT_IN_DATASETS.join(', ')}.`,
  );
