import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { buildApp } from '../../src/api/app.ts';
import type { ApiDeps } from '../../src/api/deps.ts';
import type { OpenApiDocument } from '../../src/api/openapi/document.ts';
import { quotasFor } from '../../src/api/quotas.ts';
import type { Job } from '../../src/contract/job.ts';
import type { Problem } from '../../src/contract/problem.ts';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { TrainingQueue } from '../../src/queue/training-queue.ts';
import {
  connectForRequests,
  connectForSubscriptions,
  connectForWorkers,
  type Redis,
} from '../../src/redis/connections.ts';
import { RedisHealth } from '../../src/redis/health.ts';
import { ModelThreads } from '../../src/serving/model-threads.ts';
import { ApiKeys } from '../../src/store/api-keys.ts';
import { CachedResults } from '../../src/store/cached-results.ts';
import { Datasets } from '../../src/store/datasets.ts';
import { diskRoom } from '../../src/store/disk-room.ts';
import { EventSignals } from '../../src/store/event-signals.ts';
import { FolderArtifacts } from '../../src/store/folder-artifacts.ts';
import { JobControl } from '../../src/store/job-control.ts';
import { JobCounts } from '../../src/store/job-counts.ts';
import { JobEvents } from '../../src/store/job-events.ts';
import { JobFeed } from '../../src/store/job-feed.ts';
import { JobTimings } from '../../src/store/job-timings.ts';
import type { Finish } from '../../src/store/job-transitions.ts';
import { JobTransitions } from '../../src/store/job-transitions.ts';
import { JobStore } from '../../src/store/jobs.ts';
import { buildKeys } from '../../src/store/keys.ts';
import { readLiveJobs } from '../../src/store/live-jobs.ts';
import { Retention } from '../../src/store/retention.ts';
import { Sessions } from '../../src/store/sessions.ts';
import { StorageCheck } from '../../src/store/storage-check.ts';
import { WebhookMessages } from '../../src/store/webhook-messages.ts';
import { WorkerReports } from '../../src/store/worker-reports.ts';
import { FAILURE, type OpenStore, openStore, SUCCESS, startOf } from '../store/open-store.ts';
import { checkResponse } from './response-check.ts';

export const VERSION = (
  JSON.parse(readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8')) as {
    version: string;
  }
).version;

/** The committed document, from which clients are generated. */
export const COMMITTED = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../openapi/openapi.json', import.meta.url)), 'utf8'),
) as OpenApiDocument;

/** The API as in production, on the tests' Redis, plus the worker's side of the store. */
export interface OpenApi extends OpenStore {
  readonly app: FastifyInstance;
  readonly artifacts: FolderArtifacts;
  readonly reports: WorkerReports;
  /** http://127.0.0.1:<port>: a real socket. */
  readonly url: string;
  /** A request without a socket; the response is checked against the committed document. */
  request(options: InjectOptions): Promise<LightMyRequestResponse>;
  post(spec: unknown, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  /** A new job. */
  create(spec?: unknown): Promise<Job>;
  /** Starts a job as a worker; further transitions need the token. */
  start(id: string): Promise<string>;
  running(spec?: unknown): Promise<{ id: string; token: string }>;
  succeeded(): Promise<string>;
  failed(): Promise<string>;
}

const NO_LOG = { info() {}, warn() {}, error() {} };

/** Call this at the top of a test file: everything it opens is closed at the end of the file. */
export function openApi(changes: Partial<ApiDeps> = {}, ownRedisUrl?: string): OpenApi {
  const redisUrl = ownRedisUrl ?? inject('redisUrl');
  const stored = ownRedisUrl === undefined ? openStore() : openStoreOn(ownRedisUrl);
  const folder = mkdtempSync(join(tmpdir(), 'descent-api-'));
  let app: FastifyInstance | undefined;
  const commands = connectForRequests(parseRedisUrl(redisUrl), () => {});
  const subscriber = connectForSubscriptions(parseRedisUrl(redisUrl), () => {});
  const queue = new TrainingQueue(commands, stored.keys, NO_LOG);
  const artifacts = FolderArtifacts.in(folder);
  const models = new ModelThreads();
  const reports = new WorkerReports(commands, stored.keys);
  const store = new JobStore(commands, stored.keys);
  const health = new RedisHealth(commands, stored.keys.root, 'api');

  beforeAll(async () => {
    await Promise.all([commands, subscriber].map(readiness));
    const built = await buildApp({
      store,
      control: new JobControl(commands, stored.keys, store),
      retention: new Retention(commands, stored.keys, store, artifacts, NO_LOG),
      datasets: new Datasets(commands, stored.keys),
      results: new CachedResults(
        commands,
        stored.keys,
        store,
        new JobEvents(commands, stored.keys),
        artifacts,
      ),
      events: new JobEvents(commands, stored.keys),
      feed: new JobFeed(commands, stored.keys),
      signals: new EventSignals(subscriber, stored.keys),
      artifacts,
      models,
      dataDir: folder,
      uploadLimits: { bodyBytes: 512e6, totalBytes: 20e9, memoryBytes: 2e9 },
      modelBytes: 2 ** 30,
      storage: new StorageCheck(() => artifacts.checkReadable(), 1_000),
      workers: reports,
      webhooks: new WebhookMessages(commands, stored.keys),
      webhookRules: { on: true, allowPrivate: false, forAll: false },
      webhookOutcomes: { delivered: 1, retried: 0, failed: 0 },
      timings: new JobTimings(commands, stored.keys),
      liveJobs: () => readLiveJobs(commands, stored.keys),
      jobCounts: new JobCounts(commands, stored.keys),
      diskRoom: () => diskRoom(folder),
      queue,
      redisTroubles: () => health.troubles(),
      version: VERSION,
      allowedHosts: [],
      basePath: '',
      auth: 'none',
      apiKeys: new ApiKeys(commands, stored.keys, subscriber),
      sessions: new Sessions(commands, stored.keys),
      corsOrigins: [],
      maxQueuedJobs: 1_000_000,
      maxConnections: 10_000,
      maxStreams: 1_000,
      quotas: quotasFor('none', {}),
      ...changes,
      // The API and its tests share an event loop, and a test may block it for a while.
      timing: { maxEventLoopDelayMs: 0, ...changes.timing },
    });
    app = built.fastify;
    await app.listen({ host: '127.0.0.1', port: 0 });
  });

  afterAll(async () => {
    await app?.close();
    await models.close();
    await queue.close();
    health.close();
    commands.disconnect();
    subscriber.disconnect();
    rmSync(folder, { recursive: true, force: true });
  });

  const request = async (options: InjectOptions) => {
    const response = await app!.inject({ ...options, ...withHost(options) });
    checkResponse(COMMITTED, options, response);
    return response;
  };
  const post = (spec: unknown, headers: Record<string, string> = {}) =>
    request({
      method: 'POST',
      url: '/jobs',
      headers: { 'content-type': 'application/json', ...headers },
      payload: JSON.stringify(spec),
    });
  const create = async (spec: unknown = { dataset: 'mnist_sample' }): Promise<Job> => {
    const response = await post(spec);
    expect(response.statusCode, response.body).toBe(202);
    return response.json();
  };
  const start = async (id: string): Promise<string> => {
    const start = startOf();
    expect(await stored.transitions.start(id, start)).toMatchObject({ outcome: 'started' });
    return start.token;
  };
  const running = async (spec?: unknown) => {
    const { id } = await create(spec);
    return { id, token: await start(id) };
  };
  const finished = async (how: Finish): Promise<string> => {
    const { id, token } = await running();
    await stored.transitions.finish(id, token, how);
    return id;
  };

  return {
    ...stored,
    get app() {
      return app!;
    },
    get url() {
      return `http://127.0.0.1:${(app!.server.address() as AddressInfo).port}`;
    },
    artifacts,
    reports,
    request,
    post,
    create,
    start,
    running,
    succeeded: () => finished(SUCCESS),
    failed: () => finished(FAILURE),
  };
}

/** Like openStore, on a Redis that the test may kill, with all its keys. */
function openStoreOn(url: string): OpenStore {
  const connections: Redis[] = [];
  const connect = () => {
    const redis = connectForWorkers(parseRedisUrl(url), () => {});
    connections.push(redis);
    return redis;
  };
  const redis = connect();
  const keys = buildKeys('test');
  afterAll(() => {
    for (const connection of connections) connection.disconnect();
  });
  return {
    redis,
    keys,
    connect,
    store: new JobStore(redis, keys),
    transitions: new JobTransitions(redis, keys),
    events: new JobEvents(redis, keys),
  };
}

/** inject() sends Host: localhost:80, which is served; a test may set its own host. */
const withHost = ({ headers }: InjectOptions): { headers: NonNullable<InjectOptions['headers']> } => ({
  headers: { host: 'localhost', ...headers },
});

const readiness = (redis: {
  status: string;
  once(event: 'ready', done: () => void): unknown;
}): Promise<void> =>
  redis.status === 'ready'
    ? Promise.resolve()
    : new Promise((resolve) => {
        redis.once('ready', () => resolve());
      });

export function expectProblem(
  response: LightMyRequestResponse,
  status: number,
  code: Problem['code'],
): Problem {
  expect(response.headers['content-type']).toBe('application/problem+json');
  const problem: Problem = response.json();
  expect(problem, response.body).toMatchObject({ status, code });
  expect(response.statusCode).toBe(status);
  return problem;
}

/** Of no job. */
const DELIVERY_ID = 'msg_01KAXW3Q2M5N6P7Q8R9S0T1V2W_1_1764583200000';

/** A path of the OpenAPI document with values for its parameters. */
export function filledPath(path: string, id: string): string {
  const file = readdirSync('dist/web/assets').find((name) => name.endsWith('.js'))!;
  const values = {
    id,
    name: 'mnist_sample',
    split: 'test',
    index: '0',
    epoch: '1',
    file,
    delivery: DELIVERY_ID,
  };
  return Object.entries(values).reduce((filled, [name, value]) => filled.replace(`{${name}}`, value), path);
}
