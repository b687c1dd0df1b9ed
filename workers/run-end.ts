import {
  isTerminal,
  type JobError,
  type ResultHashes,
  type Verification,
  type Verifies,
} from '../src/contract/job.ts';
import type { EngineName, JobSpec } from '../src/contract/job-spec.ts';
import { resolveDataset } from '../src/dataset/registry.ts';
import { monotonicMs } from '../src/process/clock.ts';
import { type JobRecord, UnreadableRecordError } from '../src/store/job-record.ts';
import type { Finish, FinishOutcome, Requeue, RequeueOutcome } from '../src/store/job-transitions.ts';
import type { JobWork } from '../src/training/job-work.ts';
import { withKept } from '../src/training/kept-epochs.ts';
import { resultKey } from '../src/training/result-key.ts';
import { persist } from './persist.ts';
import type { Run } from './run.ts';
import type { TrainerMessage } from './trainer-message.ts';
import type { Exit } from './trainer-process.ts';
import { withoutPaths } from './without-paths.ts';
import type { WorkerParts } from './worker-parts.ts';

/** How a run ends, and what then happens to the record and the files. */

/** The last message from a trainer, or its exit. */
export type LastMessage = Exit | Extract<TrainerMessage, { type: 'finished' | 'failed' | 'stopped' }>;

export type End =
  /** Nothing is left to do for this delivery. */
  | { type: 'stale' }
  /** Another worker has the lock. */
  | { type: 'not ours' }
  /** A later version of Descent wrote the record. */
  | { type: 'newer' }
  /** This worker takes no jobs at the moment. */
  | { type: 'declined' }
  /** This worker cannot train. */
  | { type: 'unable'; reason: string }
  /** The start transition found the job ended, ended it, or dropped the delivery. */
  | { type: 'over'; outcome: 'paused' | 'failed' | 'cancelled' | 'dropped' }
  | Trained
  | { type: 'failed'; error: JobError };

/** A trainer worked on it. */
export interface Trained {
  type: 'trained';
  record: Pick<JobRecord, 'spec' | 'data' | 'parent' | 'verifies'>;
  last: LastMessage;
  /** The kernel killed its trainer for want of memory. */
  outOfMemory: boolean;
  /** What is learned from its time if it succeeds; absent when its time says nothing. */
  measured?: { engine: EngineName; work: JobWork };
}

/** Records how a run ended: the job gets a terminal status, returns to the queue, or is left to another worker. */
export async function conclude(run: Run, end: End, worker: WorkerParts): Promise<void> {
  switch (end.type) {
    case 'stale':
      return;
    case 'newer':
      worker.log.warn(
        run.about,
        'a later version of Descent wrote this job; it is left to a worker of that version',
      );
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
      return await removeLitter(run.id, worker);
    case 'failed':
      await finish(run, { status: 'failed', error: end.error }, worker);
      return;
    case 'trained':
      // The record belongs to another run, whatever the trainer reported last.
      if (run.interruption === 'evicted') await leave(run, worker);
      else await concludeTraining(run, end, worker);
      return;
  }
}

async function concludeTraining(
  run: Run,
  { last, record, outOfMemory, measured }: Trained,
  worker: WorkerParts,
): Promise<void> {
  const { spec } = record;
  if (last.type === 'finished') {
    const { result, evaluation, model, log, checkpoint } = last;
    const kept = checkpoint === undefined ? [...run.kept] : withKept(spec, run.kept, checkpoint);
    const isShort = typeof result.stopped_epoch === 'number';
    const epoch = result.stopped_epoch ?? spec.training.epochs;
    // Older records have only the dataset's name, which still means the same data.
    const data = record.data ?? resolveDataset(spec.dataset);
    const success = {
      ...({ status: 'succeeded', epoch, result, evaluation, model, log, kept } as const),
      resultKey: resultKey({ spec, data, parent: record.parent }),
      verification: record.verifies && verificationOf(run.id, record.verifies, result),
    };
    const seconds = (monotonicMs() - run.startedMs) / 1000;
    const outcome = await finish(run, success, worker);
    if (outcome === 'gap') {
      await requeue(run, fault('lease_lost', 'Redis came back without its newest epochs'), worker);
    } else if (outcome === 'succeeded' && measured !== undefined && !isShort) {
      // Of a job that stopped early, the work is not known. Nobody waits for it, and losing it costs nothing.
      worker.timings
        .add(measured.engine, { seconds, work: measured.work })
        .catch((err: unknown) => worker.log.warn({ err, ...run.about }, "a job's time could not be noted"));
    }
    return;
  }
  if (last.type === 'failed') {
    const { error, log, verdicts } = last;
    await finish(run, { status: 'failed', error, log, verdicts }, worker);
    // The next job would fail the same way, so check the storage before this slot takes one.
    if (last.error.code === 'storage_unavailable') await worker.storage.look();
    return;
  }
  if (run.interruption === 'paused_now' || (run.interruption === 'paused' && last.type === 'stopped')) {
    await requeue(run, PAUSED, worker);
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
      if (outOfMemory) {
        await finish(run, { status: 'failed', error: OUT_OF_MEMORY }, worker);
        return;
      }
      const how = last.type === 'exited' ? last.how : 'it stopped without being asked to';
      const reason = `its trainer process crashed: ${how}`;
      worker.log.error(run.about, reason);
      await requeue(run, fault('trainer_crashed', reason), worker);
    }
  }
}

/** Whether a job that trained another again came to the same result. */
function verificationOf(by: string, { job, ...expected }: Verifies, result: ResultHashes): Verification {
  const { weights_sha256, metrics_sha256 } = result;
  const isSame = weights_sha256 === expected.weights_sha256 && metrics_sha256 === expected.metrics_sha256;
  const verdict = isSame ? 'verified' : 'differs';
  return { verdict, job, by, expected, found: { weights_sha256, metrics_sha256 } };
}

/** Ends the job in the record, then removes the files that are no longer needed. */
async function finish(run: Run, how: Finish, worker: WorkerParts): Promise<FinishOutcome['outcome']> {
  const { id } = run;
  const { outcome } = await persist(() => worker.transitions.finish(id, run.token, forClients(how)));
  worker.log.info(
    { ...run.about, ...(how.status === 'failed' && { reason: how.error.message }) },
    `job ${outcome}`,
  );
  if (outcome === 'succeeded' && how.status === 'succeeded') {
    worker.counters.jobs_succeeded++;
    const files = [how.evaluation, how.model, how.log, ...(how.kept ?? [])];
    const names = files.flatMap((file) => (file === undefined ? [] : [file.name]));
    await tidy(id, worker, () => worker.artifacts.keepOnly(id, names));
  } else if (outcome === 'failed' || outcome === 'cancelled') {
    worker.counters[outcome === 'failed' ? 'jobs_failed' : 'jobs_cancelled']++;
    await removeLitter(id, worker, true);
  } else if (outcome === 'refused') {
    await leave(run, worker);
  }
  return outcome;
}

function forClients(how: Finish): Finish {
  if (how.status !== 'failed') return how;
  return { ...how, error: { ...how.error, message: withoutPaths(how.error.message) } };
}

/** Why a started job goes back to the queue. */
type Reason = Pick<Requeue, 'outcome' | 'reason' | 'error'>;

/** Puts the job back into the queue for the next free worker. */
async function requeue(run: Run, why: Reason, worker: WorkerParts): Promise<void> {
  const how = { ...why, token: run.token, delivery: run.delivery };
  const answer = await persist(() => worker.transitions.requeue(run.id, how));
  if (answer.outcome === 'refused') await leave(run, worker);
  else await afterRequeue(run, answer, worker);
}

/** Gives back a delivery that this worker did not start. */
async function giveBack(run: Run, worker: WorkerParts): Promise<void> {
  const how = { ...fault('worker_lost', LOST), delivery: run.delivery, lost: true };
  await afterRequeue(run, await persist(() => worker.transitions.giveBack(run.id, how)), worker);
}

/**
 * Leaves a job that is no longer ours: another worker has it, or it has ended. If the record is still queued under this
 * delivery, Redis lost our start and no other worker will receive the job, so it goes back to the queue.
 */
async function leave(run: Run, worker: WorkerParts): Promise<void> {
  const why = fault('lease_lost', 'Redis came back without its start');
  const how = { ...why, delivery: run.delivery, lost: false };
  await afterRequeue(run, await persist(() => worker.transitions.giveBack(run.id, how)), worker);
}

async function afterRequeue(run: Run, answer: RequeueOutcome, worker: WorkerParts): Promise<void> {
  if (answer.outcome === 'queued') {
    worker.counters.jobs_requeued++;
    worker.log.info({ ...run.about, delivery: answer.deliveryId }, 'job goes back to the queue');
    await worker.queue.enqueue(answer.deliveryId);
  } else {
    if (answer.outcome === 'paused') worker.log.info(run.about, 'job paused');
    await removeLitter(run.id, worker);
  }
}

/**
 * Removes the files of a job that has ended, but for those that its record names: checkpoints, and what a trainer wrote
 * that was stopped while another attempt ended the job. Call it only after that trainer has exited. One that goes on
 * later keeps all. A record that cannot be read names none; the job may still be another's, unless this run ended it.
 */
async function removeLitter(id: string, worker: WorkerParts, isEndedHere = false): Promise<void> {
  const record = await persist(() => (isEndedHere ? readableRecord(id, worker) : worker.store.record(id)));
  if (record !== undefined && !isTerminal(record.status)) return;
  const named = [record?.evaluation, record?.model, record?.log, ...(record?.kept ?? [])].flatMap((file) =>
    file === undefined ? [] : [file.name],
  );
  await tidy(id, worker, () =>
    named.length === 0 ? worker.artifacts.remove(id) : worker.artifacts.keepOnly(id, named),
  );
}

/** Undefined if there is none, or nobody can read it. */
async function readableRecord(id: string, worker: WorkerParts): Promise<JobRecord | undefined> {
  try {
    return await worker.store.record(id);
  } catch (error) {
    if (error instanceof UnreadableRecordError) return undefined;
    throw error;
  }
}

/** Logs a failed removal: leftover files take space until the job is removed, but must not fail it. */
export async function tidy(id: string, worker: WorkerParts, remove: () => Promise<void>): Promise<void> {
  await remove().catch((error: unknown) =>
    worker.log.warn({ err: error, job: id }, 'old files of a job could not be removed'),
  );
}

/** The reason for a new start when the worker went silent. */
export const LOST = 'its worker was lost: its lease expired without a renewal';

/** The reason is told only if Redis lost the pause, so that the job goes back to the queue. */
const PAUSED: Reason = { outcome: 'paused', reason: 'Redis came back without its pause', error: undefined };

const DRAINED: Reason = { outcome: 'drained', reason: 'its worker was stopped', error: undefined };

type FaultCode = 'worker_lost' | 'trainer_crashed' | 'lease_lost';

const fault = (outcome: FaultCode, reason: string): Reason => ({
  outcome,
  reason: withoutPaths(reason),
  error: thirdFault(outcome, withoutPaths(reason)),
});

/** The error of a job that fails at its third fault in a row. */
export const thirdFault = (code: FaultCode, reason: string): JobError => ({
  code,
  message: `The job was given up after the third fault in a row without a new epoch. The last one: ${reason}.`,
  retryable: true,
});

const OUT_OF_MEMORY: JobError = {
  code: 'out_of_memory',
  message:
    'The kernel ended the trainer of this job because the memory of its worker was used up. Make the model or batch_size smaller, or train fewer jobs at a time.',
  retryable: false,
};

const timedOut = ({ limits }: JobSpec): JobError => ({
  code: 'timeout',
  message: `The job took longer than limits.max_seconds = ${limits.max_seconds}. Allow more time, or train less.`,
  retryable: false,
});
