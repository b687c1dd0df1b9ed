import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForWorkers, type Redis } from '../../src/redis/connections.ts';
import { Datasets } from '../../src/store/datasets.ts';
import { JobControl } from '../../src/store/job-control.ts';
import { RECORD_SCHEMA } from '../../src/store/job-record.ts';
import type { JobTransitions } from '../../src/store/job-transitions.ts';
import type { JobStore } from '../../src/store/jobs.ts';
import { buildKeys } from '../../src/store/keys.ts';
import { runTransition } from '../../src/store/transition-runner.ts';
import { RedisServer } from '../support/redis-server.ts';
import {
  created,
  epochReport,
  FAILURE,
  newDataset,
  newJob,
  newJobId,
  onUpload,
  openStore,
  resultOf,
  SUCCESS,
  startOf,
  successOf,
} from './open-store.ts';

/**
 * Redis does not roll a script back. So a transition that Redis refuses, for any reason and at any of its commands,
 * must have changed nothing. The tests refuse each command, key and channel of each transition in turn, and give each
 * key another type in turn.
 */

const FOLDER = 'src/store/transitions';
const SOURCES = readdirSync(FOLDER).map((name) => readFileSync(`${FOLDER}/${name}`, 'utf8'));

/** Every command that a transition may run. */
const COMMANDS = [
  ...new Set(
    SOURCES.flatMap((source) =>
      [...source.matchAll(/(?:\bcall\(|\bplan\(|\{ )'([A-Z]+)'/g)].map(([, name]) => name!),
    ),
  ),
].sort();

const binary = inject('redisBinary');
/** A separate Redis, since its memory is filled. */
const own = new RedisServer(['appendonly yes']);
afterAll(() => own.remove());

const {
  store: admin,
  transitions: adminTransitions,
  events,
  redis,
  keys,
} = openStore(binary === null ? undefined : own.url);
const adminControl = new JobControl(redis, keys, admin);
const USER = `user-${randomUUID()}`;
const root = keys.root;
let user: Redis;
let store: JobStore;
let transitions: JobTransitions;

const CHECKPOINT = { name: '1-1.ckpt', sha256: 'e'.repeat(64), epoch: 1 };

const VERDICT = { rule: 'stuck', epoch: 1, layer: null, detail: 'It is.', figures: { loss: 2.3 } } as const;
const WEBHOOKS = [
  { url: 'https://example.org/hook', events: ['job.running', 'job.failed'] },
  { url: undefined, events: ['job.failed'] },
] as const;

const FAULT = { code: 'trainer_crashed', message: 'three times', retryable: true } as const;

/** Each sets up a state as the administrator, and returns the move that the restricted user then tries. */
const SCENARIOS: Record<string, (id: string) => Promise<() => Promise<{ outcome: string }>>> = {
  // The second key makes it forget the first.
  create: async (id) => {
    const keyed = (key: string) => ({ idempotency: { key, bodySha256: 'a', maxKeys: 1 } });
    await admin.create(newJob(keyed('first')));
    return () => store.create(newJob({ id, ...keyed('k') }));
  },
  'create of a held delivery': async (id) => {
    await created(admin, { runningQuota: 1 });
    return () => store.create(newJob({ id, runningQuota: 1, storageQuota: 1, queuedQuota: 5 }));
  },
  'finish that releases the next': async (id) => {
    await created(admin, { id, runningQuota: 1 });
    const { token } = await startBy(adminTransitions, id);
    await created(admin, { runningQuota: 1 });
    return () => transitions.finish(id, token, FAILURE);
  },
  release: async (id) => {
    await created(admin, { id, runningQuota: 1 });
    await created(admin, { runningQuota: 1 });
    await redis.hset(keys.share, 'running_quota', 'none');
    return async () => {
      const { outcome } = await runTransition(user, keys, 'release', { id: '', args: { owner: 'local' } });
      return { outcome: outcome! };
    };
  },
  start: async (id) => {
    await created(admin, { id });
    return () => transitions.start(id, startOf());
  },
  'start after a lost worker': async (id) => {
    await created(admin, { id });
    await adminTransitions.start(id, startOf());
    return () => transitions.start(id, startOf({ read: { attempt: 1, checkpointEpoch: 0 } }));
  },
  'start of a cancelled job': async (id) => {
    await running(id);
    await admin.cancel('local', id);
    return () => transitions.start(id, startOf({ read: { attempt: 1, checkpointEpoch: 0 } }));
  },
  epoch: async (id) => {
    const token = await running(id);
    const checkpoints = [CHECKPOINT];
    const kept = [{ ...CHECKPOINT, bytes: 1 }];
    const log = { name: '1-1.log', sha256: 'f'.repeat(64) };
    const verdicts = [VERDICT, { ...VERDICT, rule: 'diverging' as const }];
    return () => transitions.epoch(id, token, { ...epochReport(1), checkpoints, kept, log, verdicts });
  },
  'create of a fork': async (id) => {
    const parent = { job: id, epoch: 1, checkpoint_sha256: 'e'.repeat(64), optimizer_state: 'kept' } as const;
    return () => store.create(newJob({ id, fork: { parent, checkpoint: CHECKPOINT } }));
  },
  },
  'create with the result of another job': async (id) => {
    const cached = await resultOf({ store: admin, events }, await succeeded());
    const idempotency = { key: 'k', bodySha256: 'a', maxKeys: 1 };
    return () => store.create(newJob({ id, cached, idempotency }));
  },
  'finish of a job that trained another again, to something else': async (id) => {
    const of = await succeeded();
    const hashes = { weights_sha256: 'a'.repeat(64), metrics_sha256: 'b'.repeat(64) };
    await created(admin, { id, verifies: { job: of, ...hashes } });
    const { token } = await startBy(adminTransitions, id);
    const verification = { verdict: 'differs', job: of, by: id, expected: hashes, found: hashes } as const;
    return () => transitions.finish(id, token, { ...SUCCESS, verification });
