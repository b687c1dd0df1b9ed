import { connect } from 'node:net';
import request from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JobEvent } from '../../src/contract/job-event.ts';
import { epochReport, newJobId, successOf } from '../store/open-store.ts';
import { EventViewer } from './event-viewer.ts';
import { expectProblem, openApi } from './open-api.ts';

/** Reading without a signal would hide a lost one, so streams here wake only on signals. */
const api = openApi({ timing: { lookMs: 600_000 } });

const eventsOf = (id: string) => `${api.url}/jobs/${id}/events`;

/** A job with six events, the last one terminal. */
async function finishedJob(): Promise<string> {
  const { id, token } = await api.running();
  for (const epoch of [1, 2, 3]) await api.transitions.epoch(id, token, epochReport(epoch));
  await api.transitions.finish(id, token, successOf(3));
  return id;
}

describe('events as a list', () => {
  it('come in pages after a cursor', async () => {
    const id = await finishedJob();
    const first = (await api.request({ url: `/jobs/${id}/events?limit=4` })).json();
    expect(first.data.map(({ seq }: JobEvent) => seq)).toEqual([1, 2, 3, 4]);
    expect(first.has_more).toBe(true);
    const second = (await api.request({ url: `/jobs/${id}/events?limit=2&after=4` })).json();
    expect(second.data.map(({ type }: JobEvent) => type)).toEqual(['job.epoch', 'job.succeeded']);
    expect(second.has_more).toBe(false);
    expect((await api.request({ url: `/jobs/${id}/events?after=6` })).json().data).toEqual([]);
  });

  it.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/*;q=0.5, text/html', 'application/json'],
    ['text/event-stream;q=0.1, application/json', 'application/json'],
    ['text/event-stream', 'text/event-stream'],
    ['text/event-stream, */*', 'text/event-stream'],
    ['Text/Event-Stream; q=0.9, application/json;q=0.8', 'text/event-stream'],
  ])('Accept %s gives %s', async (accept, type) => {
    const url = `/jobs/${await finishedJob()}/events`;
    const response = await api.request({ url, headers: accept === undefined ? {} : { accept } });
    expect(response.headers['content-type']).toContain(type);
    expect(response.headers.vary).toContain('Accept');
  });

  it.each(['text/html', 'application/json;q=0', 'image/*', ','])('Accept %s gives 406', async (accept) => {
    const url = `/jobs/${await finishedJob()}/events`;
    const problem = expectProblem(await api.request({ url, headers: { accept } }), 406, 'not_acceptable');
    expect(problem.detail).toContain('text/event-stream');
  });
});

describe('an event stream', () => {
  it('sends retry, then all past events, then new ones, and ends with the job', async () => {
    const { id } = await api.create();
    const viewer = await EventViewer.open(eventsOf(id));
    expect(viewer.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      vary: 'Accept',
    });
    expect(await viewer.block()).toBe('retry: 2000');
    expect(await viewer.message()).toMatchObject({ id: '1', event: 'job.queued' });
    const token = await api.start(id);
    expect(await viewer.message()).toMatchObject({
      id: '2',
      event: 'job.running',
      data: { data: { attempt: 1 } },
    });
    await api.transitions.epoch(id, token, epochReport(1));
    expect(await viewer.message()).toMatchObject({
      id: '3',
      event: 'job.epoch',
      data: { data: { epoch: 1 } },
    });
    await api.transitions.finish(id, token, successOf(1));
    expect(await viewer.message()).toMatchObject({ id: '4', event: 'job.succeeded' });
    expect(await viewer.message()).toBeUndefined();
  });

  it('sends the same events as the list', async () => {
    const id = await finishedJob();
    const viewer = await EventViewer.open(eventsOf(id));
    const list = (await api.request({ url: `/jobs/${id}/events` })).json();
    const messages = await viewer.messages();
    expect(messages.map(({ data }) => data)).toEqual(list.data);
    expect(messages.map(({ id, event }) => [Number(id), event])).toEqual(
      list.data.map(({ seq, type }: JobEvent) => [seq, type]),
    );
  });

  it('continues after Last-Event-ID, which overrides after', async () => {
    const id = await finishedJob();
    const viewer = await EventViewer.open(`${eventsOf(id)}?after=1`, { 'last-event-id': '4' });
    expect((await viewer.messages()).map((message) => message.id)).toEqual(['5', '6']);
    const other = await EventViewer.open(`${eventsOf(id)}?after=5`);
    expect((await other.messages()).map((message) => message.id)).toEqual(['6']);
  });

  it('has no gap and no duplicate over many reconnects', async () => {
    const { id, token } = await api.running();
    const seen: number[] = [];
    for (let epoch = 1; epoch <= 12; epoch += 1) {
      const headers: Record<string, string> =
        seen.length === 0 ? {} : { 'last-event-id': String(seen.at(-1)) };
      const viewer = await EventViewer.open(eventsOf(id), headers);
      const report = epochReport(epoch);
      await api.transitions.epoch(id, token, {
        ...report,
        progress: { ...report.progress, epochs: 12, fraction: epoch / 12 },
      });
      while (seen.at(-1) !== epoch + 2) seen.push(Number((await viewer.message())!.id));
      viewer.close();
    }
    expect(seen).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
  });

  it('sends more than one page of events', async () => {
    const { id, token } = await api.running();
    for (let epoch = 1; epoch <= 250; epoch += 1) {
      const report = epochReport(epoch);
      const progress = { ...report.progress, epochs: 250, fraction: epoch / 250 };
      await api.transitions.epoch(id, token, { ...report, progress });
    }
    await api.transitions.finish(id, token, successOf(250));
    const messages = await (await EventViewer.open(eventsOf(id))).messages();
    expect(messages.map((message) => Number(message.id))).toEqual(
      Array.from({ length: 253 }, (_, i) => i + 1),
    );
  });

  it('starts over with reset when its cursor is beyond the last event', async () => {
    const id = await finishedJob();
    const messages = await (await EventViewer.open(eventsOf(id), { 'last-event-id': '99' })).messages();
    expect(messages.map(({ event }) => event)).toEqual([
      'reset',
      'job.queued',
      'job.running',
      'job.epoch',
      'job.epoch',
      'job.epoch',
      'job.succeeded',
    ]);
    expect(messages[0]).toEqual({ id: '0', event: 'reset', data: { last_seq: 6 } });
  });

  it('gets 204 when the job has ended and the viewer has its last event', async () => {
    const id = await finishedJob();
    const headers = { accept: 'text/event-stream', 'last-event-id': '6' };
    const response = await request(api.url).get(`/jobs/${id}/events`).set(headers);
    expect([response.status, response.text]).toEqual([204, '']);
    const { id: live } = await api.create();
    const viewer = await EventViewer.open(`${eventsOf(live)}?after=1`);
    expect(viewer.response.statusCode).toBe(200);
  });

  it.each(['-1', 'x', '1.5', '1e3', '0x1', '9'.repeat(20), '１'])(
    'refuses Last-Event-ID %s',
    async (cursor) => {
      const url = `/jobs/${await finishedJob()}/events`;
      const headers = { accept: 'text/event-stream', 'last-event-id': cursor };
      const { errors } = expectProblem(await api.request({ url, headers }), 422, 'validation_failed');
      expect(errors).toEqual([
        { in: 'header', pointer: '/last-event-id', detail: expect.stringContaining('at least 0') },
      ]);
    },
  );

  it('is not opened for HEAD or for a job that does not exist', async () => {
    const { id } = await api.create();
    const headers = { accept: 'text/event-stream' };
    const head = await request(api.url).head(`/jobs/${id}/events`).set(headers);
    expect([head.status, head.headers['content-type']]).toEqual([200, 'text/event-stream']);
    expectProblem(await api.request({ url: `/jobs/${newJobId()}/events`, headers }), 404, 'job_not_found');
  });

  it('shares one subscription among all viewers of a job, and ends it with the last viewer', async () => {
    const { id, token } = await api.running();
    const channel = api.keys.seqChannel(id);
    const subscribers = async () => (await api.redis.pubsub('NUMSUB', channel))[1];
    const viewers = await Promise.all(
      Array.from({ length: 20 }, () => EventViewer.open(`${eventsOf(id)}?after=2`)),
    );
    await expect.poll(subscribers).toBe(1);
    await api.transitions.epoch(id, token, epochReport(1));
    for (const viewer of viewers) expect(await viewer.types(1)).toEqual(['job.epoch']);
    for (const viewer of viewers) viewer.close();
    await expect.poll(subscribers).toBe(0);
    const metrics = async () => (await api.request({ url: '/metrics' })).body;
    await expect.poll(metrics).toContain('descent_event_streams 0');
  });
});

describe('an idle stream', () => {
  const restless = openApi({ timing: { heartbeatMs: 20, lookMs: 20 } });

  it('gets comments without an id', async () => {
    const { id } = await restless.create();
    const viewer = await EventViewer.open(`${restless.url}/jobs/${id}/events?after=1`);
    expect([await viewer.block(), await viewer.block(), await viewer.block()]).toEqual([
      'retry: 2000',
      ': ',
      ': ',
    ]);
  });

  it('reads without a signal when one is lost', async () => {
    const { id } = await restless.create();
    const viewer = await EventViewer.open(`${restless.url}/jobs/${id}/events?after=1`);
    await viewer.block();
    // Written without a signal, as if the subscriber had been disconnected.
    await restless.redis.xadd(
      restless.keys.events(id),
      '2-0',
      'type',
      'job.cancelling',
      'at',
      '1',
      'data',
      '{}',
    );
    await restless.redis.hset(restless.keys.job(id), 'seq', '2');
    expect(await viewer.types(1)).toEqual(['job.cancelling']);
    // And Redis forgets its last second.
    await restless.redis.xdel(restless.keys.events(id), '2-0');
    await restless.redis.hset(restless.keys.job(id), 'seq', '1');
    expect(await viewer.types(2)).toEqual(['reset', 'job.queued']);
  });

  it('ends when its job is removed', async () => {
    const { id } = await restless.create();
    const viewer = await EventViewer.open(`${restless.url}/jobs/${id}/events?after=1`);
    await viewer.block();
    await restless.redis.del(restless.keys.job(id));
    expect(await viewer.message()).toBeUndefined();
  });
});

describe('a viewer that does not read', () => {
  /** A store with endless big events: this test is about the socket. */
  const events = {
    read: async (_id: string, { after, limit }: { after: number; limit: number }) =>
      Array.from(
        { length: limit },
        (_, i) =>
          ({ seq: after + 1 + i, type: 'job.cancelling', data: '', text: 'x'.repeat(10_000) }) as const,
      ),
    metrics: async () => [],
    metricsRows: async () => [],
  };
  const impatient = openApi({ timing: { drainMs: 100 }, events });
  const patient = openApi({ timing: { drainMs: 600_000 }, events });

  async function openStuckViewer(open: typeof api): Promise<void> {
    const { id } = await open.create();
    const socket = connect(Number(new URL(open.url).port), '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.pause();
    socket.write(`GET /jobs/${id}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
    // It may be over before we look.
    await expect
      .poll(async () => (await viewers(open)) === '1' || (await hasEnded(open)), { timeout: 30_000 })
      .toBe(true);
  }

  const viewers = async (open: typeof api) =>
    /^descent_event_streams (\d+)$/m.exec((await open.request({ url: '/metrics' })).body)?.[1];

  const hasEnded = async (open: typeof api) =>
    /^descent_event_streams_total\{.*\} 1$/m.test((await open.request({ url: '/metrics' })).body);

  it('is cut off', async () => {
    await openStuckViewer(impatient);
    await expect.poll(() => viewers(impatient), { timeout: 60_000 }).toBe('0');
  });

  it('does not delay a shutdown', async () => {
    await openStuckViewer(patient);
    await patient.app.close();
  });
});

describe('a shutdown', () => {
  const closing = openApi();

  it('ends every stream with retry', async () => {
    const { id } = await closing.create();
    const viewers = await Promise.all(
      Array.from({ length: 5 }, () => EventViewer.open(`${closing.url}/jobs/${id}/events?after=1`)),
    );
    for (const viewer of viewers) expect(await viewer.block()).toBe('retry: 2000');
    const closed = closing.app.close();
    for (const viewer of viewers) {
      expect(await viewer.block()).toBe('retry: 2000');
      expect(await viewer.block()).toBeUndefined();
      expect(viewer.response.complete).toBe(true);
    }
    await closed;
  });
});
