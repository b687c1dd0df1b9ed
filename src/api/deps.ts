import type { FastifyBaseLogger } from 'fastify';
import type { TrainingQueue } from '../queue/training-queue.ts';
import type { Artifacts } from '../store/artifacts.ts';
import type { EventSignals } from '../store/event-signals.ts';
import type { JobEvents } from '../store/job-events.ts';
import type { JobStore } from '../store/jobs.ts';
import type { Retention } from '../store/retention.ts';
import type { StorageCheck } from '../store/storage-check.ts';
import type { WorkerReports } from '../store/worker-reports.ts';

/** What the API stands on. Everything is made by the entry and closed by it; the API opens nothing. */
export interface ApiDeps {
  store: Pick<
    JobStore,
    | 'create'
    | 'get'
    | 'etag'
    | 'head'
    | 'list'
    | 'cancel'
    | 'evaluationFile'
    | 'counts'
    | 'memoryShare'
    | 'probe'
  >;
  retention: Pick<Retention, 'remove'>;
  events: Pick<JobEvents, 'read' | 'metrics' | 'metricsRows'>;
  signals: Pick<EventSignals, 'subscribe'>;
  artifacts: Pick<Artifacts, 'read'>;
  /** Whether this process can read the artifacts. */
  storage: Pick<StorageCheck, 'problem'>;
  workers: Pick<WorkerReports, 'list'>;
  queue: Pick<TrainingQueue, 'enqueue'>;
  /** The version of Descent, as /livez and every new job say it. */
  version: string;
  /**
   * Hosts that may be asked for besides the loopback: what the process listens on and what the operator allows.
   * 0.0.0.0 or :: stands for every address.
   */
  allowedHosts: readonly string[];
  /** What every path begins with that an answer carries: '' or /descent. */
  basePath: string;
  auth: 'none';
  maxQueuedJobs: number;
  /** Where requests that end in 5xx are logged; without one nothing is. */
  logger?: FastifyBaseLogger;
  /** Times a test wants shorter; production takes the defaults. */
  timing?: Partial<ApiTiming>;
}

export interface ApiTiming {
  /** Between two comments that keep an idle event stream open. */
  heartbeatMs: number;
  /** Longest sleep of an event stream before it looks for itself: signals may be lost. */
  lookMs: number;
  /** A viewer who takes nothing for so long is cut off. */
  drainMs: number;
  handlerTimeoutMs: number;
  /**
   * A request whose headers have not arrived by then is refused. Node does not look at bodies in time (seen
   * with 20.20): those fall under handlerTimeoutMs, which begins when the headers are there.
   */
  requestTimeoutMs: number;
  /** A process whose event loop lags more refuses requests; 0 = never. */
  maxEventLoopDelayMs: number;
}

export const DEFAULT_TIMING: ApiTiming = {
  heartbeatMs: 15_000,
  lookMs: 5_000,
  drainMs: 30_000,
  handlerTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  maxEventLoopDelayMs: 1_000,
};

/** The owner of everything until there are API keys: the only place that says so. */
export const OWNER = 'local';

/** Across rooms an error is known by its code. */
export const isStoreUnavailable = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'store_unavailable';
