import type { JobStatus } from '../../../src/contract/job.ts';

/** A model of a job by the table of transitions in ARCHITECTURE.md: an independent, plain version of the Lua. */

/** What is drawn; the exact token and delivery depend on the moves before. */
export type Move =
  | { step: 'start'; again: boolean; oldDelivery: boolean; oldRead: boolean }
  | { step: 'epoch'; whose: number; ahead: number; checkpoint: boolean }
  | { step: 'progress'; whose: number; ahead: number; due: boolean }
  | { step: 'requeue'; whose: number | 'nobody'; oldDelivery: boolean; fault: boolean; lost: boolean }
  | { step: 'finish'; whose: number; how: 'succeeded' | 'failed' | 'cancelled'; wrongEpoch: boolean }
  | { step: 'pause'; now: boolean }
  | { step: 'resume' }
  | { step: 'cancel' }
  | { step: 'remove' }
  | { step: 'repeat' };

export type Asked =
  | { step: 'start'; token: string; delivery: number; attempt: number; checkpoint: number }
  | { step: 'epoch'; token: string; epoch: number; checkpoint: boolean }
  /** `due`: the last event is more than a second ago. */
  | { step: 'progress'; token: string; done: number; due: boolean }
  | { step: 'requeue'; token: string | undefined; delivery: number; fault: boolean; lost: boolean }
  | { step: 'finish'; token: string; how: 'succeeded' | 'failed' | 'cancelled'; epoch: number }
  | { step: 'pause'; now: boolean }
  | { step: 'resume' }
  | { step: 'cancel' }
  | { step: 'remove' };

export interface ModelJob {
  status: JobStatus | 'gone';
  delivery: number;
  attempt: number;
  faults: number;
  epoch: number;
  /** The last reported number of optimizer steps. */
  done: number;
  /** The number of progress events. */
  told: number;
  /** Epoch of the newest checkpoint; 0 for none. */
  checkpoint: number;
  /** The fence: the token of the worker that runs the job. */
  token: string | undefined;
  /** Whether a pause does not wait for the end of the epoch. */
  pausesNow: boolean;
  /** Whether a worker must remove the files of the ended job. */
  toTidy: boolean;
  /** The token that released the job last, and the outcome. */
  released: { token: string; as: string } | undefined;
  events: string[];
}

export const STEPS_PER_EPOCH = 100;
const MAX_FAULTS = 3;
const MAX_TOLD = 100;

/** Applies a transition to the model and returns the expected answer. */
export function answerOf(job: ModelJob, asked: Asked): string {
  switch (asked.step) {
    case 'start':
      return start(job, asked);
    case 'epoch': {
      // A repeat by a worker that has released the job changes nothing either.
      if (!holds(job, asked.token)) return 'refused';
      if (asked.epoch > job.epoch + 1) return 'gap';
      if (asked.checkpoint) job.checkpoint = asked.epoch;
      if (asked.epoch === job.epoch + 1) {
        job.epoch = asked.epoch;
        job.done = STEPS_PER_EPOCH * asked.epoch;
        job.faults = 0;
        job.events.push('job.epoch');
      }
      return 'confirmed';
    }
    case 'progress':
      if (!holds(job, asked.token)) return 'refused';
      if (asked.done <= job.done) return 'confirmed';
      job.done = asked.done;
      if (asked.due && job.told < MAX_TOLD) {
        job.told++;
        job.events.push('job.progress');
      }
      return 'confirmed';
    case 'requeue':
      return requeue(job, asked);
    case 'finish': {
      if (isRepeat(job, asked.token)) return job.released!.as;
      if (!holds(job, asked.token)) return 'refused';
      if (asked.how === 'cancelled' && job.status !== 'cancelling') return 'refused';
      if (asked.how === 'succeeded' && asked.epoch !== job.epoch) return 'gap';
      return end(job, asked.how, asked.token);
    }
    case 'pause':
      if (job.status === 'gone') return 'not_found';
      if (isTerminal(job)) return 'finished';
      if (job.status === 'cancelling') return 'cancelling';
      if (job.status === 'queued') return pause(job, undefined);
      if (job.status === 'running') {
        job.status = 'pausing';
        job.events.push('job.pausing');
      }
      if (job.status === 'pausing') job.pausesNow ||= asked.now;
      return 'paused';
    case 'resume':
      if (job.status === 'gone') return 'not_found';
      if (isTerminal(job)) return 'finished';
      if (job.status === 'pausing' || job.status === 'cancelling') return 'not_paused';
      if (job.status === 'paused') {
        job.status = 'queued';
        job.delivery++;
        job.events.push('job.queued');
      }
      return 'resumed';
    case 'cancel':
      if (job.status === 'gone') return 'not_found';
      if (job.status === 'succeeded' || job.status === 'failed') return 'finished';
      if (job.status === 'paused') job.toTidy = job.attempt > 0;
      if (job.status === 'queued' || job.status === 'paused') return end(job, 'cancelled', undefined);
      if (job.status === 'running' || job.status === 'pausing') {
        job.status = 'cancelling';
        job.pausesNow = false;
        job.events.push('job.cancelling');
      }
      return 'cancelled';
    case 'remove':
      // The trash is never emptied here, so this is a repeat.
      if (job.status === 'gone') return 'removed';
      if (!isTerminal(job)) return 'not_finished';
      job.status = 'gone';
      job.token = undefined;
      job.released = undefined;
      return 'removed';
  }
}

function start(job: ModelJob, asked: Extract<Asked, { step: 'start' }>): string {
  if (job.status === 'gone') return 'dropped';
  if (job.token === asked.token) return 'started';
  if (isRepeat(job, asked.token)) {
    const { as } = job.released!;
    return as === 'failed' || as === 'cancelled' || as === 'paused' ? as : 'dropped';
  }
  if (isTerminal(job) || job.status === 'paused' || job.delivery !== asked.delivery) return 'dropped';
  if (job.attempt !== asked.attempt || job.checkpoint !== asked.checkpoint) return 'moved';
  if (job.status === 'cancelling') return end(job, 'cancelled', asked.token);
  if (job.status !== 'queued') job.faults++;
  if (job.status === 'pausing') return pause(job, asked.token);
  if (job.status === 'running' && job.faults >= MAX_FAULTS) return end(job, 'failed', asked.token);
  job.status = 'running';
  job.attempt++;
  job.token = asked.token;
  job.events.push('job.running');
  return 'started';
}

function requeue(job: ModelJob, asked: Extract<Asked, { step: 'requeue' }>): string {
  if (asked.token === undefined) {
    if (job.status === 'gone' || isTerminal(job) || job.status === 'paused') return 'dropped';
    if (job.delivery !== asked.delivery) return 'dropped';
    if (job.status === 'queued') {
      job.delivery++;
      return 'queued';
    }
    if (!asked.lost) return 'dropped';
  } else {
    if (isRepeat(job, asked.token)) {
      const { as } = job.released!;
      return as === 'succeeded' ? 'refused' : as;
    }
    if (!holds(job, asked.token)) return 'refused';
  }
  if (job.status === 'cancelling') return end(job, 'cancelled', asked.token);
  if (asked.fault) job.faults++;
  if (job.status === 'pausing') return pause(job, asked.token);
  if (asked.fault && job.faults >= MAX_FAULTS) return end(job, 'failed', asked.token);
  job.status = 'queued';
  job.delivery++;
  job.events.push('job.queued');
  release(job, asked.token, 'queued');
  return 'queued';
}

function pause(job: ModelJob, token: string | undefined): string {
  job.status = 'paused';
  job.delivery++;
  job.pausesNow = false;
  job.events.push('job.paused');
  release(job, token, 'paused');
  return 'paused';
}

function end(job: ModelJob, how: 'succeeded' | 'failed' | 'cancelled', token: string | undefined): string {
  job.status = how;
  job.pausesNow = false;
  job.events.push(`job.${how}`);
  release(job, token, how);
  return how;
}

function release(job: ModelJob, token: string | undefined, as: string): void {
  job.token = undefined;
  if (token !== undefined) job.released = { token, as };
}

const isTerminal = ({ status }: ModelJob): boolean => ['succeeded', 'failed', 'cancelled'].includes(status);

const isRepeat = (job: ModelJob, token: string): boolean =>
  job.status !== 'gone' && job.released?.token === token;

const holds = (job: ModelJob, token: string): boolean =>
  job.status !== 'gone' && !isTerminal(job) && !isRepeat(job, token) && job.token === token;
