import type { Job, Overrides } from '../client/descent.ts';
import { answered, EXIT, UsageError } from './failure.ts';
import type { Context } from './jobs.ts';
import { numberOf, readSpec, type SpecOptions } from './spec.ts';
import { SpecFields } from './spec-fields.ts';
import { table } from './texts.ts';
import { follow } from './watch.ts';

interface ForkOptions extends SpecOptions {
  fromEpoch?: string;
  wait?: boolean;
}

/** @throws {UsageError} */
export async function forkJob(
  context: Context,
  id: string,
  { fromEpoch, wait = false, ...options }: ForkOptions,
): Promise<number> {
  const from = numberOf('--from-epoch', fromEpoch);
  const { spec, nameOf } = await readSpec(undefined, options, () => SpecFields.of(context.descent));
  const { webhooks, ...overrides } = spec;
  const job = await answered(
    context.descent.jobs.fork(id, {
      // The server says which fields a fork may change.
      overrides: overrides as Overrides,
      ...(webhooks !== undefined && { webhooks }),
      ...(from !== undefined && { fromEpoch: from }),
    }),
    (pointer) => (pointer === '/from_epoch' ? '--from-epoch' : nameOf(pointer.replace(/^\/overrides/, ''))),
  );
  return await show(context, job, wait);
}

/** @throws {UsageError} */
export async function extendJob(
  context: Context,
  id: string,
  epochs: string,
  { wait = false }: { wait?: boolean },
): Promise<number> {
  const count = numberOf('epochs', epochs);
  if (count === undefined) throw new UsageError('Give the number of epochs that the job is to have in all.');
  return await show(context, await context.descent.jobs.extend(id, count), wait);
}

async function show({ descent, asJson }: Context, job: Job, wait: boolean): Promise<number> {
  const { epoch, job: parent } = job.parent!;
  if (wait) {
    console.error(`${job.id} goes on from epoch ${epoch} of ${parent}.`);
    return await follow(descent, job, asJson ? 'job' : 'view');
  }
  if (asJson) console.log(JSON.stringify(job));
  else {
    console.log(job.id);
    console.error(`It goes on from epoch ${epoch}. Watch it: descent watch ${job.id}`);
  }
  return EXIT.succeeded;
}

export async function listCheckpoints({ descent, asJson }: Context, id: string): Promise<number> {
  const checkpoints = await descent.jobs.checkpoints(id);
  if (asJson) for (const checkpoint of checkpoints) console.log(JSON.stringify(checkpoint));
  else if (checkpoints.length === 0) console.error('The job keeps no checkpoint.');
  else {
    const rows = checkpoints.map(({ epoch, bytes, sha256 }) => [`${epoch}`, `${bytes}`, sha256]);
    console.log(table([['epoch', 'bytes', 'sha256'], ...rows]));
  }
  return EXIT.succeeded;
}
