import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import { beatToParent, refuseToStart, tellParent } from '../src/process/child-message.ts';
import { ConfigError } from '../src/process/config-error.ts';
import { loadSettings } from '../src/process/load-settings.ts';
import { MemoryLimit, memoryPerJobMb } from '../src/process/memory-limit.ts';
import { packageVersion } from '../src/process/package-version.ts';
import { watchParent } from '../src/process/parent-watch.ts';
import { createLog, messageOf, stackOf } from '../src/process/process-log.ts';
import { silenceMsOf } from '../src/process/silence-watch.ts';
import { onStopSignals, STOP_SIGNALS } from '../src/process/stop-signals.ts';
import { connectForSubscriptions, connectForWorkers } from '../src/redis/connections.ts';
import { RedisHealth } from '../src/redis/health.ts';
import { FolderArtifacts } from '../src/store/folder-artifacts.ts';
import { buildKeys } from '../src/store/keys.ts';
import { buildWorker } from './build-worker.ts';
import { reportEngines } from './engine-reports.ts';
import { TrainerPool } from './trainer-process.ts';

/** Entry of the worker process: settings, connections, signals and exit. build-worker.ts builds the worker itself. */

/** The process exits at most this long after SIGTERM; a drain takes a second less. */
const EXIT_MS = 8_000;

/** Without Redis, a worker becomes ready after this time and keeps waiting for Redis. */
const REDIS_PATIENCE_MS = 2_000;

async function main(): Promise<void> {
  beatToParent();
  const { config, warnings } = loadSettings(process.env);
  if (config.REDIS_URL === undefined) {
    return await refuseToStart('A worker on its own needs REDIS_URL. (npm start brings its own Redis.)');
  }
  const log = createLog('worker', config.LOG_LEVEL);
  for (const warning of warnings) log.warn(warning);
  const onRedisError = (error: Error) =>
    log.warn({ reason: messageOf(error) }, 'Redis cannot be reached; retrying');
  const commands = connectForWorkers(config.REDIS_URL, onRedisError);
  const subscriber = connectForSubscriptions(config.REDIS_URL, onRedisError);
  const keys = buildKeys(config.KEY_PREFIX);
  const health = new RedisHealth(commands, keys.root, 'worker');
  health.watch(({ level, message }) => {
    if (level === 'refuse') void refuseToStart(message);
    else log.warn(message);
  });

  const memory = MemoryLimit.find();
  const trainers = new TrainerPool(log, silenceMsOf(process.argv));
  // In parallel: the engine check runs in its own process.
  const [engines] = await Promise.all([
    reportEngines(),
    trainers.warm(),
    Promise.race([health.firstLook, sleep(REDIS_PATIENCE_MS)]),
  ]);
  const worker = buildWorker({
    version: packageVersion(),
    commands,
    subscriber,
    keys,
    // RedisHealth reports the cause in a sentence for a person.
    onQueueTrouble: () => void health.findings(),
    artifacts: FolderArtifacts.in(config.DATA_DIR),
    dataDir: config.DATA_DIR,
    trainers,
    engines,
    concurrency: config.WORKER_CONCURRENCY,
    memoryMb: config.WORKER_MEMORY_MB ?? memoryPerJobMb(memory.bytes(), config.WORKER_CONCURRENCY),
    oomKills: () => memory.kills(),
    leaseMs: config.LEASE_MS,
    retention: {
      days: config.RETENTION_DAYS,
      jobs: config.RETENTION_JOBS,
      gigabytes: config.RETENTION_GB,
      redisPercent: config.RETENTION_REDIS_PERCENT,
    },
    log,
  });

  let stopping = false;
  void worker.unable.then(async (reason) => {
    if (stopping) return;
    log.fatal(`${reason}: exiting to be started again`);
    await Promise.race([worker.drain(), sleep(EXIT_MS)]).finally(() => process.exit(1));
  });
  const closing = closeWithGrace(
    {
      delay: EXIT_MS,
      skip: STOP_SIGNALS,
      logger: { error: (err: unknown) => log.error({ err }, 'the worker did not stop cleanly') },
    },
    async ({ err }) => {
      stopping = true;
      if (err !== undefined) log.fatal({ err }, 'the worker failed');
      await Promise.race([worker.drain(), sleep(EXIT_MS - 250)]);
    },
  );
  onStopSignals(closing.close, () => process.exit(130));
  watchParent(() => {
    worker.stop();
    process.exit(1);
  });
  await worker.start();
  tellParent({ type: 'ready' });
  log.info({ id: worker.id, concurrency: config.WORKER_CONCURRENCY }, 'the worker is ready');
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError) void refuseToStart(error.message);
  else {
    console.error(stackOf(error));
    process.exit(1);
  }
});
