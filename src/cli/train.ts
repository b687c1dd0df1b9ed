import { answered, EXIT } from './failure.ts';
import type { Context } from './jobs.ts';
import { readSpec, type SpecOptions } from './spec.ts';
import { SpecFields } from './spec-fields.ts';
import { follow } from './watch.ts';

interface TrainOptions extends SpecOptions {
  idempotencyKey?: string;
  wait?: boolean;
}

/** Creates a job. Its id goes alone to standard output, so that a script can take it. */
export async function train(
  { descent, asJson }: Context,
  file: string | undefined,
  { idempotencyKey, wait, ...options }: TrainOptions,
): Promise<number> {
  const { spec, nameOf } = await readSpec(file, options, () => SpecFields.of(descent));
  const job = await answered(
    descent.jobs.create(spec, idempotencyKey === undefined ? {} : { idempotencyKey }),
    nameOf,
  );
  if (wait) {
    console.error(
      `${job.id} is ${job.status}${job.cached_from === null ? '' : `, with the result of ${job.cached_from}`}.`,
    );
    return await follow(descent, job, asJson ? 'job' : 'view');
  }
  if (asJson) console.log(JSON.stringify(job));
  else {
    console.log(job.id);
    console.error(
      job.cached_from === null
        ? `It is ${job.status}. Watch it: descent watch ${job.id}`
        : `It has the result of ${job.cached_from}. See it: descent show ${job.id}; train it: --no-cache`,
    );
  }
  return EXIT.succeeded;
}
