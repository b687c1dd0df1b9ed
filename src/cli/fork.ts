import type { Job } from '../client/descent.ts';
import { EXIT, UsageError } from './failure.ts';
import type { Context } from './jobs.ts';
import { numberOf, readSpec, type SpecOptions } from './spec.ts';
import { table } from './texts.ts';
import { follow } from './watch.ts';

interface ForkOptions
  extends Pick<SpecOptions, 'name' | 'optimizer' | 'learningRate' | 'epochs' | 'batchSize'> {
  fromEpoch?: string;
  wait?: boolean;
}

/** @throws {UsageError} */
export async function forkJob(
  context: Context,
  id: string,
  { fromEpoch, wait = false, learningRate, optimizer, ...options }: ForkOptions,
): Promise<number> {
  const from = numberOf('--from-epoch', fromEpoch);
  const rate = numberOf('--learning-rate', learningRate);
  const changes = {
    ...(optimizer !== undefined && { type: optimizer }),
    ...(rate !== undefined && { learning_rate: rate }),
  };
  const overrides = {
    ...readSpec(undefined, options),
    ...(Object.keys(changes).length > 0 && { optimizer: changes }),
  };
  const job = await context.descent.jobs.fork(id, {
    overrides,
    ...(from !== undefined && { fromEpoch: from }),
  });
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
  if (wait) return await follow(descent, job, asJson ? 'job' : 'view');
  if (asJson) console.log(JSON.stringify(job));
  else {
    console.log(job.id);
    console.error(`It goes on from epoch ${job.parent?.epoch}. Watch it: descent watch ${job.id}`);
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
