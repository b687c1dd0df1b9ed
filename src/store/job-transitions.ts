import { z } from 'zod';
import type { Verdict } from '../contract/doctor.ts';
import {
  type AttemptOutcome,
  type JobError,
  type JobResult,
  type JobStatus,
  JobStatusSchema,
  type Progress,
  type Verification,
} from '../contract/job.ts';
import type { JobEvent } from '../contract/job-event.ts';
import type { EngineName } from '../contract/job-spec.ts';
import type { EpochMetrics } from '../contract/metrics.ts';
import type { Redis } from '../redis/connections.ts';
import { deliveryIdOf } from './delivery.ts';
import { resultFacts } from './facts.ts';
import { type CheckpointFile, type JobFile, type KeptFile, RECORD_SCHEMA } from './job-record.ts';
import { cutAtGaps, Gap } from './json-gaps.ts';
import type { Keys } from './keys.ts';
import { answered, releasedBy, runTransition } from './transition-runner.ts';

type EventData<Type extends JobEvent['type']> = Extract<JobEvent, { type: Type }>['data'];

export interface Start {
  /** The delivery that BullMQ handed over. */
  delivery: number;
  /** Random; the fence of this start. */
  token: string;
  worker: string;
  engine: EngineName;
  /** What the caller read in the record: its attempt and its checkpoint's epoch (0: none). */
  read: { attempt: number; checkpointEpoch: number };
  /** Epoch of the checkpoint to start from. */
  fromEpoch: number;
  /** Why the job starts again, used if the record shows another worker running it. */
  lostReason: string;
  /** The job's error, used if this is the third fault in a row. */
  lostError: JobError;
}

export type StartOutcome =
  | { outcome: 'started' /** Time since the first start. */; elapsedMs: number }
  | { outcome: 'moved' | 'failed' | 'paused' | 'cancelled' | 'dropped' };

export interface EpochReport {
  metrics: EpochMetrics;
  progress: Progress;
  /** Newest first; undefined when this epoch wrote none. */
  checkpoints: CheckpointFile[] | undefined;
  /** Undefined when they are the same as before. */
  kept?: KeptFile[] | undefined;
  /** Written with the checkpoint. */
  log?: JobFile | undefined;
  verdicts?: Verdict[] | undefined;
}

/**
 * `refused`: this worker no longer holds the job, or the job has ended. `gap`: the record lacks the previous epoch
 * because Redis came back without its newest writes.
 */
export type Confirmation = { outcome: 'confirmed'; status: JobStatus } | { outcome: 'refused' | 'gap' };

/** How a start is undone. */
export interface Requeue {
  token: string;
  /** The delivery that was started. */
  delivery: number;
  outcome: Extract<AttemptOutcome, 'paused' | 'drained' | 'worker_lost' | 'trainer_crashed' | 'lease_lost'>;
  /** Why the job will start again, in words. */
  reason: string;
  /** The job's error, used if this is the third fault in a row; undefined when it is no fault. */
  error: JobError | undefined;
}

/** Returns a delivery that this worker did not start. Any fault belongs to the start in the record, if there is one. */
export interface GiveBack extends Omit<Requeue, 'token'> {
  /** Whether the worker that a running record names is lost; if not, that worker keeps the job. */
  lost: boolean;
}

export type RequeueOutcome =
  | { outcome: 'queued'; deliveryId: string }
  | { outcome: 'paused' | 'failed' | 'cancelled' | 'dropped' | 'refused' };

export type Finish =
  | {
      status: 'succeeded';
      /** The last epoch; it must be in the record. */
      epoch: number;
      result: Omit<JobResult, 'duration_seconds'>;
      evaluation: JobFile;
      model: JobFile;
      log?: JobFile | undefined;
      kept?: KeptFile[];
      /** What decided the result, see training/result-key.ts. */
      resultKey: string;
      /** Only of a job that trained another again. */
      verification?: Verification | undefined;
    }
  | { status: 'failed'; error: JobError; log?: JobFile | undefined; verdicts?: Verdict[] | undefined }
  | { status: 'cancelled' };

/** `gap`: the record lacks the last epoch. */
export interface FinishOutcome {
  outcome: 'succeeded' | 'failed' | 'cancelled' | 'queued' | 'paused' | 'refused' | 'gap';
}

export interface Holder {
  status: JobStatus;
  /** Of the current start. */
  token: string | undefined;
  /** Whether a job that is `pausing` does not wait for the end of its epoch. */
  pausesNow: boolean;
}

const DELIVERED = z.coerce.number().int().gte(1);

/**
 * The transitions of a worker. Each carries the token of its start and is refused once another start took over or the
 * job ended. Each may be repeated: a repeat returns the first call's outcome.
 * Every method may throw StoreUnavailableError: the transition may or may not have happened, so repeat it.
 */
export class JobTransitions {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #onReleased: (deliveryIds: string[]) => void;

  /** @param onReleased called with the deliveries that a transition released, which must be enqueued. */
  constructor(redis: Redis, keys: Keys, onReleased: (deliveryIds: string[]) => void = () => {}) {
    this.#redis = redis;
    this.#keys = keys;
    this.#onReleased = onReleased;
  }

  async start(id: string, start: Start): Promise<StartOutcome> {
    const { attempt, checkpointEpoch } = start.read;
    const event: EventData<'job.running'> = {
      attempt: attempt + 1,
      worker: start.worker,
      engine: start.engine,
      from_epoch: start.fromEpoch,
    };
    const answer = await this.#run('start', id, {
      schema: RECORD_SCHEMA,
      delivery: start.delivery,
      token: start.token,
      worker: start.worker,
      engine: start.engine,
      attempt,
      checkpoint_epoch: checkpointEpoch,
      from_epoch: start.fromEpoch,
      lost_reason: start.lostReason,
      error: JSON.stringify(start.lostError),
      event: JSON.stringify(event),
    });
    if (answer.outcome === 'started') return { outcome: 'started', elapsedMs: Number(answer.elapsed_ms) };
    // A repeated start whose job has since gone back to the queue or succeeded: nothing is left to do.
    if (answer.outcome === 'queued' || answer.outcome === 'succeeded') return { outcome: 'dropped' };
    return { outcome: z.enum(['moved', 'failed', 'paused', 'cancelled', 'dropped']).parse(answer.outcome) };
  }

  async epoch(id: string, token: string, report: EpochReport): Promise<Confirmation> {
    const { metrics, progress, checkpoints, kept, log, verdicts } = report;
    const { epoch, loss, accuracy, val_loss, val_accuracy, mae, val_mae } = metrics;
    const answer = await this.#run('epoch', id, {
      token,
      epoch,
      step: metrics.step,
      event: JSON.stringify(metrics satisfies EventData<'job.epoch'>),
      latest: JSON.stringify({ epoch, loss, accuracy, val_loss, val_accuracy, mae, val_mae }),
      progress: JSON.stringify(progress),
      checkpoint: checkpoints === undefined ? '' : JSON.stringify(checkpoints),
      kept: kept === undefined ? '' : JSON.stringify(kept),
      log: log === undefined ? '' : JSON.stringify(log),
      ...verdictArgs(verdicts),
    });
    return confirmation(answer);
  }

  async progress(id: string, token: string, progress: Progress): Promise<Confirmation> {
    const answer = await this.#run('progress', id, {
      token,
      step: progress.step,
      progress: JSON.stringify(progress satisfies EventData<'job.progress'>),
    });
    return confirmation(answer);
  }

  /** Puts a job that this worker started back into the queue, under a new delivery; one that is `pausing` pauses. */
  async requeue(id: string, { token, ...how }: Requeue): Promise<RequeueOutcome> {
    return await this.#requeue(id, { ...how, lost: true }, token);
  }

  /** Puts a job that this worker received but did not start back into the queue, under a new delivery. */
  async giveBack(id: string, how: GiveBack): Promise<RequeueOutcome> {
    return await this.#requeue(id, how, '');
  }

  async #requeue(id: string, how: GiveBack, token: string): Promise<RequeueOutcome> {
    const { delivery, error, lost, outcome, reason } = how;
    const fault = error !== undefined;
    const event: EventData<'job.queued'> = { reason: fault ? 'fault' : 'drained' };
    const answer = await this.#run('requeue', id, {
      token,
      delivery,
      lost: lost ? 'yes' : 'no',
      outcome,
      reason,
      fault: fault ? 'yes' : 'no',
      error: fault ? JSON.stringify(error) : '',
      event: JSON.stringify(event),
    });
    if (answer.outcome === 'queued') {
      // A repeat's answer has no delivery number; the first call raised it by one.
      const next = DELIVERED.parse(answer.delivery ?? delivery + 1);
      return { outcome: 'queued', deliveryId: deliveryIdOf({ id, delivery: next }) };
    }
    if (answer.outcome === 'succeeded') return { outcome: 'refused' };
    return { outcome: z.enum(['paused', 'failed', 'cancelled', 'dropped', 'refused']).parse(answer.outcome) };
  }

  async finish(id: string, token: string, finish: Finish): Promise<FinishOutcome> {
    const duration = new Gap();
    const answer = await this.#run('finish', id, {
      token,
      status: finish.status,
      log: finish.status === 'cancelled' || finish.log === undefined ? '' : JSON.stringify(finish.log),
      ...(finish.status === 'failed' && {
        error: JSON.stringify(finish.error),
        ...verdictArgs(finish.verdicts),
      }),
      ...(finish.status === 'succeeded' && {
        epoch: finish.epoch,
        evaluation: JSON.stringify(finish.evaluation),
        model: JSON.stringify(finish.model),
        kept: finish.kept === undefined ? '' : JSON.stringify(finish.kept),
        result_key: finish.resultKey,
        verification: finish.verification === undefined ? '' : JSON.stringify(finish.verification),
        verifies: finish.verification?.job ?? '',
        verdict: finish.verification?.verdict ?? '',
        ...resultFacts(finish.result),
        ...resultPieces({ ...finish.result, duration_seconds: duration }, duration),
      }),
    });
    return {
      outcome: z
        .enum(['succeeded', 'failed', 'cancelled', 'queued', 'paused', 'refused', 'gap'])
        .parse(answer.outcome),
    };
  }

  /** What the worker of each job must know of its record; undefined for a job without one. */
  async holders(ids: string[]): Promise<(Holder | undefined)[]> {
    return await Promise.all(
      ids.map(async (id) => {
        const [status, token, pauseNow] = await answered(() =>
          this.#redis.hmget(this.#keys.job(id), 'status', 'token', 'pause_now'),
        );
        if (status == null) return undefined;
        return {
          status: JobStatusSchema.parse(status),
          token: token ?? undefined,
          pausesNow: pauseNow !== null,
        };
      }),
    );
  }

  async #run(
    name: 'start' | 'epoch' | 'progress' | 'requeue' | 'finish',
    id: string,
    args: Record<string, string | number>,
  ) {
    const answer = await runTransition(this.#redis, this.#keys, name, { id, args });
    const released = releasedBy(answer);
    if (released.length > 0) this.#onReleased(released);
    return answer;
  }
}

/** verdict_1, verdict_2, ...: the data of an event each. */
const verdictArgs = (verdicts: readonly EventData<'job.verdict'>[] = []): Record<string, string> =>
  Object.fromEntries(verdicts.map((verdict, k) => [`verdict_${k + 1}`, JSON.stringify(verdict)]));

function resultPieces(result: unknown, duration: Gap): { result_head: string; result_tail: string } {
  const [result_head, result_tail] = cutAtGaps(result, duration) as [string, string];
  return { result_head, result_tail };
}

function confirmation(answer: Record<string, string>): Confirmation {
  if (answer.outcome === 'confirmed')
    return { outcome: 'confirmed', status: JobStatusSchema.parse(answer.status) };
  return { outcome: answer.outcome === 'gap' ? 'gap' : 'refused' };
}
