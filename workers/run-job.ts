import type { Progress } from '../src/contract/job.ts';
import type { EpochMetrics } from '../src/contract/metrics.ts';
import { resolveDataset } from '../src/dataset/registry.ts';
import { leavesProcessClean } from '../src/engine/engines.ts';
import type { Artifacts } from '../src/store/artifacts.ts';
import { type CheckpointFile, type JobRecord, UnreadableRecordError } from '../src/store/job-record.ts';
import type { JobTransitions, Start } from '../src/store/job-transitions.ts';
import { Lease } from './lease.ts';
import { persist } from './persist.ts';
import { Run } from './run.ts';
import {
  conclude,
  type End,
  finish,
  giveBack,
  LOST,
  leave,
  removeLitter,
  thirdFault,
  tidy,
} from './run-end.ts';
import { NoTrainerError, type TrainerProcess } from './trainer-process.ts';
import type { HandedOver, WorkerParts } from './worker-parts.ts';

/**
 * One delivery, from BullMQ's hand-over until nothing is left to do for it here: the job has ended, waits under a
 * new delivery, or another worker started it. Never throws, since BullMQ must not decide anything by itself.
 */
export async function runJob(delivery: HandedOver, worker: WorkerParts): Promise<void> {
  const { id } = delivery;
  const run = new Run(delivery);
  const { extendLock } = delivery;
  const lease = new Lease({
    extend: extendLock,
    leaseMs: worker.leaseMs,
    onLost: () => {
      worker.counters.leases_lost++;
      run.interrupt('lease_lost');
    },
  });
  try {
    // News of a delivery may be old: nothing is written, and nobody robbed, before the lock is known to be ours.
    if (!(await lease.proven)) {
      await leave(run, worker);
      return;
    }
    // BullMQ may hand over once more what was given back since; that must not end the run of the newer delivery.
    if ((worker.runs.get(id)?.delivery ?? 0) > delivery.delivery) return;
    await worker.runs.evict(id);
    worker.runs.add(run);
    if (worker.isDraining()) await giveBack(delivery, worker);
    else await startAndTrain(delivery, run, worker);
  } catch (error) {
    worker.log.error({ err: error, job: id }, 'a job could not be run');
    if (run.started) {
      const message = `Descent failed: ${error instanceof Error ? error.message : error}`;
      const failed = { status: 'failed', error: { code: 'internal', message, retryable: false } } as const;
      await finish(run, failed, worker).catch((err: unknown) =>
        worker.log.error({ err, job: id }, 'nor failed'),
      );
    }
  } finally {
    lease.release();
    worker.runs.remove(run);
  }
}

async function startAndTrain(delivery: HandedOver, run: Run, worker: WorkerParts): Promise<void> {
  let trainer: TrainerProcess;
  try {
    trainer = await worker.trainers.take();
  } catch (error) {
    if (!(error instanceof NoTrainerError)) throw error;
    await giveBack(delivery, worker);
    worker.onUnable(error);
    return;
  }
  const started = await start(delivery, run, worker).catch((error: unknown) => {
    worker.trainers.giveBack(trainer);
    throw error;
  });
  if (started === undefined) worker.trainers.giveBack(trainer);
  else await train(started, trainer, delivery, run, worker);
}

interface Started {
  record: JobRecord;
  /** Time since the job's first start. */
  elapsedMs: number;
}

/** Writes the start into the record. Undefined when there is nothing to run. */
async function start(delivery: HandedOver, run: Run, worker: WorkerParts): Promise<Started | undefined> {
  const { id } = delivery;
  for (;;) {
    const record = await persist(() => worker.store.record(id)).catch((error: unknown) => {
      if (error instanceof UnreadableRecordError) return error;
      throw error;
    });
    if (record === undefined) return undefined;
    if (run.interruption === 'lease_lost') {
      await leave(run, worker);
      return undefined;
    }
    const { engine, read, checkpoints } = startPointOf(record);
    const intact = await fromNewestIntact(id, checkpoints, worker.artifacts);
    const answer = await persist(async () =>
      worker.transitions.start(id, {
        delivery: delivery.delivery,
        token: run.token,
        worker: worker.id,
        engine: worker.engineFor(engine).name,
        read,
        fromEpoch: intact[0]?.epoch ?? 0,
        lostReason: LOST,
        lostError: thirdFault('worker_lost', LOST),
      }),
    );
    switch (answer.outcome) {
      case 'moved':
        continue;
      case 'started':
        run.started = true;
        // Now that the job is ours it can end with that, and is not handed over for ever.
        if (record instanceof UnreadableRecordError) throw record;
        worker.counters.jobs_started++;
        worker.log.info({ job: id, attempt: record.attempt + 1 }, 'job started');
        return {
          record: { ...record, attempt: record.attempt + 1, checkpoint: intact },
          elapsedMs: answer.elapsedMs,
        };
      case 'cancelled':
      case 'failed':
        await tidy(id, worker, () => worker.artifacts.remove(id));
        return undefined;
      case 'dropped':
        await removeLitter(id, worker);
        return undefined;
    }
  }
}

interface StartPoint {
  engine: JobRecord['spec']['engine'];
  read: Start['read'];
  checkpoints: CheckpointFile[];
}

function startPointOf(record: JobRecord | UnreadableRecordError): StartPoint {
  if (record instanceof UnreadableRecordError) return { engine: 'auto', read: record.read, checkpoints: [] };
  const { attempt, checkpoint, spec } = record;
  const read = { attempt, checkpointEpoch: checkpoint[0]?.epoch ?? 0 };
  return { engine: spec.engine, read, checkpoints: checkpoint };
}

/** Lets a trainer compute the job and writes down what it says, then how it ended. */
async function train(
  { record, elapsedMs }: Started,
  trainer: TrainerProcess,
  delivery: HandedOver,
  run: Run,
  worker: WorkerParts,
): Promise<void> {
  const engine = worker.engineFor(record.spec.engine);
  if (!engine.available) {
    // Not left to the trainer: it may load, and then crash or compute something else.
    worker.trainers.giveBack(trainer);
    const message = `The engine ${engine.name} is not available: ${engine.reason}`;
    const error = { code: 'engine_unavailable', message, retryable: true } as const;
    await conclude({ type: 'failed', error }, record, delivery, run, worker);
    return;
  }
  const { max_seconds } = record.spec.limits;
  const checkpoints = record.checkpoint.map(({ name }) => name);
  await tidy(run.id, worker, () => worker.artifacts.removeEarlier(run.id, record.attempt, checkpoints));
  const limit =
    max_seconds === null
      ? undefined
      : setTimeout(() => run.interrupt('timeout'), Math.max(0, max_seconds * 1000 - elapsedMs));
  run.progress = record.progress;
  trainer.train({
    type: 'train',
    job: run.id,
    attempt: record.attempt,
    spec: record.spec,
    // Records of 0.1.0 and before have a name only, and it meant the same then.
    data: record.data ?? resolveDataset(record.spec.dataset),
    engine: engine.name,
    checkpoints: record.checkpoint,
  });
  run.attach(trainer);
  let end: End | undefined;
  try {
    end = await follow(trainer, record, run, worker);
  } finally {
    clearTimeout(limit);
    run.detach();
    const endedCleanly = end !== undefined && 'type' in end && end.type !== 'failed';
    if (trainer.alive && endedCleanly && leavesProcessClean(engine.name)) {
      worker.trainers.giveBack(trainer);
    } else {
      trainer.kill();
      // Until it is gone it may still write files.
      await trainer.exited;
    }
  }
  await conclude(end, record, delivery, run, worker);
}

/** Appends what the trainer reports, until it ends. */
async function follow(
  trainer: TrainerProcess,
  record: JobRecord,
  run: Run,
  worker: WorkerParts,
): Promise<End> {
  let checkpoints = record.checkpoint;
  for (;;) {
    const message = await trainer.next();
    if ('how' in message) return message;
    switch (message.type) {
      case 'ready':
        continue;
      case 'progress': {
        const { type: _, ...pace } = message;
        run.progress = progressAt(record, run.progress?.epoch ?? 0, pace);
        await confirm(run, () => worker.transitions.progress(run.id, run.token, run.progress!));
        continue;
      }
      case 'epoch': {
        if (message.warning !== undefined) worker.log.warn({ job: run.id }, message.warning);
        const { metrics, checkpoint } = message;
        const kept = checkpoint === undefined ? checkpoints : [checkpoint, ...checkpoints.slice(0, 1)];
        run.progress = progressAt(record, metrics.epoch, paceOf(metrics, record));
        const confirmed = await confirm(run, () =>
          worker.transitions.epoch(run.id, run.token, {
            metrics,
            progress: run.progress!,
            checkpoints: checkpoint === undefined ? undefined : kept,
          }),
        );
        if (!confirmed) continue;
        worker.counters.epochs++;
        trainer.send({ type: 'confirmed', epoch: metrics.epoch });
        for (const { name } of checkpoints.filter((old) => !kept.includes(old))) {
          await tidy(run.id, worker, () => worker.artifacts.removeFile(run.id, name));
        }
        checkpoints = kept;
        continue;
      }
      default:
        return message;
    }
  }
}

/** Runs a fenced transition; false when the run is over because the record is not ours any more. */
async function confirm(run: Run, transition: () => ReturnType<JobTransitions['epoch']>): Promise<boolean> {
  const answer = await persist(transition);
  if (answer.outcome === 'confirmed') {
    if (answer.status === 'cancelling') run.interrupt('cancelled');
    return true;
  }
  // After a gap the next start goes on from a checkpoint and appends what Redis lost.
  run.interrupt(answer.outcome === 'gap' ? 'lease_lost' : 'evicted');
  return false;
}

/** Without those before the newest that verifies: one that is damaged must not be kept in the place of a good one. */
async function fromNewestIntact(
  id: string,
  checkpoints: CheckpointFile[],
  artifacts: Artifacts,
): Promise<CheckpointFile[]> {
  for (const [i, checkpoint] of checkpoints.entries()) {
    if ((await artifacts.read(id, checkpoint)) !== undefined) return checkpoints.slice(i);
  }
  return [];
}

interface PaceReport {
  step: number;
  steps_per_second: number | null;
  eta_seconds: number | null;
}

function progressAt(record: JobRecord, epoch: number, pace: PaceReport): Progress {
  const { epochs, steps } = record.progress;
  const { step, eta_seconds, steps_per_second } = pace;
  return { epoch, epochs, step, steps, fraction: step / steps, eta_seconds, steps_per_second };
}

function paceOf(
  { epoch, step, steps_per_second, duration_seconds }: EpochMetrics,
  record: JobRecord,
): PaceReport {
  const eta_seconds = Math.round(10 * duration_seconds * (record.progress.epochs - epoch)) / 10;
  return { step, steps_per_second, eta_seconds };
}
