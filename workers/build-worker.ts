import { hostname } from 'node:os';
import type { EngineReport, WorkerReport } from '../src/contract/worker-report.ts';
import { datasetsFolder } from '../src/dataset/prepared.ts';
import { UploadedFiles } from '../src/dataset/uploads.ts';
import { wallClockMs } from '../src/process/clock.ts';
import type { Log } from '../src/process/log.ts';
import { Reconciler } from '../src/queue/reconciler.ts';
import { TrainingQueue } from '../src/queue/training-queue.ts';
import type { Redis } from '../src/redis/connections.ts';
import type { Artifacts } from '../src/store/artifacts.ts';
import { Datasets } from '../src/store/datasets.ts';
import { FairShare } from '../src/store/fair-share.ts';
import { checkWritable } from '../src/store/folder-check.ts';
import { JobIndexer } from '../src/store/job-indexer.ts';
import { JobPacker } from '../src/store/job-packer.ts';
import { JobTimings } from '../src/store/job-timings.ts';
import { JobTransitions } from '../src/store/job-transitions.ts';
import { JobStore } from '../src/store/jobs.ts';
import type { Keys } from '../src/store/keys.ts';
import { Retention, type RetentionLimits } from '../src/store/retention.ts';
import { StepFeed } from '../src/store/step-feed.ts';
import { StorageCheck } from '../src/store/storage-check.ts';
import { WorkerReports } from '../src/store/worker-reports.ts';
import { Consumer } from './consumer.ts';
import { newCounters, Trained } from './counters.ts';
import { Heartbeat, heartbeatTiming } from './heartbeat.ts';
import { Runs } from './run.ts';
import { runJob } from './run-job.ts';
import { StatusWatch } from './status-watch.ts';
import { StorageWatch } from './storage-watch.ts';
import type { TrainerPool } from './trainer-process.ts';
import type { WorkerParts } from './worker-parts.ts';

/** Everything that the entry passes to a worker. */
export interface WorkerDeps {
  readonly version: string;
  /** A connection whose commands wait for Redis as long as they must. */
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly keys: Keys;
  /** Called when BullMQ's queue cannot be read. */
  readonly onQueueTrouble: () => void;
  readonly artifacts: Artifacts;
  /** DATA_DIR, which holds the prepared datasets. */
  readonly dataDir: string;
  readonly trainers: TrainerPool;
  readonly engines: readonly EngineReport[];
  /** Number of jobs that it trains at a time. */
  readonly concurrency: number;
  /** What a job may take, and how the kernel says that a process took too much. */
  readonly memoryMb: number;
  readonly oomKills: () => number | undefined;
  readonly leaseMs: number;
  readonly retention: RetentionLimits;
  readonly log: Log;
}

export interface BuiltWorker {
  /** host/pid */
  readonly id: string;
  /** Resolves with the reason when this worker cannot work and should be drained and restarted. */
  readonly unable: Promise<string>;
  /** Starts taking jobs as soon as the storage works. */
  start(): Promise<void>;
  /** Takes no more jobs, and finishes or gives back those that run. This counts as a fault of none of them. */
  drain(): Promise<void>;
  /** Ends all trainers at once. */
  stop(): void;
}

/** Time that a drain allows the trainers to reach the end of an epoch. */
const DRAIN_MS = 7_000;
/** On a working disk, no write takes longer. */
const STORAGE_TIMEOUT_MS = 10_000;
const DAY_MS = 86_400_000;

/** Builds the worker, which takes jobs from the queue and has them trained. It neither opens nor closes connections. */
export function buildWorker(deps: WorkerDeps): BuiltWorker {
  const { commands, keys, log, artifacts, dataDir, trainers, concurrency, leaseMs } = deps;
  const id = `${hostname()}/${process.pid}`;
  const startedAt = new Date(wallClockMs()).toISOString();
  let draining = false;
  let onUnable: (reason: string) => void = () => {};
  const unable = new Promise<string>((resolve) => {
    onUnable = resolve;
  });

  const store = new JobStore(commands, keys);
  const queue = new TrainingQueue(commands, keys, log);
  const transitions = new JobTransitions(commands, keys, (released) => {
    for (const deliveryId of released) void queue.enqueue(deliveryId);
  });
  const reports = new WorkerReports(commands, keys);
  const retention = new Retention(commands, keys, store, artifacts, log);
  const reconciler = new Reconciler(commands, keys, queue, new FairShare(commands, keys), reports, log, id);
  const indexer = new JobIndexer(commands, keys);
  const datasets = new Datasets(commands, keys);
  const uploads = new UploadedFiles(dataDir);
  const packer = new JobPacker(commands, keys);
  const runs = new Runs();
  const counters = newCounters();
  const trained = new Trained();
  const statusWatch = new StatusWatch(runs, transitions, log);
  const storage = new StorageWatch(new StorageCheck(() => checkStorage(deps), STORAGE_TIMEOUT_MS), log);

  const parts: WorkerParts = {
    id,
    store,
    transitions,
    timings: new JobTimings(commands, keys),
    steps: new StepFeed(commands, keys),
    queue,
    artifacts,
    dataDir,
    storage,
    trainers,
    runs,
    counters,
    trained,
    memoryMb: deps.memoryMb,
    oomKills: deps.oomKills,
    leaseMs,
    log,
    engineFor: (wanted) =>
      deps.engines.find(({ name, available }) => (wanted === 'auto' ? available : name === wanted))!,
    onUnable,
    takesJobs: () => !draining && storage.problem === undefined,
  };
  const consumer = new Consumer({
    redis: commands,
    keys,
    concurrency,
    leaseMs,
    onDelivery: (delivery) => runJob(delivery, parts),
    onTrouble: (error) => {
      log.warn({ err: error }, 'the queue cannot be read; trying again');
      deps.onQueueTrouble();
    },
  });
  const heartbeat = new Heartbeat(
    {
      reports,
      store,
      log,
      report: () => ({
        id,
        host: hostname(),
        pid: process.pid,
        version: deps.version,
        concurrency,
        memory_mb: deps.memoryMb,
        started_at: startedAt,
        problem: storage.problem ?? null,
        running: runningJobs(runs),
        engines: [...deps.engines],
        trained: trained.report(),
        counters: { ...counters },
      }),
      lastFetchMs: () => consumer.lastFetchMs,
      onIdle: () => reconciler.compare(),
      onWedged: () => onUnable('jobs are waiting and this worker has free slots, but BullMQ hands over none'),
    },
    heartbeatTiming(leaseMs),
  );

  const stop = () => {
    for (const run of runs.all()) run.kill();
  };
  return {
    id,
    unable,
    stop,
    async start() {
      statusWatch.start(deps.subscriber, keys);
      reconciler.start(async () => {
        const removed = await retention.sweep(deps.retention);
        if (removed > 0) log.info({ removed }, 'old jobs removed');
        const litter = await uploads.sweep(
          { nowMs: await datasets.now(), olderThanMs: deps.retention.days * DAY_MS },
          (sha256) => datasets.needs(sha256),
        );
        if (litter > 0) log.info({ removed: litter }, 'files of broken uploads removed');
        const indexed = await indexer.indexJobs();
        if (indexed > 0) log.info({ indexed }, 'jobs of an older version can now be found by what they are');
        await packer.packFinished();
      });
      await storage.start((works) => (works ? consumer.resume() : consumer.pause()));
      // A drain may have begun in the meantime.
      if (draining) return;
      consumer.start();
      // Its slots let more jobs be released: now rather than in the next round.
      void heartbeat
        .start()
        .then(() => reconciler.share())
        .catch((error: unknown) => log.warn({ err: error }, 'the new slots could not be counted yet'));
    },
    async drain() {
      draining = true;
      reconciler.stop();
      storage.stop();
      for (const run of runs.all()) run.interrupt('drained');
      const deadline = setTimeout(stop, DRAIN_MS);
      await consumer.close();
      clearTimeout(deadline);
      statusWatch.stop();
      await heartbeat.stop();
      trainers.close();
    },
  };
}

/** Checks that the files that a job needs can be written. */
async function checkStorage({ artifacts, dataDir }: WorkerDeps): Promise<void> {
  await artifacts.checkWritable();
  await checkWritable(datasetsFolder(dataDir));
}

const runningJobs = (runs: Runs): WorkerReport['running'] =>
  runs.all().flatMap(({ id: job, progress }) => {
    if (progress === undefined) return [];
    const { epoch, epochs, steps_per_second } = progress;
    return [{ job, epoch, epochs, steps_per_second }];
  });
