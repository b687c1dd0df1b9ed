import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForRequests } from '../../src/redis/connections.ts';
import type { Place } from '../../src/store/index-walk.ts';
import { createJob } from '../../src/store/job-creation.ts';
import { JobPacker } from '../../src/store/job-packer.ts';
import { JobStore } from '../../src/store/jobs.ts';
import { created, epochReport, FAILURE, jobIn, newJob, openStore, startOf } from './open-store.ts';

const { store, transitions, events, keys, redis, connect } = openStore();

describe('create', () => {
  it('returns exactly the job that it created', async () => {
    const outcome = await store.create(newJob({ owner: 'create' }));
    if (outcome.outcome !== 'created') throw new Error(outcome.outcome);
    const body = JSON.parse(outcome.answer.body);
    expect(await jobIn(store, 'create', body.id)).toEqual(body);
    expect(outcome.answer.id).toBe(body.id);
    expect(outcome.released).toEqual([`${body.id}-1`]);
  });

  it('keeps the shape of the dataset', async () => {
    const data = { ...DATASETS.mnist.shape, dataset: 'elsewhere', classes: [...'abcdefghij'] };
    const id = await created(store, { data });
    expect((await store.record(id))!.data).toEqual(data);
  });

  it('creates a job anew that Redis has forgotten with its key between two commands', async () => {
    const [owner, idempotency] = [
      'forgotten',
      { key: randomUUID(), bodySha256: '1'.repeat(64), maxKeys: 100 },
    ];
    const first = newJob({ owner, idempotency });
    await store.create(first);
    const views = {
      fields: async (id: string) => {
        await redis.del(
          keys.job(id),
          keys.events(id),
          ...(await redis.keys(`${keys.idempotency(owner, '')}*`)),
        );
        return undefined;
      },
    };
    const second = newJob({ owner, idempotency });
    const outcome = await createJob(redis, keys, views, second);
    expect(outcome).toMatchObject({ outcome: 'created', answer: { id: second.id } });
  });

  it('shows the specs of earlier versions with the defaults of the fields that those did not have', async () => {
    const id = await created(store, newJob({ owner: 'earlier' }));
    const { spec } = await jobIn(store, 'earlier', id);
    const { l1: _, ...model } = spec.model;
    const { validation: __, ...training } = spec.training;
    await redis.hset(keys.job(id), 'spec', JSON.stringify({ ...spec, model, training }));
    expect((await jobIn(store, 'earlier', id)).spec).toEqual(spec);
  });

  it('keeps odd strings as they are', async () => {
    const name = '"\\ \u0000 gap \u2028 {"created_at":"x"} 😀 %s';
    const job = newJob({ owner: 'odd' });
    const id = await created(store, { ...job, spec: { ...job.spec, name, metadata: { [name]: name } } });
    const { spec } = await jobIn(store, 'odd', id);
    expect(spec.name).toBe(name);
    expect(spec.metadata).toEqual({ [name]: name });
    expect(spec.training.validation_split).toBe(0.2);
  });

  it('replays the stored answer byte for byte, whatever has happened to the job', async () => {
    const idempotency = { key: randomUUID(), bodySha256: '1'.repeat(64), maxKeys: 100 };
    const job = newJob({ owner: 'replay', idempotency });
    const first = await store.create(job);
    const repeat = () => store.create(newJob({ owner: 'replay', idempotency }));
    const replayed = { outcome: 'replayed', answer: 'answer' in first && first.answer };
    expect(await repeat()).toEqual(replayed);
    await store.cancel('replay', job.id);
    expect(await repeat()).toEqual(replayed);
    await redis.zincrby(keys.finished, -60_000, job.id);
    expect(await new JobPacker(redis, keys).packFinished()).toBe(1);
    expect(await repeat()).toEqual(replayed);
    await store.remove('replay', job.id);
    expect(await repeat()).toEqual({ outcome: 'deleted', id: job.id });
    const other = { ...idempotency, bodySha256: '2'.repeat(64) };
    expect(await store.create(newJob({ owner: 'replay', idempotency: other }))).toEqual({
      outcome: 'key_reused',
    });
    const elsewhere = await store.create(newJob({ owner: 'another', idempotency: other }));
    expect(elsewhere.outcome).toBe('created');
  });

  it('creates nothing while it is not accepting, but still answers a repeat', async () => {
    const idempotency = { key: randomUUID(), bodySha256: '3'.repeat(64), maxKeys: 100 };
    const first = await store.create(newJob({ owner: 'full', idempotency }));
    const refused = newJob({ owner: 'full', accepting: false });
    expect(await store.create(refused)).toEqual({ outcome: 'not_accepting' });
    expect(await store.get('full', refused.id)).toBeUndefined();
    const repeat = await store.create(newJob({ owner: 'full', accepting: false, idempotency }));
    expect(repeat).toEqual({ outcome: 'replayed', answer: 'answer' in first && first.answer });
  });

  it('keeps an idempotency entry for a day', async () => {
    const idempotency = { key: randomUUID(), bodySha256: '1'.repeat(64), maxKeys: 100 };
    await store.create(newJob({ owner: 'ttl', idempotency }));
    const [key] = await redis.keys(`${keys.idempotency('ttl', '')}*`);
    const ttl = await redis.pttl(key!);
    expect(ttl).toBeGreaterThan(86_000_000);
    expect(ttl).toBeLessThanOrEqual(86_400_000);
  });

  it('keeps few bytes of a key, and only the latest keys of an owner', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`note${i}`, 'x'.repeat(500)]));
    const spec = JobSpecSchema.parse({ metadata });
    const idempotency = { bodySha256: '1'.repeat(64), maxKeys: 3 };
    const create = async (key: string) => {
      const outcome = await store.create(
        newJob({ owner: 'many', spec, idempotency: { ...idempotency, key } }),
      );
      if (outcome.outcome !== 'created') return outcome.outcome;
      await store.cancel('many', outcome.answer.id);
      await store.remove('many', outcome.answer.id);
      return outcome.outcome;
    };
    for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await create(key)).toBe('created');
    expect(await redis.zcard(keys.idempotencies('many'))).toBe(3);
    const entries = await redis.keys(`${keys.idempotency('many', '')}*`);
    expect(entries).toHaveLength(3);
    for (const entry of entries) expect((await redis.dumpBuffer(entry))!.length).toBeLessThan(400);
    // The latest are remembered although their jobs are gone, the first two are not.
    for (const key of ['c', 'd', 'e']) expect(await create(key)).toBe('deleted');
    expect(await create('a')).toBe('created');
  });
});

describe('get', () => {
  it("does not show another owner's job", async () => {
    const id = await created(store, { owner: 'mine' });
    expect(await store.get('theirs', id)).toBeUndefined();
    expect(await store.head('theirs', id)).toBeUndefined();
    expect(await store.cancel('theirs', id)).toEqual({ outcome: 'not_found' });
    expect(await store.remove('theirs', id)).toEqual({ outcome: 'not_found' });
  });

  it('counts the place in the queue from 1; a requeued job keeps its place', async () => {
    const others = new JobStore(redis, keys);
    await created(store, { owner: 'another' });
    const first = await created(store, { owner: 'place' });
    const second = await created(store, { owner: 'place' });
    const position = async (id: string) => (await jobIn(others, 'place', id)).queue_position;
    expect(await position(first)).toBe(1);
    expect(await position(second)).toBe(2);
    const start = startOf();
    await transitions.start(first, start);
    expect(await position(first)).toBeNull();
    expect(await position(second)).toBe(1);
    await transitions.requeue(first, {
      token: start.token,
      delivery: 1,
      outcome: 'drained',
      reason: 'r',
      error: undefined,
    });
    expect(await position(first)).toBe(1);
  });
});

describe('list', () => {
  it('pages through all jobs, newest first, and filters by status', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 25; i++) ids.push(await created(store, { owner: 'list' }));
    for (const id of ids.filter((_, i) => i % 5 === 0)) await store.cancel('list', id);
    const newestFirst = [...ids].sort().reverse();

    const seen: string[] = [];
    let after: Place | undefined;
    do {
      const page = await store.list('list', { limit: 10, after });
      seen.push(...page.jobs.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(newestFirst);

    const filters = { statuses: ['cancelled'] } as const;
    const cancelled = await store.list('list', { limit: 3, filters });
    expect(cancelled.jobs).toHaveLength(3);
    expect(cancelled.next).toEqual({ id: cancelled.jobs[2]!.id, value: null });
    const rest = await store.list('list', { limit: 3, filters, after: cancelled.next });
    expect(rest.jobs.every(({ status }) => status === 'cancelled')).toBe(true);
    expect(rest.jobs).toHaveLength(2);
    expect(rest.next).toBeUndefined();
    expect(await store.list('nobody', { limit: 10 })).toEqual({ jobs: [], next: undefined });
  });
});

describe('a long list', () => {
  it('has each job once when it is filtered, even across pages', async () => {
    const ids = await Promise.all(Array.from({ length: 510 }, () => created(store, { owner: 'long' })));
    const wanted = ids.sort().slice(0, 20);
    for (const id of wanted) await store.cancel('long', id);
    const { jobs, next } = await store.list('long', { limit: 100, filters: { statuses: ['cancelled'] } });
    expect(jobs.map(({ id }) => id)).toEqual(wanted.reverse());
    expect(next).toBeUndefined();
  });
});

describe('cancel', () => {
  it('takes a queued job out of the queue and the outbox, and signals the worker of a running one', async () => {
    const before = (await store.counts()).queued;
    const id = await created(store);
    await store.cancel('local', id);
    expect((await store.counts()).queued).toBe(before);
    expect(await redis.zscore(keys.outbox, `${id}-1`)).toBeNull();

    const running = await created(store);
    await transitions.start(running, startOf());
    const subscriber = connect();
    await subscriber.subscribe(keys.signals);
    const told = new Promise((resolve) => subscriber.once('message', (_channel, job) => resolve(job)));
    await store.cancel('local', running);
    expect(await told).toBe(running);
  });
});

describe('counts', () => {
  it('follow a job from the queue to its end', async () => {
    const before = await store.counts();
    const id = await created(store);
    expect(await store.counts()).toMatchObject({ queued: before.queued + 1, live: before.live + 1 });
    const start = startOf();
    await transitions.start(id, start);
    await transitions.epoch(id, start.token, epochReport(1));
    expect(await store.counts()).toMatchObject({ queued: before.queued, live: before.live + 1 });
    await transitions.finish(id, start.token, FAILURE);
    expect(await store.counts()).toMatchObject({ live: before.live, finished: before.finished + 1 });
    expect(await store.head('local', id)).toMatchObject({ status: 'failed', seq: 4 });
    expect((await events.read(id, { after: 1, limit: 2 })).map(({ seq }) => seq)).toEqual([2, 3]);
  });
});

describe('without Redis', () => {
  it('a request fails at once with StoreUnavailableError', async () => {
    const nowhere = connectForRequests(parseRedisUrl('unix:/nowhere/redis.sock'), () => {});
    try {
      await expect(new JobStore(nowhere, keys).get('local', 'job_x')).rejects.toMatchObject({
        code: 'store_unavailable',
      });
    } finally {
      nowhere.disconnect();
    }
  });
});
