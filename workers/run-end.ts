import { isTerminal, type JobError } from '../src/contract/job.ts';
import type { JobRecord } from '../src/store/job-record.ts';
import type { Finish, FinishOutcome, Requeue, RequeueOutcome } from '../src/store/job-transitions.ts';
import { persist } from './persist.ts';
import type { Run } from './run.ts';
import type { TrainerMessage } from './trainer-message.ts';
import type { Exit } from './trainer-process.ts';
import type { HandedOver, WorkerParts } from './worker-parts.ts';

/** How a run ends: what its trainer said last, and what the record makes of it. */

export type End = Exit | Extract<TrainerMessage, { type: 'finished' | 'failed' | 'stopped' }>;

/** Writes down how a run ended: in a terminal status, or back in the queue. */
export async function conclude(
  end: End,
  record: JobRecord,
  { delivery }: HandedOver,
  run: Run,
  worker: WorkerParts,
): Promise<void> {
  if (run.interruption === 'evicted') {
    await leave(run, worker);
    return;
  }
  if ('type' in end && end.type === 'finished') {
    const { result, evaluation, model } = end;
    const { epochs } = record.spec.training;
    const success = { status: 'succeeded', epoch: epochs, result, evaluation, model } as const;
    if ((await finish(run, success, worker)) === 'gap') {
      await requeue(run, fault(delivery, 'lease_lost', 'Redis came back without its newest epochs'), worker);
    }
    return;
  }
  if ('type' in end && end.type === 'failed') {
    await finish(run, { status: 'failed', error: end.error }, worker);
    return;
  }
  switch (run.interruption) {
    case 'cancelled':
      if ((await finish(run, { status: 'cancelled' }, worker)) === 'refused') {
        await requeue(run, fault(delivery, 'lease_lost', 'Redis came back without the cancel'), worker);
      }
      return;
    case 'timeout':
      await finish(run, { status: 'failed', error: timedOut(record) }, worker);
      return;
    case 'drained':
      await requeue(
        run,
        { delivery, outcome: 'drained', reason: 'its worker was stopped', error: undefined },
        worker,
      );
      return;
    case 'lease_lost':
      await requeue(run, fault(delivery, 'lease_lost', 'its worker lost touch with Redis'), worker);
      return;
    default: {
      worker.counters.trainers_crashed++;
      const reason = `its trainer process crashed: ${'how' in end ? end.how : 'it stopped unasked'}`;
      worker.log.error({ job: run.id }, reason);
      await requeue(run, fault(delivery, 'trainer_crashed', reason), worker);
    }
  }
}

/** Ends the job in the record, then removes the files that nothing needs any more. */
export async function finish(run: Run, how: Finish, worker: WorkerParts): Promise<FinishOutcome['outcome']> {
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
    await tidy(id, worker, () => worker.artifacts.remove(id));
  } else if (outcome === 'refused') {
    await leave(run, worker);
  }
  return outcome;
}

async function requeue(run: Run, how: Omit<Requeue, 'token'>, worker: WorkerParts): Promise<void> {
  const answer = await persist(() => worker.transitions.requeue(run.id, { ...how, token: run.token }));
  if (answer.outcome === 'refused') await leave(run, worker);
  else await afterRequeue(run.id, answer, worker);
}

/**
 * Leaves a job that is not ours any more: another worker has it, or it has ended. Should the record wait under this
 * very delivery, then Redis lost our start, and nobody else will be handed it.
 */
export async function leave({ id, delivery }: Run, worker: WorkerParts): Promise<void> {
  const how = { ...fault(delivery, 'lease_lost', 'Redis came back without its start'), lost: false };
  const answer = await persist(() => worker.transitions.requeue(id, { ...how, token: undefined }));
  await afterRequeue(id, answer, worker);
}

/**
 * Removes what lies in the folder of a job that has ended besides the files that its record names: a trainer that was
 * stopped while another attempt ended the job may have written once more. Only after that trainer is gone.
 */
export async function removeLitter(id: string, worker: WorkerParts): Promise<void> {
  const record = await persist(() => worker.store.record(id));
  if (record !== undefined && !isTerminal(record.status)) return;
  const named = [record?.evaluation?.name, record?.model?.name].filter((name) => name !== undefined);
  await tidy(id, worker, () =>
    named.length === 0 ? worker.artifacts.remove(id) : worker.artifacts.keepOnly(id, named),
  );
}

/** Gives back a delivery that was handed over while draining. */
export async function giveBack({ id, delivery }: HandedOver, worker: WorkerParts): Promise<void> {
  const how = fault(delivery, 'worker_lost', LOST);
  const answer = await persist(() => worker.transitions.requeue(id, { ...how, token: undefined }));
  await afterRequeue(id, answer, worker);
}

async function afterRequeue(id: string, answer: RequeueOutcome, worker: WorkerParts): Promise<void> {
  if (answer.outcome === 'queued') {
    worker.counters.jobs_requeued++;
    worker.log.info({ job: id, delivery: answer.deliveryId }, 'job goes back to the queue');
    await worker.queue.enqueue(answer.deliveryId);
  } else if (answer.outcome === 'failed' || answer.outcome === 'cancelled') {
    await tidy(id, worker, () => worker.artifacts.remove(id));
  } else {
    await removeLitter(id, worker);
  }
}

/** Files that stay behind cost room until the job is removed; they never cost the job. */
export async function tidy(id: string, worker: WorkerParts, run: () => Promise<void>): Promise<void> {
  await run().catch((error: unknown) =>
    worker.log.warn({ err: error, job: id }, 'old files of a job could not be removed'),
  );
}

/** Why a job is started again whose worker went silent. */
export const LOST = 'its worker was lost: the lease ran out without a word from it';

type FaultCode = 'worker_lost' | 'trainer_crashed' | 'lease_lost';

const fault = (delivery: number, outcome: FaultCode, reason: string): Omit<Requeue, 'token'> => ({
  delivery,
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

const timedOut = ({ spec }: JobRecord): JobError => ({
  code: 'timeout',
  message: `The job took longer than limits.max_seconds = ${spec.limits.max_seconds}. Allow more time, or train less.`,
  retryable: false,
});
