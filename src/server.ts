import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './api/app.ts';
import { quotasFor } from './api/quotas.ts';
import { beatToParent, refuseToStart, tellParent } from './process/child-message.ts';
import { monotonicMs } from './process/clock.ts';
import { ConfigError } from './process/config-error.ts';
import { connectionRoom } from './process/descriptors.ts';
import { canonicalHost, isEveryAddress } from './process/host-name.ts';
import { loadSettings } from './process/load-settings.ts';
import { MemoryLimit } from './process/memory-limit.ts';
import { packageVersion } from './process/package-version.ts';
import { watchParent } from './process/parent-watch.ts';
import { createLog, messageOf, stackOf } from './process/process-log.ts';
import { StartError } from './process/start-error.ts';
import { onStopSignals, STOP_SIGNALS } from './process/stop-signals.ts';
import { TrainingQueue } from './queue/training-queue.ts';
import { connectForRequests, connectForSubscriptions } from './redis/connections.ts';
import { RedisHealth } from './redis/health.ts';
import { ModelThreads } from './serving/model-threads.ts';
import { ApiKeys } from './store/api-keys.ts';
import { CachedResults } from './store/cached-results.ts';
import { Datasets } from './store/datasets.ts';
import { diskRoom } from './store/disk-room.ts';
import { EventSignals } from './store/event-signals.ts';
import { FolderArtifacts } from './store/folder-artifacts.ts';
import { JobControl } from './store/job-control.ts';
import { JobCounts } from './store/job-counts.ts';
import { JobEvents } from './store/job-events.ts';
import { JobFeed } from './store/job-feed.ts';
import { JobTimings } from './store/job-timings.ts';
import { JobStore } from './store/jobs.ts';
import { buildKeys } from './store/keys.ts';
import { readLiveJobs } from './store/live-jobs.ts';
import { Retention } from './store/retention.ts';
import { Sessions } from './store/sessions.ts';
import { StorageCheck } from './store/storage-check.ts';
import { WebhookMessages } from './store/webhook-messages.ts';
import { WorkerReports } from './store/worker-reports.ts';
import { leadsInside } from './webhooks/address.ts';
import { WebhookSender } from './webhooks/sender.ts';

/** Entry of the API process. It starts even without Redis, and answers 503 until Redis is available. */

const STOP_MS = 5_000;
/** No parent is left to restart us, and a new start may want our port. */
const PARENT_GONE_STOP_MS = 1_000;

/** Of the memory that this process may use. */
const MODELS_SHARE = 1 / 2;
/** For the process that reads an upload. */
const UPLOAD_SHARE = 1 / 3;
/** Enough for the largest dataset, unpacked and prepared at a time. */
const MOST_UPLOAD_BYTES = 8e9;

const REDIS_PATIENCE_MS = 2_000;
/** For /readyz, since health checks expect a quick answer. */
const STORAGE_TIMEOUT_MS = 1_000;

/** A process that was killed a moment ago may still hold the port. */
const BUSY_PORT_PATIENCE_MS = 2_000;
const BUSY_PORT_RETRY_MS = 200;

async function main(): Promise<void> {
  beatToParent();
  const { config, warnings } = loadSettings(process.env);
  if (config.REDIS_URL === undefined) {
    throw new StartError('The API on its own needs REDIS_URL. (npm start brings its own Redis.)');
  }
  const { WEBHOOK_SECRET: secret, WEBHOOK_URL: urlForAll } = config;
  const allowPrivate = config.WEBHOOK_ALLOW_PRIVATE === '1';
  if (urlForAll !== undefined && !allowPrivate && leadsInside(new URL(urlForAll))) {
    throw new StartError(
      'WEBHOOK_URL leads to this machine or a private network: set WEBHOOK_ALLOW_PRIVATE=1, or use another URL.',
    );
  }
  const log = createLog('api', config.LOG_LEVEL);
  for (const warning of warnings) log.warn(warning);
  const room = connectionRoom(config.MAX_CONNECTIONS);
  if (room.warning !== undefined) log.warn(room.warning);
  const onRedisError = (error: Error) =>
    log.warn({ reason: messageOf(error) }, 'Redis cannot be reached; retrying');
  const commands = connectForRequests(config.REDIS_URL, onRedisError);
  const subscriber = connectForSubscriptions(config.REDIS_URL, onRedisError);
  const keys = buildKeys(config.KEY_PREFIX);
  const health = new RedisHealth(commands, keys.root, 'api');
  health.watch(({ level, message }) => {
    if (level === 'refuse') void refuseToStart(message);
    else log.warn(message);
  });

  const store = new JobStore(commands, keys);
  const artifacts = FolderArtifacts.in(config.DATA_DIR);
  const models = new ModelThreads();
  const memory = MemoryLimit.find().bytes();
  const webhooks = new WebhookMessages(commands, keys);
  const sender =
    secret === undefined
      ? undefined
      : new WebhookSender(
          webhooks,
          store,
          { secret, urlForAll, allowPrivate, version: packageVersion() },
          log,
        );
  const events = new JobEvents(commands, keys);
  const { fastify } = await buildApp({
    store,
    control: new JobControl(commands, keys, store),
    retention: new Retention(commands, keys, store, artifacts, log),
    datasets: new Datasets(commands, keys),
    results: new CachedResults(commands, keys, store, events, artifacts),
    events,
    feed: new JobFeed(commands, keys),
    signals: new EventSignals(subscriber, keys),
    artifacts,
    models,
    dataDir: config.DATA_DIR,
    uploadLimits: {
      bodyBytes: config.MAX_DATASET_MB * 1e6,
      totalBytes: config.DATASETS_GB * 1e9,
      memoryBytes: Math.min(UPLOAD_SHARE * memory, MOST_UPLOAD_BYTES),
    },
    modelBytes: MODELS_SHARE * memory,
    storage: new StorageCheck(() => artifacts.checkReadable(), STORAGE_TIMEOUT_MS),
    workers: new WorkerReports(commands, keys),
    webhooks,
    webhookRules: { on: secret !== undefined, allowPrivate, forAll: urlForAll !== undefined },
    webhookOutcomes: sender?.outcomes,
    timings: new JobTimings(commands, keys),
    liveJobs: () => readLiveJobs(commands, keys),
    jobCounts: new JobCounts(commands, keys),
    diskRoom: () => diskRoom(config.DATA_DIR),
    queue: new TrainingQueue(commands, keys, log),
    redisTroubles: () => health.troubles(),
    version: packageVersion(),
    allowedHosts: [
      config.HOST,
      ...config.ALLOWED_HOSTS,
      ...(config.PUBLIC_URL ? [config.PUBLIC_URL.host] : []),
    ],
    basePath: config.BASE_PATH,
    // AUTH is optional on the loopback.
    auth: config.AUTH ?? 'none',
    apiKeys: new ApiKeys(commands, keys, subscriber),
    sessions: new Sessions(commands, keys),
    metricsToken: config.METRICS_TOKEN,
    publicUrl: config.PUBLIC_URL,
    corsOrigins: config.CORS_ORIGINS,
    maxQueuedJobs: config.MAX_QUEUED_JOBS,
    maxConnections: room.connections,
    maxStreams: config.MAX_STREAMS,
    quotas: quotasFor(config.AUTH ?? 'none', config),
    logger: log,
  });

  const closing = closeWithGrace(
    {
      delay: STOP_MS,
      skip: STOP_SIGNALS,
      logger: { error: (err: unknown) => log.error({ err }, 'the API did not stop cleanly') },
    },
    async ({ err }) => {
      if (err !== undefined) log.fatal({ err }, 'the API failed');
      await Promise.all([fastify.close(), sender?.stop()]);
      await models.close();
      health.close();
      commands.disconnect();
      subscriber.disconnect();
    },
  );
  onStopSignals(closing.close, () => process.exit(130));
  watchParent(closing.close, PARENT_GONE_STOP_MS);

  await listen(fastify, config.HOST, config.PORT);
  sender?.start();
  // The first request may follow at once, so wait for Redis, but not for long: without it, the API answers 503.
  await Promise.race([health.firstLook, sleep(REDIS_PATIENCE_MS)]);
  tellParent({ type: 'ready', url: urlOf(fastify, config.HOST) });
}

/** @throws {StartError} when it cannot listen on HOST and PORT. */
async function listen(fastify: FastifyInstance, host: string, port: number): Promise<void> {
  const giveUpAtMs = monotonicMs() + BUSY_PORT_PATIENCE_MS;
  for (;;) {
    try {
      await fastify.listen({ host, port });
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || monotonicMs() > giveUpAtMs) throw explained(error, host, port);
      await sleep(BUSY_PORT_RETRY_MS);
    }
  }
}

function explained(error: unknown, host: string, port: number): unknown {
  const sentences: Record<string, string> = {
    EADDRINUSE: `PORT=${port} is already in use on ${host}. Stop the program that uses it, or set another PORT (0 takes a free one).`,
    EACCES: `PORT=${port} is not open to this user. Set another PORT, above 1023.`,
    EADDRNOTAVAIL: `HOST=${host} is not an address of this machine.`,
    ENOTFOUND: `HOST=${host} is not an address of this machine.`,
  };
  const sentence = sentences[(error as NodeJS.ErrnoException).code ?? ''];
  return sentence === undefined ? error : new StartError(sentence, { cause: error });
}

/** The URL for a browser on this machine. */
function urlOf(fastify: FastifyInstance, host: string): string {
  const { port } = fastify.server.address() as AddressInfo;
  const name = canonicalHost(host) ?? host;
  return `http://${isEveryAddress(name) ? 'localhost' : name}:${port}`;
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError || error instanceof StartError) void refuseToStart(error.message);
  else {
    console.error(stackOf(error));
    process.exit(1);
  }
});
