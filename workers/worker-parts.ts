import type { JobSpec } from '../src/contract/job-spec.ts';
import type { EngineReport } from '../src/contract/worker-report.ts';
import type { Log } from '../src/process/log.ts';
import type { TrainingQueue } from '../src/queue/training-queue.ts';
import type { Artifacts } from '../src/store/artifacts.ts';
import type { Delivery } from '../src/store/delivery.ts';
import type { JobTimings } from '../src/store/job-timings.ts';
import type { JobTransitions } from '../src/store/job-transitions.ts';
import type { JobStore } from '../src/store/jobs.ts';
import type { StepFeed } from '../src/store/step-feed.ts';
import type { Counters, Trained } from './counters.ts';
import type { Runs } from './run.ts';
import type { StorageWatch } from './storage-watch.ts';
import type { TrainerPool } from './trainer-process.ts';

/** The parts of a worker that a run uses. */
export interface WorkerParts {
  /** host/pid */
  readonly id: string;
  readonly store: Pick<JobStore, 'record'>;
  readonly transitions: JobTransitions;
  readonly timings: Pick<JobTimings, 'add'>;
  readonly steps: Pick<StepFeed, 'tell'>;
  readonly queue: Pick<TrainingQueue, 'enqueue'>;
  readonly artifacts: Artifacts;
  /** DATA_DIR, which holds the prepared datasets. */
  readonly dataDir: string;
  readonly storage: Pick<StorageWatch, 'look'>;
  readonly trainers: TrainerPool;
  readonly runs: Runs;
  readonly counters: Counters;
  readonly trained: Trained;
  /** Megabytes that a job may take here. */
  readonly memoryMb: number;
  /** How many processes beside us the kernel has killed for want of memory; undefined if it does not say. */
  readonly oomKills: () => number | undefined;
  readonly leaseMs: number;
  readonly log: Log;
  /** The engine that a spec's `engine` means here, available or not. */
  engineFor(name: JobSpec['engine']): EngineReport;
  /** Ends this worker because it cannot train, so that it is restarted. */
  onUnable(reason: string): void;
  /** False from SIGTERM on, and while the storage does not work. */
  takesJobs(): boolean;
}

/** A delivery that BullMQ handed to this worker. */
export interface HandedOver extends Delivery {
  /** Extends BullMQ's lock on the delivery; false when another worker has it. */
  extendLock(): Promise<boolean>;
}
