import { Lease } from './lease.ts';
import { Run } from './run.ts';
import { conclude, type End } from './run-end.ts';
import { start } from './run-start.ts';
import { train } from './run-training.ts';
import { NoTrainerError, type TrainerProcess } from './trainer-process.ts';
import type { HandedOver, WorkerParts } from './worker-parts.ts';

/**
 * Processes one delivery from BullMQ's hand-over until nothing is left to do for it here: the job has ended, waits
 * under a new delivery, or runs on another worker. Never throws, since BullMQ must not decide anything by itself.
 * @returns later when this worker must leave the delivery to another.
 */
export async function runJob(delivery: HandedOver, worker: WorkerParts): Promise<'done' | 'later'> {
  const run = new Run(delivery);
  const lease = new Lease({
    extend: delivery.extendLock,
    leaseMs: worker.leaseMs,
    onLost: () => {
      worker.counters.leases_lost++;
      run.interrupt('lease_lost');
    },
  });
  try {
    const end = await carryOut(run, lease, worker);
    await conclude(run, end, worker);
    return end.type === 'newer' ? 'later' : 'done';
  } catch (error) {
    worker.log.error({ err: error, ...run.about }, 'a job could not be run');
    if (run.started) {
      const message = `Descent failed: ${error instanceof Error ? error.message : error}`;
      const failed: End = { type: 'failed', error: { code: 'internal', message, retryable: false } };
      await conclude(run, failed, worker).catch((err: unknown) =>
        worker.log.error({ err, ...run.about }, 'the failure of a job could not be recorded'),
      );
    }
    return 'done';
  } finally {
    lease.release();
    worker.runs.remove(run);
  }
}

/** Trains the job, unless there is a reason not to. */
async function carryOut(run: Run, lease: Lease, worker: WorkerParts): Promise<End> {
  // The delivery may be stale: until the lock is proven ours, write nothing and end no other run.
  if (!(await lease.proven)) return { type: 'not ours' };
  // BullMQ may hand over an old delivery again; it must not end the run of a newer one.
  if ((worker.runs.get(run.id)?.delivery ?? 0) > run.delivery) return { type: 'stale' };
  await worker.runs.evict(run.id);
  worker.runs.add(run);
  if (!worker.takesJobs()) return { type: 'declined' };
  let trainer: TrainerProcess;
  try {
    trainer = await worker.trainers.take();
  } catch (error) {
    if (error instanceof NoTrainerError) return { type: 'unable', reason: error.message };
    throw error;
  }
  const started = await start(run, worker).catch((error: unknown) => {
    worker.trainers.giveBack(trainer);
    throw error;
  });
  if (started.type === 'started') return await train(run, { ...started, trainer }, worker);
  worker.trainers.giveBack(trainer);
  return started;
}
