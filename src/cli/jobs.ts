import type { Descent, FindOptions, Job } from '../client/descent.ts';
import { COMPLETION_MS } from './completion.ts';
import { EXIT, UsageError } from './failure.ts';
import { numberOf } from './spec.ts';
import { describeJob, JOB_COLUMNS, jobRow, table } from './texts.ts';

/** What every command gets. */
export interface Context {
  descent: Descent;
  asJson: boolean;
}

const LARGEST_PAGE = 100;

export async function listJobs(
  { descent, asJson }: Context,
  { where = [], ...options }: { status?: string; where?: string[]; sort?: string; limit: string },
): Promise<number> {
  const limit = numberOf('--limit', options.limit)!;
  const jobs: Job[] = [];
  const pages = descent.jobs.list({
    pageSize: Math.min(limit, LARGEST_PAGE),
    // The server says which there are.
    ...(filtersOf(where) as FindOptions),
    ...(options.status !== undefined && { status: options.status }),
    ...(options.sort !== undefined && { sort: options.sort as NonNullable<FindOptions['sort']> }),
  });
  for await (const job of pages) {
    jobs.push(job);
    if (jobs.length >= limit) break;
  }
  if (asJson) for (const job of jobs) console.log(JSON.stringify(job));
  else if (jobs.length === 0) console.error('There are no such jobs.');
  else console.log(table([JOB_COLUMNS, ...jobs.map(jobRow)]));
  return EXIT.succeeded;
}

/** The ids that people are most likely to type; none if Descent does not answer soon. */
export async function latestIds(descent: Descent): Promise<string[]> {
  const ids: string[] = [];
  try {
    const signal = AbortSignal.timeout(COMPLETION_MS);
    for await (const { id } of descent.jobs.list({ pageSize: LARGEST_PAGE, signal })) {
      ids.push(id);
      if (ids.length === LARGEST_PAGE) break;
    }
  } catch {
    // No line is complete without a person who goes on typing.
  }
  return ids;
}

/** @throws {UsageError} */
function filtersOf(pairs: readonly string[]): Record<string, string[]> {
  const filters: Record<string, string[]> = {};
  for (const pair of pairs) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined) {
      throw new UsageError(`--where ${JSON.stringify(pair)} is not allowed: use one such as optimizer=adam.`);
    }
    filters[name] = [...(filters[name] ?? []), value!];
  }
  return filters;
}

export async function showJob({ descent, asJson }: Context, id: string): Promise<number> {
  const job = await descent.jobs.get(id);
  console.log(asJson ? JSON.stringify(job) : describeJob(job));
  return EXIT.succeeded;
}

export async function cancelJob({ descent, asJson }: Context, id: string): Promise<number> {
  const job = await descent.jobs.cancel(id);
  console.log(asJson ? JSON.stringify(job) : `${job.id} is ${job.status}.`);
  return EXIT.succeeded;
}

export async function pauseJob(
  { descent, asJson }: Context,
  id: string,
  { now = false }: { now?: boolean },
): Promise<number> {
  const job = await descent.jobs.pause(id, { now });
  console.log(asJson ? JSON.stringify(job) : `${job.id} is ${job.status}.`);
  return EXIT.succeeded;
}

export async function resumeJob({ descent, asJson }: Context, id: string): Promise<number> {
  const job = await descent.jobs.resume(id);
  console.log(asJson ? JSON.stringify(job) : `${job.id} is ${job.status}.`);
  return EXIT.succeeded;
}

interface UpdateOptions {
  name?: string;
  priority?: string;
  metadata?: string[];
}

/** @throws {UsageError} */
export async function updateJob(
  { descent, asJson }: Context,
  id: string,
  { name, priority, metadata }: UpdateOptions,
): Promise<number> {
  const job = await descent.jobs.update(id, {
    ...(name !== undefined && { name: name === '' ? null : name }),
    ...(priority !== undefined && { priority: numberOf('--priority', priority)! }),
    ...(metadata !== undefined && { metadata: Object.fromEntries(metadata.map(pairOf)) }),
  });
  console.log(asJson ? JSON.stringify(job) : describeJob(job));
  return EXIT.succeeded;
}

/** `key=value`; without a value, the pair is to go. */
function pairOf(text: string): [string, string | null] {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined) {
    throw new UsageError(`--metadata ${JSON.stringify(text)} is not allowed: use one such as series=a.`);
  }
  return [key, value === '' ? null : value!];
}

export async function deleteJob({ descent, asJson }: Context, id: string): Promise<number> {
  await descent.jobs.delete(id);
  console.log(asJson ? JSON.stringify({ id, deleted: true }) : `${id} is deleted.`);
  return EXIT.succeeded;
}
