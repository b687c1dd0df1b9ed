import type { Descent, Job, JobStatus } from '../client/descent.ts';
import { EXIT } from './failure.ts';
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
  options: { status?: string; limit: string },
): Promise<number> {
  const limit = numberOf('--limit', options.limit)!;
  // The server says which statuses there are.
  const status = options.status as JobStatus | undefined;
  const jobs: Job[] = [];
  const pages = descent.jobs.list({
    pageSize: Math.min(limit, LARGEST_PAGE),
    ...(status !== undefined && { status }),
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

/** Of a Tab: long enough for a Descent that is there. */
const COMPLETION_MS = 3_000;

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

export async function deleteJob({ descent, asJson }: Context, id: string): Promise<number> {
  await descent.jobs.delete(id);
  console.log(asJson ? JSON.stringify({ id, deleted: true }) : `${id} is deleted.`);
  return EXIT.succeeded;
}
