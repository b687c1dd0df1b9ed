import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { pino } from 'pino';
import type { EngineReport } from '../src/contract/worker-report.ts';
import { listEngines } from '../src/engine/engines.ts';
import { refuseToStart, tellParent } from '../src/process/child-message.ts';
import { monotonicMs, wallClockMs } from '../src/process/clock.ts';
import { ConfigError, loadConfig, loadEnvFile } from '../src/process/config.ts';
import { packageVersion } from '../src/process/package-version.ts';
import { watchParent } from '../src/process/parent-watch.ts';
import { onStopSignals, STOP_SIGNALS } from '../src/process/stop-signals.ts';
import { Reconciler } from '../src/queue/reconciler.ts';
import { bullPrefix, TrainingQueue } from '../src/queue/training-queue.ts';
import { connectForSubscriptions, connectForWorkers } from '../src/redis/connections.ts';
import { RedisHealth } from '../src/redis/health.ts';
import { Artifacts } from '../src/store/artifacts.ts';
import { parseDeliveryId } from '../src/store/delivery.ts';
import { JobTransitions } from '../src/store/job-transitions.ts';
import { JobStore } from '../src/store/jobs.ts';
import { buildKeys } from '../src/store/keys.ts';
import { Retention } from '../src/store/retention.ts';
import { WorkerReports } from '../src/store/worker-reports.ts';
import { newCounters } from './counters.ts';
import { DeliveryLoop } from './delivery-loop.ts';
import { Heartbeat, heartbeatTiming } from './heartbeat.ts';
import { Runs } from './run.ts';
import { runJob } from './run-job.ts';
import { StatusWatch } from './status-watch.ts';
import { TrainerPool } from './trainer-process.ts';
import type { WorkerParts } from './worker-parts.ts';

/** The worker process: takes jobs from the queue and has them trained. */

/** After SIGTERM the trainers have so long to reach an epoch's end, and the process so long to be gone. */
const DRAIN_MS = 7_000;
const EXIT_MS = 8_000;

/** Without Redis a worker is ready all the same, and waits for it. */
const REDIS_PATIENCE_MS = 2_000;

async function main(): Promise<void> {
  loadEnvFile();
  const config = loadConfig(process.env);
  if (config.REDIS_URL === undefined) {
    return await refuseToStart('A worker of its own needs REDIS_URL. (npm start brings its own Redis.)');
  }
  const log = pino({ level: config.LOG_LEVEL, name: 'worker' });
  const onRedisError = (error: Error) =>
    log.warn({ reason: error.message }, 'Redis cannot be reached; trying again until it can');
  const commands = connectForWorkers(config.REDIS_URL, onRedisError);
  const subscriber = connectForSubscriptions(config.REDIS_URL, onRedisError);
  const keys = buildKeys(config.KEY_PREFIX);
  const health = new RedisHealth(commands, keys.root, 'worker');
  health.watch(({ level, message }) => {
    if (level === 'refuse') void refuseToStart(message);
    else log.warn(message);
  });
  await Promise.race([health.firstLook, sleep(REDIS_PATIENCE_MS)]);

  const version = packageVersion();
  const id = `${hostname()}/${process.pid}`;
  const store = new JobStore(commands, keys);
  const transitions = new JobTransitions(commands, keys);
  const queue = new TrainingQueue(commands, keys, log);
  const artifacts = new Artifacts(config.DATA_DIR);
  const retention = new Retention(commands, keys, store, artifacts, log);
  const trainers = new TrainerPool(config.DATA_DIR, log);
  const runs = new Runs();
  // Side by side: the engines' check has a process of its own.
  const [engines] = await Promise.all([reportEngines(), trainers.warm()]);
  let draining = false;
  let lastFetchMs = monotonicMs();

  const parts: WorkerParts = {
    id,
    store,
    transitions,
    queue,
    artifacts,
    trainers,
    runs,
    counters: newCounters(),
    leaseMs: config.LEASE_MS,
    log,
    engineFor: (wanted) =>
      engines.find(({ name, available }) => (wanted === 'auto' ? available : name === wanted))!,
    onUnable: ({ message }) => giveUp(message),
    isDraining: () => draining,
  };

  const deliveries = new DeliveryLoop({
    connection: commands,
    prefix: bullPrefix(keys),
    concurrency: config.WORKER_CONCURRENCY,
    handle: async (job, lockToken) => {
      lastFetchMs = monotonicMs();
      const delivery = parseDeliveryId(job.id ?? '');
      if (delivery === undefined) return;
      const extendLock = async () => (await job.extendLock(lockToken, config.LEASE_MS)) === 1;
      await runJob({ ...delivery, extendLock }, parts);
    },
    onTrouble: (error) => {
      log.warn({ err: error }, 'the queue cannot be read; trying again until it can');
      // It knows the sentence for a person.
      void health.findings();
    },
    // The lease is ours to keep (lease.ts), and who failed how often is the record's to say (start.lua).
    skipLockRenewal: true,
    lockDuration: config.LEASE_MS,
    // Whole milliseconds: a fraction makes the check fail, and with it all recovery.
    stalledInterval: Math.floor(config.LEASE_MS / 3),
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    drainDelay: 5,
    // redis/checks.ts knows the version; should BullMQ fail to read it once, each fetch would fail from then on.
    skipVersionCheck: true,
  });
  deliveries.start();

  const watch = new StatusWatch(runs, transitions, log);
  watch.start(subscriber, keys);
  const reconciler = new Reconciler(commands, keys, queue, log, id);
  const limits = { days: config.RETENTION_DAYS, jobs: config.RETENTION_JOBS, gigabytes: config.RETENTION_GB };
  reconciler.start(async () => {
    const removed = await retention.sweep(limits);
    if (removed > 0) log.info({ removed }, 'old jobs removed');
  });
  const startedAt = new Date(wallClockMs()).toISOString();
  const heartbeat = new Heartbeat(
    {
      reports: new WorkerReports(commands, keys),
      store,
      log,
      report: () => ({
        id,
        host: hostname(),
        pid: process.pid,
        version,
        concurrency: config.WORKER_CONCURRENCY,
        started_at: startedAt,
        running: runs.all().flatMap(({ id: job, progress }) =>
          progress === undefined
            ? []
            : [
                {
                  job,
                  epoch: progress.epoch,
                  epochs: progress.epochs,
                  steps_per_second: progress.steps_per_second,
                },
              ],
        ),
        engines,
        counters: { ...parts.counters },
      }),
      lastFetchMs: () => lastFetchMs,
      onIdle: () => reconciler.compare(),
      onWedged: () => {
        giveUp('jobs wait, this worker has room for them, and BullMQ hands over none');
      },
    },
    heartbeatTiming(config.LEASE_MS),
  );

  /** Ends this worker after its jobs; whoever started it starts it again. */
  const giveUp = (why: string) => {
    if (draining) return;
    log.fatal(`${why}: exiting to be started again`);
    void Promise.race([drain(), sleep(EXIT_MS)]).finally(() => process.exit(1));
  };

  /** Gives every job back or to its end, within DRAIN_MS; none of it is a fault. */
  const drain = async () => {
    draining = true;
    reconciler.stop();
    for (const run of runs.all()) run.interrupt('drained');
    const deadline = setTimeout(() => {
      for (const run of runs.all()) run.kill();
    }, DRAIN_MS);
    await deliveries.close();
    clearTimeout(deadline);
    watch.stop();
    await heartbeat.stop();
    trainers.close();
  };
  heartbeat.start();
  const closing = closeWithGrace(
    {
      delay: EXIT_MS,
      skip: STOP_SIGNALS,
      logger: { error: (message: unknown) => log.error({ message }, 'the worker does not stop well') },
    },
    async ({ err }) => {
      if (err !== undefined) log.fatal({ err }, 'the worker failed');
      await Promise.race([drain(), sleep(EXIT_MS - 250)]);
    },
  );
  onStopSignals(closing.close, () => process.exit(130));
  watchParent(() => {
    for (const run of runs.all()) run.kill();
    process.exit(1);
  });
  tellParent({ type: 'ready' });
  log.info({ id, concurrency: config.WORKER_CONCURRENCY }, 'the worker is ready');
}

async function reportEngines(): Promise<EngineReport[]> {
  return (await listEngines()).map((engine) =>
    engine.available
      ? {
          name: engine.name,
          available: true,
          version: engine.version,
          backend: engine.backend,
          reason: engine.reason ?? null,
        }
      : { name: engine.name, available: false, version: null, backend: null, reason: engine.reason },
  );
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError) void refuseToStart(error.message);
  else {
    console.error(error);
    process.exit(1);
  }
});
