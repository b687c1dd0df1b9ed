import { describe, expect, it } from 'vitest';
import type { Job, JobStatus } from '../../src/contract/job.ts';
import { JobCounts } from '../../src/store/job-counts.ts';
import { JobPacker } from '../../src/store/job-packer.ts';
import { JobTransitions } from '../../src/store/job-transitions.ts';
import { newJobId, startOf } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();

const act = (id: string, action: string) => api.request({ method: 'POST', url: `/jobs/${id}/${action}` });

const PAUSED = { delivery: 1, outcome: 'paused', reason: 'paused', error: undefined } as const;

/** What its worker does with a job that is pausing. */
const stop = (id: string, token: string) => api.transitions.requeue(id, { ...PAUSED, token });

const statusOf = async (id: string): Promise<JobStatus> =>
  (await api.request({ url: `/jobs/${id}` })).json().status;

const deliveryOf = async (id: string): Promise<number> =>
  Number(await api.redis.hget(api.keys.job(id), 'delivery'));

describe('POST /jobs/{id}/pause and resume', () => {
  it('pauses a queued job at once, and again without a change', async () => {
    const { id } = await api.create();
    const first = await act(id, 'pause');
    expect(first.statusCode).toBe(202);
    expect(first.json()).toMatchObject({ id, status: 'paused', terminal: false, queue_position: null });
    expect((await act(id, 'pause')).json()).toEqual(first.json());
    const found = (await api.request({ url: '/jobs?status=paused' })).json();
    expect(found.data.map((job: { id: string }) => job.id)).toContain(id);
  });

  it('puts a resumed job before all others, and again without a change', async () => {
    const [first, second] = [await api.create(), await api.create()];
    await act(second.id, 'pause');
    expect((await act(second.id, 'resume')).json()).toMatchObject({ status: 'queued', queue_position: 1 });
    const after = (await api.request({ url: `/jobs/${first.id}` })).json().queue_position;
    expect(after).toBeGreaterThan(1);
    expect((await act(second.id, 'resume')).json()).toMatchObject({ status: 'queued', queue_position: 1 });
    await act(first.id, 'pause');
    expect((await act(first.id, 'resume')).json()).toMatchObject({ queue_position: 1 });
  });

  it('asks the worker of a running job, which may finish first', async () => {
    const { id, token } = await api.running();
    expect((await act(id, 'pause')).json()).toMatchObject({ status: 'pausing', terminal: false });
    expect(await api.transitions.holders([id])).toEqual([{ status: 'pausing', token, pausesNow: false }]);
    expect((await act(id, 'pause?now=true')).json()).toMatchObject({ status: 'pausing' });
    expect(await api.transitions.holders([id])).toEqual([{ status: 'pausing', token, pausesNow: true }]);
    expectProblem(await act(id, 'resume'), 409, 'job_not_paused');
    expect(await stop(id, token)).toEqual({ outcome: 'paused' });
    expect((await act(id, 'resume')).json()).toMatchObject({
      status: 'queued',
      attempts: [{ attempt: 1, outcome: 'paused' }],
    });
    const types = (await api.events.read(id, { after: 0, limit: 10 })).map(({ type }) => type);
    expect(types).toEqual(['job.queued', 'job.running', 'job.pausing', 'job.paused', 'job.queued']);
  });

  it('tells the next attempt why it is needed, and hands over no delivery twice', async () => {
    const { id, token } = await api.running();
    await act(id, 'pause');
    await stop(id, token);
    await act(id, 'resume');
    const delivery = await deliveryOf(id);
    expect(delivery).toBe(3);
    const late = startOf({ delivery: 1, read: { attempt: 1, checkpointEpoch: 0 } });
    expect(await api.transitions.start(id, late)).toEqual({ outcome: 'dropped' });
    const next = startOf({ delivery, read: { attempt: 1, checkpointEpoch: 0 } });
    expect(await api.transitions.start(id, next)).toMatchObject({ outcome: 'started' });
    const { attempts } = (await api.request({ url: `/jobs/${id}` })).json();
    expect(attempts[1]).toMatchObject({ attempt: 2, reason: 'it was resumed after a pause' });
  });

  it('counts no time in which the job was paused', async () => {
    const { id, token } = await api.running();
    await act(id, 'pause');
    await stop(id, token);
    // As if the job had started, and was paused, an hour ago.
    const hourMs = 3_600_000;
    const key = api.keys.job(id);
    for (const field of ['started_at', 'paused_at', 'event_at']) await api.redis.hincrby(key, field, -hourMs);
    await act(id, 'resume');
    const start = startOf({ delivery: await deliveryOf(id), read: { attempt: 1, checkpointEpoch: 0 } });
    const started = await api.transitions.start(id, start);
    expect(started).toMatchObject({ outcome: 'started' });
    expect((started as { elapsedMs: number }).elapsedMs).toBeLessThan(hourMs / 2);
  });

  it('refuses what has ended, is being cancelled or does not exist', async () => {
    const failed = await api.failed();
    const { id } = await api.running();
    await act(id, 'cancel');
    for (const action of ['pause', 'resume']) {
      expect(expectProblem(await act(failed, action), 409, 'job_finished').detail).toContain('failed');
      expectProblem(await act(id, action), 409, 'job_cancelling');
      expectProblem(await act(newJobId(), action), 404, 'job_not_found');
    }
    expectProblem(await act(id, 'pause?now=maybe'), 422, 'validation_failed');
  });

  it('cancels a job that pauses or is paused, and lets a worker remove its files', async () => {
    const pausing = await api.running();
    await act(pausing.id, 'pause');
    expect((await act(pausing.id, 'cancel')).json()).toMatchObject({ status: 'cancelling' });
    expect(await stop(pausing.id, pausing.token)).toEqual({ outcome: 'cancelled' });

    const { id, token } = await api.running();
    await act(id, 'pause');
    await stop(id, token);
    const delivery = await deliveryOf(id);
    expect((await act(id, 'cancel')).json()).toMatchObject({ status: 'cancelled', terminal: true });
    await expect.poll(() => api.redis.exists(`${api.keys.root}bull:training:${id}-${delivery + 1}`)).toBe(1);
    expect((await api.request({ method: 'DELETE', url: `/jobs/${id}` })).statusCode).toBe(204);
  });

  it('keeps a paused job when its delivery comes again, and its worker is lost', async () => {
    const { id } = await api.running();
    await act(id, 'pause');
    const again = startOf({ read: { attempt: 1, checkpointEpoch: 0 } });
    expect(await api.transitions.start(id, again)).toEqual({ outcome: 'paused' });
    expect(await api.transitions.start(id, again)).toEqual({ outcome: 'paused' });
    expect(await statusOf(id)).toBe('paused');
  });
});

describe('quotas', () => {
  const quotas = {
    queuedJobs: 2,
    runningJobs: 1,
    requestsPerMinute: undefined,
    streams: undefined,
    uploads: undefined,
  };
  const limited = openApi({ quotas: { ...quotas, storageBytes: undefined, datasetBytes: undefined } });
  const actThere = (id: string, action: string) =>
    limited.request({ method: 'POST', url: `/jobs/${id}/${action}` });

  it('count paused jobs as queued, so that a pause makes no room for another', async () => {
    const { id } = await limited.create();
    await limited.create();
    await actThere(id, 'pause');
    expectProblem(await limited.post({}), 429, 'quota_exceeded');
    expect(await limited.store.use('local')).toMatchObject({ queued: 2 });
    await actThere(id, 'cancel');
    const third = await limited.create();
    await actThere(third.id, 'cancel');
  });

  it('give the slot of a paused job to the next, and let a resumed one wait for it', async () => {
    const outbox = () => limited.redis.zrange(limited.keys.held, 0, -1);
    const [waiting] = (await limited.request({ url: '/jobs?status=queued' })).json().data;
    const next = await limited.create();
    expect(await outbox()).toEqual([expect.stringContaining(`${next.id}-1`)]);
    await actThere(waiting.id, 'pause');
    expect(await outbox()).toEqual([]);
    await actThere(waiting.id, 'resume');
    expect(await outbox()).toEqual([expect.stringContaining(`${waiting.id}-3`)]);
    const shown = (await limited.request({ url: `/jobs/${waiting.id}` })).json();
    expect(shown).toMatchObject({ status: 'queued', queue_position: 1 });
  });
});

describe('PATCH /jobs/{id}', () => {
  const patch = (id: string, body: unknown, headers: Record<string, string> = {}) =>
    api.request({
      method: 'PATCH',
      url: `/jobs/${id}`,
      headers: { 'content-type': 'application/merge-patch+json', ...headers },
      payload: JSON.stringify(body),
    });
  const found = async (query: string): Promise<string[]> =>
    (await api.request({ url: `/jobs?${query}` })).json().data.map((job: { id: string }) => job.id);

  it('merges name and metadata at any time, and finds the job by them', async () => {
    const { id } = await api.create({ name: 'before', metadata: { a: '1', b: '2' } });
    const changed = await patch(id, { name: 'after', metadata: { a: null, c: '3' } });
    expect(changed.statusCode, changed.body).toBe(200);
    expect(changed.json().spec).toMatchObject({ name: 'after', metadata: { b: '2', c: '3' } });
    expect(changed.json()).toEqual((await api.request({ url: `/jobs/${id}` })).json());
    expect(await found('name=after')).toEqual([id]);
    expect(await found('metadata[c]=3')).toEqual([id]);
    expect(await found('name=before')).toEqual([]);
    expect(await found('metadata[a]=1')).toEqual([]);
    const token = await api.start(id);
    expect((await patch(id, { metadata: null })).json().spec.metadata).toEqual({});
    await api.transitions.finish(id, token, { status: 'cancelled' });
    expect((await patch(id, { name: null })).json().spec.name).toBeNull();
    expect(await found('name=after')).toEqual([]);
    expect((await patch(id, {})).json().spec.name).toBeNull();
  });

  it('tells the change to those who watch the job, or all jobs, until it has ended', async () => {
    const { id } = await api.create({ name: 'before' });
    const eventsOf = async (url: string) => (await api.request({ url })).json().data;
    const data = { name: 'after', metadata: { k: 'v' }, priority: 3 };
    await patch(id, data);
    // It changes nothing.
    await patch(id, { name: 'after' });
    const [, updated, ...more] = await eventsOf(`/jobs/${id}/events`);
    expect(updated).toMatchObject({ seq: 2, type: 'job.updated', data });
    expect(more).toEqual([]);
    const fed = (await eventsOf(`/events?jobs=${id}`)).map((each: { event: object }) => each.event);
    expect(fed.at(-1)).toEqual(updated);
    await act(id, 'cancel');
    await patch(id, { name: 'late' });
    expect((await eventsOf(`/jobs/${id}/events`)).at(-1)).toMatchObject({ seq: 3, type: 'job.cancelled' });
  });

  it('changes a packed job as well', async () => {
    const id = await api.succeeded();
    const before = (await api.request({ url: `/jobs/${id}` })).json();
    await api.redis.zadd(api.keys.finished, 1, id);
    await new JobPacker(api.redis, api.keys).packFinished();
    expect(await api.redis.hexists(api.keys.job(id), 'view')).toBe(1);
    const after = (await patch(id, { name: 'kept', metadata: { k: 'v' } })).json();
    expect(after).toEqual({ ...before, spec: { ...before.spec, name: 'kept', metadata: { k: 'v' } } });
    expect(await found('name=kept')).toEqual([id]);
  });

  it('changes only the job that If-Match names', async () => {
    const { id } = await api.create();
    const { etag } = (await api.request({ url: `/jobs/${id}` })).headers;
    const first = await patch(id, { name: 'one' }, { 'if-match': `"other", ${etag}` });
    expect(first.statusCode).toBe(200);
    expect(first.headers.etag).toBe((await api.request({ url: `/jobs/${id}` })).headers.etag);
    for (const tag of [String(etag), `W/${first.headers.etag}`, '"*"']) {
      expectProblem(await patch(id, { name: 'two' }, { 'if-match': tag }), 412, 'precondition_failed');
    }
    expect((await patch(id, { name: 'two' }, { 'if-match': '*' })).json().spec.name).toBe('two');
  });

  it('refuses what it cannot change, with what it takes', async () => {
    const { id } = await api.create({
      metadata: Object.fromEntries([...'abcdefghijklmno'].map((k) => [k, k])),
    });
    for (const body of [
      { training: { epochs: 5 } },
      { name: '' },
      { metadata: { a: 1 } },
      { priority: 11 },
      [],
    ]) {
      expectProblem(await patch(id, body), 422, 'validation_failed');
    }
    const many = expectProblem(await patch(id, { metadata: { y: 'y', z: 'z' } }), 422, 'validation_failed');
    expect(many.errors).toMatchObject([{ pointer: '/metadata' }]);
    const json = await patch(id, { name: 'x' }, { 'content-type': 'application/json' });
    expectProblem(json, 415, 'unsupported_media_type');
    expect(json.headers['accept-patch']).toBe('application/merge-patch+json');
    expectProblem(await api.request({ method: 'PATCH', url: `/jobs/${id}` }), 400, 'malformed_request');
    expectProblem(await patch(newJobId(), { name: 'x' }), 404, 'job_not_found');
    await api.start(id);
    expectProblem(await patch(id, { name: 'x', priority: 1 }), 409, 'job_not_queued');
  });
});

describe('priority', () => {
  const quotas = {
    queuedJobs: undefined,
    runningJobs: 1,
    requestsPerMinute: undefined,
    streams: undefined,
    uploads: undefined,
  };
  const one = openApi({ quotas: { ...quotas, storageBytes: undefined, datasetBytes: undefined } });
  const created = async (priority: number): Promise<string> =>
    (await one.create({ dataset: 'mnist_sample', priority })).id;
  const raise = (id: string, priority: number) =>
    one.request({
      method: 'PATCH',
      url: `/jobs/${id}`,
      headers: { 'content-type': 'application/merge-patch+json' },
      payload: JSON.stringify({ priority }),
    });
  const order = async (): Promise<string[]> =>
    (await one.request({ url: '/jobs?status=queued' }))
      .json()
      .data.sort((a: Job, b: Job) => a.queue_position! - b.queue_position!)
      .map(({ id }: Job) => id);

  it('orders the jobs that wait, the older ones of one priority first', async () => {
    const running = await created(0);
    const token = await one.start(running);
    const [low, usual, high, later] = [
      await created(-10),
      await created(0),
      await created(10),
      await created(0),
    ];
    expect(await order()).toEqual([high, usual, later, low]);
    expect((await raise(low!, 10)).json().queue_position).toBe(1);
    expect((await raise(high!, -1)).json().queue_position).toBe(4);
    expect(await order()).toEqual([low, usual, later, high]);
    const before = await one.redis.zrange(one.keys.held, 0, -1);
    expect(before.map((member) => member.split(':').at(-1))).toEqual(
      [low, usual, later, high].map((id) => `${id}-1`),
    );
    const plan = await one.request({
      method: 'POST',
      url: '/jobs/validate',
      headers: { 'content-type': 'application/json' },
      payload: '{"priority":-1}',
    });
    expect(plan.json()).toMatchObject({ queue_position: 5 });
    expect(await one.store.queuedBefore('local', 1)).toBe(1);

    await one.request({ method: 'POST', url: `/jobs/${later}/pause` });
    await one.request({ method: 'POST', url: `/jobs/${later}/resume` });
    expect(await order()).toEqual([low, later, usual, high]);

    const released: string[] = [];
    const worker = new JobTransitions(one.redis, one.keys, (ids) => released.push(...ids));
    await worker.finish(running, token, { status: 'failed', error: ERROR });
    expect(released).toEqual([`${low}-1`]);
    expect((await new JobCounts(one.redis, one.keys).read()).oldestQueuedMs).toBeLessThan(600_000);
  });
});

const ERROR = { code: 'diverged', message: 'x', retryable: false } as const;
