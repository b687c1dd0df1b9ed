import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForWorkers, type Redis } from '../../src/redis/connections.ts';
import { Datasets } from '../../src/store/datasets.ts';
import { JobControl } from '../../src/store/job-control.ts';
import { RECORD_SCHEMA } from '../../src/store/job-record.ts';
import { JobTransitions } from '../../src/store/job-transitions.ts';
import { JobStore } from '../../src/store/jobs.ts';
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
  'create with webhooks': async (id) => {
    return () => store.create(newJob({ id, webhooks: WEBHOOKS }));
  },
  'start that webhooks are told of': async (id) => {
    await created(admin, { id, webhooks: WEBHOOKS });
    return () => transitions.start(id, startOf());
  },
  'finish that webhooks are told of': async (id) => {
    await created(admin, { id, webhooks: WEBHOOKS });
    const { token } = await startBy(adminTransitions, id);
    return () => transitions.finish(id, token, FAILURE);
  },
  'remove of a job with webhooks': async (id) => {
    await created(admin, { id, webhooks: WEBHOOKS });
    const { token } = await startBy(adminTransitions, id);
    await adminTransitions.finish(id, token, FAILURE);
    return () => store.remove('local', id);
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
  },
  progress: async (id) => {
    const token = await running(id);
    // An event is due a second after the last one.
    await redis.hincrby(keys.job(id), 'event_at', -1000);
    return () => transitions.progress(id, token, epochReport(1).progress);
  },
  requeue: async (id) => {
    const token = await running(id);
    const drained = { token, delivery: 1, outcome: 'drained', reason: 'r', error: undefined } as const;
    return () => transitions.requeue(id, drained);
  },
  'requeue at the third fault': async (id) => {
    const token = await running(id);
    await redis.hset(keys.job(id), 'faults', 2);
    const crashed = { token, delivery: 1, outcome: 'trainer_crashed', reason: 'r', error: FAULT } as const;
    return () => transitions.requeue(id, crashed);
  },
  'requeue of a delivery that was never started': async (id) => {
    await created(admin, { id });
    const back = { delivery: 1, lost: true, outcome: 'drained', reason: 'r', error: undefined } as const;
    return () => transitions.giveBack(id, back);
  },
  'finish: succeeded': async (id) => {
    const token = await running(id);
    await adminTransitions.epoch(id, token, epochReport(1));
    return () => transitions.finish(id, token, successOf(1));
  },
  'finish: failed': async (id) => {
    const token = await running(id);
    return () => transitions.finish(id, token, FAILURE);
  },
  'cancel of a queued job': async (id) => {
    await created(admin, { id });
    return () => cancel(id);
  },
  'cancel of a running job': async (id) => {
    await running(id);
    return () => cancel(id);
  },
  'cancel of a paused job': async (id) => {
    const token = await running(id);
    await pauseRunning(id, token);
    return () => cancel(id);
  },
  'pause of a queued job': async (id) => {
    await created(admin, { id, runningQuota: 1 });
    await created(admin, { runningQuota: 1 });
    return () => control('pause', id);
  },
  'pause of a running job': async (id) => {
    await running(id);
    return () => control('pause', id);
  },
  'requeue of a pausing job': async (id) => {
    const token = await running(id);
    await adminControl.pause('local', id, true);
    await created(admin, { runningQuota: 1 });
    return () => transitions.requeue(id, { ...PAUSED, token });
  },
  'start of a pausing job': async (id) => {
    await running(id);
    await adminControl.pause('local', id, true);
    return () => transitions.start(id, startOf({ read: { attempt: 1, checkpointEpoch: 0 } }));
  },
  resume: async (id) => {
    const token = await running(id);
    await pauseRunning(id, token);
    await created(admin);
    return () => control('resume', id);
  },
  'resume of a job that is held then': async (id) => {
    await created(admin, { id });
    await adminControl.pause('local', id, false);
    await created(admin, { runningQuota: 1 });
    return () => control('resume', id);
  },
  'update of a held job': async (id) => {
    await created(admin, { runningQuota: 1 });
    await created(admin, { id, runningQuota: 1 });
    return await updating(id, 1);
  },
  'update of a running job': async (id) => {
    await running(id);
    return await updating(id, 0);
  },
  remove: async (id) => {
    const token = await running(id);
    await adminTransitions.finish(id, token, SUCCESS);
    return () => store.remove('local', id);
  },
  adopt: async (id) => {
    const token = await running(id);
    await adminTransitions.finish(id, token, SUCCESS);
    return () => store.adopt('local', 'alice', id);
  },
  pack: async (id) => {
    const token = await running(id);
    await adminTransitions.finish(id, token, SUCCESS);
    const revision = (await redis.hget(keys.job(id), 'revision'))!;
    return async () => {
      const { outcome } = await runTransition(user, keys, 'pack', {
        id,
        args: {
          schema: RECORD_SCHEMA,
          seq: 3,
          revision,
          events: 'packed',
          view: 'packed',
          packed_fields: 'spec',
        },
      });
      return { outcome: outcome! };
    };
  },
  index: async (id) => {
    const token = await running(id);
    await adminTransitions.finish(id, token, SUCCESS);
    const facts = (await redis.hget(keys.facts('local'), id))!.replace('rmsprop', 'sgd');
    return async () => {
      const { outcome } = await runTransition(user, keys, 'index', { id, args: { seq: 3, facts } });
      return { outcome: outcome! };
    };
  },
  put_dataset: async () => () => new Datasets(user, keys).put(newDataset()),
  drop_dataset: async () => {
    await new Datasets(redis, keys).put(newDataset());
    return () => new Datasets(user, keys).drop('local', 'mine');
  },
  'drop_dataset of rows that another has': async () => {
    await new Datasets(redis, keys).put(newDataset());
    await new Datasets(redis, keys).put(newDataset({ owner: 'alice' }));
    return () => new Datasets(user, keys).drop('local', 'mine');
  },
  'create on an uploaded dataset': async (id) => {
    await new Datasets(redis, keys).put(newDataset());
    return () => store.create(onUpload({ id }));
  },
  'cancel of a job on an uploaded dataset': async (id) => {
    await new Datasets(redis, keys).put(newDataset());
    await admin.create(onUpload({ id }));
    return () => cancel(id);
  },
  'remove of a job in the trash': async (id) => {
    const token = await running(id);
    await adminTransitions.finish(id, token, SUCCESS);
    await admin.remove('local', id);
    return () => store.remove('local', id);
  },
};

async function succeeded(): Promise<string> {
  const id = newJobId();
  const token = await running(id);
  await adminTransitions.epoch(id, token, epochReport(1));
  await adminTransitions.finish(id, token, successOf(1));
  return id;
}

const PAUSED = { delivery: 1, outcome: 'paused', reason: 'r', error: undefined } as const;

async function pauseRunning(id: string, token: string): Promise<void> {
  await adminControl.pause('local', id, false);
  await adminTransitions.requeue(id, { ...PAUSED, token });
}

async function control(name: 'pause' | 'resume', id: string): Promise<{ outcome: string }> {
  const args = { owner: 'local', now: 'yes', event: '{}', reason: 'resumed' };
  const { outcome } = await runTransition(user, keys, name, { id, args });
  return { outcome: outcome! };
}

async function updating(id: string, raise: number): Promise<() => Promise<{ outcome: string }>> {
  const [spec, revision, changed_at] = await redis.hmget(keys.job(id), 'spec', 'revision', 'changed_at');
  const args = {
    ...{ owner: 'local', exact: 'yes', view: '', labels: '', raise },
    ...{ revision: revision!, changed_at: changed_at!, old_spec: spec!, spec: 'another', event: '{}' },
  };
  return async () => {
    const { outcome } = await runTransition(user, keys, 'update', { id, args });
    return { outcome: outcome! };
  };
}

/** The transition alone: JobStore.cancel reads the job afterwards. */
async function cancel(id: string): Promise<{ outcome: string }> {
  const { outcome } = await runTransition(user, keys, 'cancel', { id, args: { owner: 'local' } });
  return { outcome: outcome! };
}

async function running(id: string): Promise<string> {
  await created(admin, { id });
  const { token } = await startBy(adminTransitions, id);
  return token;
}

async function startBy(worker: JobTransitions, id: string): Promise<{ token: string }> {
  const start = startOf();
  await worker.start(id, start);
  return start;
}

/** Every key of the installation with its content, sorted. */
async function snapshot(): Promise<string[]> {
  const names = (await redis.keys(`${root}*`)).sort();
  return await Promise.all(
    names.map(async (name) => {
      // A hash that is only read may change the order of its fields.
      if ((await redis.type(name)) === 'hash') {
        return `${name} ${JSON.stringify(Object.entries(await redis.hgetall(name)).sort())}`;
      }
      return `${name} ${((await redis.dumpBuffer(name)) ?? Buffer.alloc(0)).toString('hex')}`;
    }),
  );
}

async function emptied(): Promise<void> {
  const names = await redis.keys(`${root}*`);
  if (names.length > 0) await redis.del(...names);
}

/** @returns whether the move was refused; a refused move must have changed nothing. */
async function isRefused(move: () => Promise<{ outcome: string }>): Promise<boolean> {
  const before = await snapshot();
  try {
    await move();
    return false;
  } catch {
    expect(await snapshot()).toEqual(before);
    return true;
  }
}

/** A user's rights take effect at its next command on any connection. */
const allow = (...rules: string[]) => redis.call('ACL', 'SETUSER', USER, ...rules);

const keysOf = (id: string): string[] => [
  keys.job(id),
  keys.events(id),
  keys.queued,
  keys.live,
  keys.finished,
  keys.outbox,
  keys.trash,
  keys.statuses,
  keys.held,
  keys.share,
  keys.queuedOf('local'),
  keys.jobs('local'),
  keys.storage,
  keys.idempotencies('local'),
  keys.results,
  keys.datasets,
  keys.datasetFiles,
  keys.datasetBytes,
  keys.datasetJobs,
  keys.dataset('local', 'mine'),
  keys.messages(id),
  keys.lanes,
  keys.idempotency('local', '*'),
];

describe.skipIf(binary === null)('a transition that Redis refuses has changed nothing', () => {
  beforeAll(async () => {
    await own.start();
    await allow('on', '>pw', '~*', '&*', '+@all');
    user = connectForWorkers(parseRedisUrl(own.url), () => {});
    await user.call('AUTH', USER, 'pw');
    store = new JobStore(user, buildKeys(root.slice(1, -2)));
    transitions = new JobTransitions(user, keys);
  });

  afterAll(() => user.disconnect());

  it('finds the commands in the scripts', () => {
    expect(COMMANDS).toContain('HSET');
    expect(COMMANDS).toContain('PUBLISH');
    expect(COMMANDS.length).toBeGreaterThan(15);
  });

  it('each command in turn, and each is refused at least once', async () => {
    const refused = new Set<string>();
    for (const prepare of Object.values(SCENARIOS)) {
      for (const command of COMMANDS) {
        await emptied();
        const move = await prepare(newJobId());
        await allow('+@all', `-${command.toLowerCase()}`);
        if (await isRefused(move)) refused.add(command);
      }
    }
    await allow('+@all');
    expect([...refused].sort()).toEqual(COMMANDS);
  });

  it.each(Object.entries(SCENARIOS))('%s: each key and each channel in turn', async (_name, prepare) => {
    let refusals = 0;
    for (let k = -2; k < keysOf('').length; k += 1) {
      await emptied();
      const id = newJobId();
      const move = await prepare(id);
      const names = keysOf(id).filter((_, at) => at !== k);
      const channels = [keys.seqChannel(id), keys.signals].filter((_, at) => at !== k + 2);
      await allow(
        'resetkeys',
        'resetchannels',
        ...names.map((name) => `~${name}`),
        ...channels.map((name) => `&${name}`),
      );
      if (await isRefused(move)) refusals += 1;
    }
    await allow('~*', '&*');
    expect(refusals).toBeGreaterThan(2);
  });

  it.each(Object.entries(SCENARIOS))('%s: each key of another type in turn', async (_name, prepare) => {
    let refusals = 0;
    for (let k = 0; k < keysOf('').length - 1; k += 1) {
      await emptied();
      const id = newJobId();
      const move = await prepare(id);
      await redis.set(keysOf(id)[k], 'not what it should be');
      if (await isRefused(move)) refusals += 1;
    }
    expect(refusals).toBeGreaterThanOrEqual(1);
  });

  it.each(Object.entries(SCENARIOS))('%s: a Redis whose memory is full', async (name, prepare) => {
    await emptied();
    const move = await prepare(newJobId());
    await redis.config('SET', 'maxmemory', 1);
    try {
      // The others free memory, or lead to that.
      expect(await isRefused(move)).toBe(
        /^(create|put_dataset|start( after a lost worker| that webhooks are told of)?$|epoch|progress|pause|start of a pausing|resume|update|release|adopt)/.test(
          name,
        ),
      );
    } finally {
      await redis.config('SET', 'maxmemory', 0);
    }
  });
});
