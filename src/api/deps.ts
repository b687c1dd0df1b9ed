import type { FastifyBaseLogger } from 'fastify';
import type { TrainingQueue } from '../queue/training-queue.ts';
import type { ModelThreads } from '../serving/model-threads.ts';
import type { ApiKeys } from '../store/api-keys.ts';
import type { Artifacts, DiskRoom } from '../store/artifacts.ts';
import type { CachedResults } from '../store/cached-results.ts';
import type { Datasets } from '../store/datasets.ts';
import type { EventSignals } from '../store/event-signals.ts';
import type { JobControl } from '../store/job-control.ts';
import type { JobCounts } from '../store/job-counts.ts';
import type { JobEvents } from '../store/job-events.ts';
import type { JobFeed } from '../store/job-feed.ts';
import type { JobTimings } from '../store/job-timings.ts';
import type { JobStore } from '../store/jobs.ts';
import type { LiveJobs } from '../store/live-jobs.ts';
import type { Retention } from '../store/retention.ts';
import type { Sessions } from '../store/sessions.ts';
import type { StorageCheck } from '../store/storage-check.ts';
import type { WebhookMessages } from '../store/webhook-messages.ts';
import type { WorkerReports } from '../store/worker-reports.ts';
import type { WebhookSender } from '../webhooks/sender.ts';
import type { InFlightLimits } from './http/in-flight.ts';
import type { Quotas } from './quotas.ts';

/** What the API depends on. The entry point opens and closes all of it. */
export interface ApiDeps {
  store: Pick<
    JobStore,
    | 'create'
    | 'get'
    | 'etag'
    | 'head'
    | 'list'
    | 'cancel'
    | 'recordIn'
    | 'use'
    | 'queuedBefore'
    | 'memoryShare'
    | 'repeated'
    | 'isSaved'
    | 'probe'
  >;
  control: Pick<JobControl, 'pause' | 'resume' | 'update'>;
  retention: Pick<Retention, 'remove'>;
  results: Pick<CachedResults, 'find' | 'take'>;
  datasets: Pick<Datasets, 'now' | 'put' | 'drop' | 'find' | 'list' | 'names' | 'bytes' | 'needs'>;
  events: Pick<JobEvents, 'read' | 'metrics' | 'metricsRows'>;
  feed: Pick<JobFeed, 'read' | 'hasMetadata'>;
  signals: Pick<EventSignals, 'subscribe' | 'subscribeToFeed' | 'subscribeToSteps'>;
  artifacts: Pick<Artifacts, 'read' | 'remove' | 'location'>;
  models: Pick<
    ModelThreads,
    'export' | 'predict' | 'evaluatedRows' | 'datasetImage' | 'datasetRows' | 'fork'
  >;
  /** The prepared datasets are below it. */
  dataDir: string;
  uploadLimits: UploadLimits;
  /** Memory for reading models, in bytes. */
  modelBytes: number;
  /** Whether this process can read the artifacts. */
  storage: Pick<StorageCheck, 'problem'>;
  workers: Pick<WorkerReports, 'list'>;
  webhooks: Pick<WebhookMessages, 'of' | 'change' | 'waiting'>;
  webhookRules: {
    /** Whether jobs may have webhooks. */
    on: boolean;
    /** Whether they may lead to private networks. */
    allowPrivate: boolean;
    /** Whether the operator has set one for all jobs. */
    forAll: boolean;
  };
  /** What became of the attempts of this process; undefined when webhooks are off. */
  webhookOutcomes?: WebhookSender['outcomes'] | undefined;
  timings: Pick<JobTimings, 'list'>;
  /** undefined when too many jobs wait to look at. */
  liveJobs: () => Promise<LiveJobs | undefined>;
  jobCounts: Pick<JobCounts, 'read'>;
  /** Room on the disk of DATA_DIR in bytes; undefined when it does not answer in time. */
  diskRoom: () => Promise<DiskRoom | undefined>;
  queue: Pick<TrainingQueue, 'enqueue'>;
  /** Why Redis is reachable but unusable; `refusal` is the first word of its answer. */
  redisTroubles: () => Promise<{ message: string; refusal?: string | undefined }[]>;
  /** The version of Descent, shown by /livez and recorded in every new job. */
  version: string;
  /**
   * Hosts that a request may name besides the loopback: those the process listens on and those the operator allows.
   * 0.0.0.0 or :: stands for every address.
   */
  allowedHosts: readonly string[];
  /** The prefix of every path in a response: '' or /descent. */
  basePath: string;
  /** none: anyone may do anything. keys: requests need an API key or a session. */
  auth: 'none' | 'keys';
  apiKeys: Pick<ApiKeys, 'authenticate' | 'valid'>;
  sessions: Pick<Sessions, 'start' | 'keyId' | 'end'>;
  /** Lets its bearer read /metrics, and nothing else. */
  metricsToken?: string | undefined;
  /** Where browsers find the API; undefined = where it listens. */
  publicUrl?: URL | undefined;
  /** Origins of other pages that may use the API; `*` = all. */
  corsOrigins: readonly string[];
  maxQueuedJobs: number;
  /** Connections at a time; above it, silent ones make room, and then new ones are refused. */
  maxConnections: number;
  /** Event streams open at a time in this process. */
  maxStreams: number;
  /** What one owner may use. */
  quotas: Quotas;
  /** Logs requests that end in 5xx; without it nothing is logged. */
  logger?: FastifyBaseLogger;
  /** Shorter times for tests; production uses the defaults. */
  timing?: Partial<ApiTiming>;
}

/** In bytes. */
export interface UploadLimits {
  /** Of a body; what it unpacks to may be four times as large. */
  bodyBytes: number;
  /** Of all uploaded datasets together, prepared. */
  totalBytes: number;
  /** That a process which reads an upload may use. */
  memoryBytes: number;
}

export interface ApiTiming {
  /** Interval of the comments that keep an idle event stream open. */
  heartbeatMs: number;
  /** How long an event stream waits for a signal before it reads anyway: signals may be lost. */
  lookMs: number;
  /** A viewer that takes nothing for this long is cut off. */
  drainMs: number;
  handlerTimeoutMs: number;
  /** Limit for the headers of a request to arrive, and then for its body, except an upload. */
  requestTimeoutMs: number;
  /** Limit for an idle connection to send its next request. */
  keepAliveTimeoutMs: number;
  /** Limit for a connection to wait for a request, or to be busy with one that is no event stream. */
  connectionStateMs: number;
  /** A process whose event loop lags more than this refuses requests; 0 = never. */
  maxEventLoopDelayMs: number;
  /** Limit for the next part of an upload to arrive, for all of it, and for a process to read it. */
  upload: { idleMs: number; totalMs: number; readMs: number };
  /** Requests beyond these are refused. */
  inFlight: InFlightLimits;
}

export const DEFAULT_TIMING: ApiTiming = {
  heartbeatMs: 15_000,
  lookMs: 5_000,
  drainMs: 30_000,
  handlerTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 72_000,
  connectionStateMs: 90_000,
  maxEventLoopDelayMs: 1_000,
  upload: { idleMs: 30_000, totalMs: 3_600_000, readMs: 600_000 },
  inFlight: { reads: 100, writes: 40, sustainedWrites: 6 },
};

/** Errors from other rooms are recognised by their code. */
export const isStoreUnavailable = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'store_unavailable';

/** For what goes on while the store is unavailable. @throws any other error. */
export function ignoreUnavailable(error: unknown): undefined {
  if (isStoreUnavailable(error)) return undefined;
  throw error;
}
