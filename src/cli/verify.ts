import { EXIT } from './failure.ts';
import type { Context } from './jobs.ts';
import { verdictOf } from './texts.ts';
import { follow } from './watch.ts';

/** Trains a job again and says whether the result is the same; ends with 1 if it is not, or if there is none. */
export async function verifyJob(
  { descent, asJson }: Context,
  id: string,
  { wait }: { wait: boolean },
): Promise<number> {
  const job = await descent.jobs.verify(id);
  if (!wait) {
    console.log(asJson ? JSON.stringify(job) : job.id);
    return EXIT.succeeded;
  }
  const code = await follow(descent, job, asJson ? 'job' : 'view');
  if (code !== EXIT.succeeded) return code;
  const ended = await descent.jobs.get(job.id);
  if (!asJson)
    console.log(verdictOf(ended) ?? 'The new job has no verdict: its worker is of an older version.');
  return ended.verification?.verdict === 'verified' ? EXIT.succeeded : EXIT.failed;
}
