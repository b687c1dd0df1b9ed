import { isTerminal, type JobError } from '../src/contract/job.ts';
import type { JobSpec } from '../src/contract/job-spec.ts';
import type { Finish, FinishOutcome, Requeue, RequeueOutcome } from '../src/store/job-transitions.ts';
import { persist } from './persist.ts';
import type { Run } from './run.ts';
import type { TrainerMessage } from './trainer-message.ts';
import type { Exit } from './trainer-process.ts';
import type { WorkerParts } from './worker-parts.ts';

/** How a run ends, and what the record and the files make of it. */

/** The last that is heard of a trainer. */
export type LastMessage = Exit | Extract<TrainerMessage, { type: 'finished' | 'failed' | 'stopped' }>;

export type End =
  /** There is nothing to do for this delivery. */
  | { type: 'stale' }
  /** Another worker has the lock. */
  | { type: 'not ours' }
  /** This worker takes no jobs at the moment. */
  | { type: 'declined' }
  /** This worker cannot train. */
  | { type: 'unable'; reason: string }
  /** The start found the job ended, or ended it, or dropped the delivery. */
  | { type: 'over'; outcome: 'failed' | 'cancelled' | 'dropped' }
  /** A trainer worked on it. */
  | { type: 'trained'; spec: JobSpec; last: LastMessage }
  | { type: 'failed'; error: JobError };

/** Writes down how a run ended: in a terminal status, back in the queue, or left to another worker. */
export async function conclude(run: Run, end: End, worker: WorkerParts): Promise<void> {
  switch (end.type) {
    case 'stale':
      return;
    case 'not ours':
      return await leave(run, worker);
    case 'declined':
      return await giveBack(run, worker);
    case 'unable':
      await giveBack(run, worker);
      worker.onUnable(end.reason);
      return;
    case 'over':
      return await removeFiles(run, end.outcome, worker);
    case 'failed':
      await finish(run, { status: 'failed', error: end.error }, worker);
      return;
    case 'trained':
      // Whatever the trainer reported last: the record is another run's.
      if (run.interruption === 'evicted') await leave(run, worker);
      else await concludeTraining(run, end, worker);
      return;
  }
}

async function concludeTraining(
  run: Run,
  { last, spec }: Extract<End, { type: 'trained' }>,
  worker: WorkerParts,
): Promise<void> {
  if (last.type === 'finished') {
    const { result, evaluation, model } = last;
    const success = { status: 'succeeded', epoch: spec.training.epochs, result, evaluation, model } as const;
    if ((await finish(run, success, worker)) === 'gap') {
      await requeue(run, fault('lease_lost', 'Redis came back without its newest epochs'), worker);
    }
    return;
  }
  if (last.type === 'failed') {
    await finish(run, { status: 'failed', error: last.error }, worker);
    // The next job would fail alike: before this slot takes it, find out whether the storage works at all.
    if (last.error.code === 'storage_unavailable') await worker.storage.look();
    return;
  }
  switch (run.interruption) {
    case 'cancelled':
      if ((await finish(run, { status: 'cancelled' }, worker)) === 'refused') {
        await requeue(run, fault('lease_lost', 'Redis came back without the cancel'), worker);
      }
      return;
    case 'timeout':
      await finish(run, { status: 'failed', error: timedOut(spec) }, worker);
      return;
    case 'drained':
      await requeue(run, DRAINED, worker);
      return;
    case 'lease_lost':
      await requeue(run, fault('lease_lost', 'its worker lost touch with Redis'), worker);
      return;
    default: {
      worker.counters.trainers_crashed++;
      const how = last.type === 'exited' ? last.how : 'it stopped without being asked to';
      const reason = `its trainer process crashed: ${how}`;
      worker.log.error({ job: run.id }, reason);
      await requeue(run, fault('trainer_crashed', reason), worker);
    }
  }
}

/** Ends the job in the record, then removes the files that nothing needs any more. */
async function finish(run: Run, how: Finish, worker: WorkerParts): Promise<FinishOutcome['outcome']> {
  const { id } = run;
  const { outcome } = await persist(() => worker.transitions.finish(id, run.token, how));
  worker.log.info(
    { job: id, ...(how.status === 'failed' && { reason: how.error.message }) },
    `job ${outcome}`,
  );
  if (outcome === 'succeeded' && how.status === 'succeeded') {
    worker.counters.jobs_succeeded++;
    await tidy(id, worker, () => worker.artifacts.keepOnly(id, [how.evaluation.name, how.model.name]));
  } else if (outcome === 'failed' || outcome === 'cancelled') {
    worker.counters[outcome === 'failed' ? 'jobs_failed' : 'jobs_cancelled']++;
    await removeFiles(run, outcome, worker);
  } else if (outcome === 'refused') {
    await leave(run, worker);
  }
  return outcome;
}

/** Why a started job goes back into the queue. */
type Reason = Pick<Requeue, 'outcome' | 'reason' | 'error'>;

/** Puts the job back into the queue, for whichever worker is next. */
async function requeue(run: Run, why: Reason, worker: WorkerParts): Promise<void> {
  const how = { ...why, token: run.token, delivery: run.delivery };
  const answer = await persist(() => worker.transitions.requeue(run.id, how));
  if (answer.outcome === 'refused') await leave(run, worker);
  else await afterRequeue(run, answer, worker);
}

/** Gives back a delivery that was not started here. */
async function giveBack(run: Run, worker: WorkerParts): Promise<void> {
  const how = { ...fault('worker_lost', LOST), delivery: run.delivery, lost: true };
  await afterRequeue(run, await persist(() => worker.transitions.giveBack(run.id, how)), worker);
}

/**
 * Leaves a job that is not ours any more: another worker has it, or it has ended. Should the record wait under this
 * very delivery, then Redis lost our start, and no other worker will be handed it.
 */
async function leave(run: Run, worker: WorkerParts): Promise<void> {
  const why = fault('lease_lost', 'Redis came back without its start');
  const how = { ...why, delivery: run.delivery, lost: false };
  await afterRequeue(run, await persist(() => worker.transitions.giveBack(run.id, how)), worker);
}

async function afterRequeue(run: Run, answer: RequeueOutcome, worker: WorkerParts): Promise<void> {
  if (answer.outcome === 'queued') {
    worker.counters.jobs_requeued++;
    worker.log.info({ job: run.id, delivery: answer.deliveryId }, 'job goes back to the queue');
    await worker.queue.enqueue(answer.deliveryId);
  } else {
    await removeFiles(run, answer.outcome, worker);
  }
}

/** Removes the files of a job that has ended here; of one that another run may have ended, those that nothing names. */
async function removeFiles(
  { id }: Run,
  outcome: 'failed' | 'cancelled' | 'dropped' | 'refused',
  worker: WorkerParts,
): Promise<void> {
  const isEndedHere = outcome === 'failed' || outcome === 'cancelled';
  if (isEndedHere) await tidy(id, worker, () => worker.artifacts.remove(id));
  else await removeLitter(id, worker);
}

/**
 * Removes what lies in the folder of a job that has ended besides the files that its record names: a trainer that was
 * stopped while another attempt ended the job may have written once more. Only after that trainer is gone.
 */
async function removeLitter(id: string, worker: WorkerParts): Promise<void> {
  const record = await persist(() => worker.store.record(id));
  if (record !== undefined && !isTerminal(record.status)) return;
  const named = [record?.evaluation?.name, record?.model?.name].filter((name) => name !== undefined);
  await tidy(id, worker, () =>
    named.length === 0 ? worker.artifacts.remove(id) : worker.artifacts.keepOnly(id, named),
  );
}

/** Files that stay behind cost room until the job is removed; they never cost the job. */
export async function tidy(id: string, worker: WorkerParts, remove: () => Promise<void>): Promise<void> {
  await remove().catch((error: unknown) =>
    worker.log.warn({ err: error, job: id }, 'old files of a job could not be removed'),
  );
}

/** Why a job is started again whose worker went silent. */
export const LOST = 'its worker was lost: the lease ran out without a word from it';

const DRAINED: Reason = { outcome: 'drained', reason: 'its worker was stopped', error: undefined };

type FaultCode = 'worker_lost' | 'trainer_crashed' | 'lease_lost';

const fault = (outcome: FaultCode, reason: string): Reason => ({
  outcome,
  reason,
  error: thirdFault(outcome, reason),
});

/** How a job ends that was started in vain three times in a row. */
export const thirdFault = (code: FaultCode, reason: string): JobError => ({
  code,
  message: `The job was given up after the third fault in a row without a new epoch. The last one: ${reason}.`,
  retryable: true,
});

const timedOut = ({ limits }: JobSpec): JobError => ({
  code: 'timeout',
  message: `The job took longer than limits.max_seconds = ${limits.max_seconds}. Allow more time, or train less.`,
  retryable: false,
});
