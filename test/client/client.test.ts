import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ClassEvaluation,
  type ClassPredictions,
  Descent,
  DescentError,
  type JobEvent,
  type JobSpec,
  type ResetEvent,
} from '../../src/client/descent.ts';
import { Installation } from '../end-to-end/installation.ts';
import { SMALL as SMALL_JOB } from '../end-to-end/small-jobs.ts';
import { closedUrl } from '../support/closed-port.ts';
import { Receiver, SECRET } from '../webhooks/receiver.ts';
import { runKeys } from './run-keys.ts';

/** The client against real processes. */

const SMALL: JobSpec = { ...SMALL_JOB, dataset: 'mnist_sample', cache: false };
const ENDLESS: JobSpec = { ...SMALL, engine: 'reference', training: { epochs: 1000 } };

const BLACK = Array.from({ length: 784 }, () => 0);

const descent = await Installation.startForFile();
const { url } = descent;
const { jobs } = new Descent({ url });

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const failureOf = async (promise: Promise<unknown>): Promise<DescentError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DescentError);
  return error as DescentError;
};

/** Answers like a web page, whatever it is asked. */
async function otherServer(): Promise<string> {
  const server = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the client', () => {
  it('creates, watches, lists, reads and deletes a job', async () => {
    const created = await Promise.all([jobs.create(SMALL), jobs.create({ ...SMALL, name: 'second' })]);
    const events: (JobEvent | ResetEvent)[] = [];
    const [first] = await Promise.all([
      jobs.wait(created[0].id, { onEvent: (event) => void events.push(event) }),
      jobs.wait(created[1].id),
    ]);
    expect(first.status).toBe('succeeded');
    expect(events).toEqual(await descent.events(first.id));
    expect(await all(jobs.pastEvents(first.id))).toEqual(events);
    expect(await all(jobs.pastEvents(first.id, { after: 2 }))).toEqual(events.slice(2));
    // A job that has ended gives all of its events, and none after the last.
    expect(await all(jobs.events(first.id))).toEqual(events);
    expect(await all(jobs.events(first.id, { after: events.length }))).toEqual([]);

    const listed = await all(jobs.list({ pageSize: 1, status: 'succeeded' }));
    expect(listed.map(({ id }) => id).sort()).toEqual(created.map(({ id }) => id).sort());
    const found = all(
      jobs.list({ pageSize: 1, sort: '-test_accuracy', val_loss: ['gt:0', 'lt:100'], optimizer: 'rmsprop' }),
    );
    expect((await found).map(({ id }) => id).sort()).toEqual(created.map(({ id }) => id).sort());
    expect(await all(jobs.list({ metadata: { team: 'none' } }))).toEqual([]);
    const { data } = await jobs.metrics(first.id);
    expect(data.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect((await jobs.metrics(first.id, { after: data[1]!.seq })).data).toEqual([data[2]]);
    const evaluation = (await jobs.evaluation(first.id)) as ClassEvaluation;
    expect(evaluation.accuracy).toBe(first.result!.test.accuracy);

    const model = await jobs.model(first.id, { format: 'onnx' });
    expect(model.name).toBe(`mnist-sample-rmsprop-${first.id.slice(-6)}.onnx`);
    const sent = await descent.fetch(`/jobs/${first.id}/model?format=onnx`);
    expect(await new Response(model.body).arrayBuffer()).toEqual(await sent.arrayBuffer());

    const { data: told, classes } = (await jobs.predict(first.id, [BLACK])) as ClassPredictions;
    expect(told).toHaveLength(1);
    expect(classes[told[0]!.class]).toBe(told[0]!.label);
    const rows = new Blob([Uint8Array.from([...BLACK, ...BLACK])]);
    expect((await jobs.predict(first.id, rows)).data).toEqual([told[0], told[0]]);
    const csv = new Blob([BLACK.join()], { type: 'text/csv' });
    expect((await jobs.predict(first.id, csv, { fit: 'none' })).data).toEqual(told);

    const ids = created.map(({ id }) => id);
    const comparison = await jobs.compare(ids);
    expect(comparison.jobs.map(({ id }) => id)).toEqual(ids);
    expect(comparison.different).toEqual({});
    const wide = await jobs.compareCsv(ids, { shape: 'wide', metric: 'loss' });
    expect(wide).toContain(`\r\n3,${data[2]!.loss},${comparison.curves.loss[2]![1]}\r\n`);

    await jobs.delete(first.id);
    expect(await failureOf(jobs.get(first.id))).toMatchObject({ code: 'job_not_found', status: 404 });
  });

  it('names webhooks, lists what they were told, and repeats it', async () => {
    const own = await Installation.start({ env: { WEBHOOK_SECRET: SECRET, WEBHOOK_ALLOW_PRIVATE: '1' } });
    const receiver = await Receiver.start();
    onTestFinished(() => receiver.close());
    const { jobs } = new Descent({ url: own.url });
    const webhooks = [{ url: receiver.url }];
    const { id } = await jobs.create({ ...SMALL, webhooks });
    const { result } = await jobs.wait(id);
    await receiver.until(1);
    expect(receiver.received[0]!.body).toMatchObject({ type: 'job.succeeded', data: { id, result } });
    await expect.poll(async () => (await jobs.deliveries(id)).data[0]!.state).toBe('delivered');
    const [delivery] = (await jobs.deliveries(id)).data;
    expect(await jobs.redeliver(id, delivery!.id)).toMatchObject({ id: delivery!.id, state: 'pending' });
    await receiver.until(2);
    expect(await failureOf(jobs.redeliver(id, '../cancel'))).toMatchObject({ code: 'not_found' });

    const children = [
      await jobs.extend(id, 4, { webhooks }),
      await jobs.fork(id, { webhooks, overrides: { training: { epochs: 4 } } }),
    ];
    await receiver.until(4);
    const told = receiver.received.slice(2).map(({ body }) => body.data.id);
    expect(told.sort()).toEqual(children.map((child) => child.id).sort());
    const untold = await jobs.extend(id, 4);
    expect((await jobs.deliveries(untold.id)).webhooks).toEqual([]);
    expect(receiver.faults).toEqual([]);
  });

  it('creates one job, whatever is lost on the way', async () => {
    const sent: string[] = [];
    const lossy = new Descent({
      url,
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        sent.push(new Headers(init!.headers).get('idempotency-key')!);
        if (sent.length < 3) throw new TypeError('the reply was lost');
        return response;
      },
    });
    const job = await lossy.jobs.create({ ...SMALL, name: 'lossy' });
    expect(sent).toHaveLength(3);
    expect(new Set(sent).size).toBe(1);
    const made = (await all(jobs.list())).filter(({ spec }) => spec.name === 'lossy');
    expect(made.map(({ id }) => id)).toEqual([job.id]);
    const again = await jobs.create({ ...SMALL, name: 'lossy' }, { idempotencyKey: sent[0]! });
    expect(again.id).toBe(job.id);
    expect(await failureOf(jobs.create({}, { idempotencyKey: sent[0]! }))).toMatchObject({
      code: 'idempotency_key_reused',
      status: 422,
    });
  });

  it('waits as long as the server asks, unless that is long', async () => {
    const limited = await descent.startAnotherApi({ QUOTA_REQUESTS_PER_MINUTE: '60', MAX_QUEUED_JOBS: '1' });
    const statuses: number[] = [];
    const { jobs: limitedJobs } = new Descent({
      url: limited.url,
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        statuses.push(response.status);
        return response;
      },
    });
    // The worker takes one at a time, so that one of three waits at least.
    const created = await Promise.all([1, 2, 3].map(() => jobs.create(ENDLESS)));
    while (!statuses.includes(429)) await limitedJobs.get(created[0]!.id);
    expect(statuses.at(-1)).toBe(200);
    const full = await failureOf(limitedJobs.create(SMALL));
    await Promise.all(created.map(({ id }) => jobs.cancel(id)));
    expect(full).toMatchObject({ code: 'queue_full', status: 429, retryAfterSeconds: 30 });
  });

  it('says what is not allowed', async () => {
    const error = await failureOf(jobs.create({ training: { epochs: 0, batch_size: 0 } }));
    expect(error).toMatchObject({ code: 'validation_failed', status: 422 });
    expect(error.errors.map(({ pointer }) => pointer)).toEqual(['/training/epochs', '/training/batch_size']);
    expect(error.message).toContain('/training/epochs must be a whole number from 1 to 1000');
    for (const id of ['..', '', 'job_/../x', 'job_?'])
      expect(await failureOf(jobs.get(id))).toMatchObject({ code: 'job_not_found', status: undefined });
    expect(await failureOf(jobs.compare(['job_1,job_2', 'job_3']))).toMatchObject({ code: 'job_not_found' });
    expect(() => new Descent({ url: 'localhost:3000' })).toThrow('http://127.0.0.1:3000');
    expect(() => new Descent({ url: 'http://a', apiKey: 'secret\n' })).toThrow(/^(?!.*secret)/);
  });

  it('says that nothing answers, or something else than Descent', async () => {
    const nothing = new Descent({ url: await closedUrl() });
    const other = await otherServer();
    const web = new Descent({ url: other });
    const [unreachable, foreign] = await Promise.all([
      failureOf(nothing.jobs.get('job_1')),
      failureOf(web.jobs.get('job_1')),
    ]);
    expect(unreachable).toMatchObject({ code: 'unreachable', status: undefined });
    expect(unreachable.message).toContain('ECONNREFUSED');
    expect(foreign).toMatchObject({ code: 'unexpected_response', status: 200 });
  });

  it('says that a file broke off', async () => {
    const { id } = await jobs.create(SMALL);
    await jobs.wait(id);
    const breaking = new Descent({
      url,
      fetch: async (input, init) => {
        const { headers, body } = await fetch(input, init);
        const half = new TransformStream<Uint8Array, Uint8Array>({
          transform: (_chunk, controller) => controller.error(new TypeError('terminated')),
        });
        return new Response(body!.pipeThrough(half), { headers });
      },
    });
    const { body } = await breaking.jobs.model(id);
    expect(await failureOf(new Response(body).arrayBuffer())).toMatchObject({ code: 'unreachable' });
  });

  it('stops at once when it is told to', async () => {
    const { id } = await jobs.create(SMALL);
    const stop = new AbortController();
    const reason = new Error('enough');
    const waiting = jobs.wait(id, { signal: stop.signal, onEvent: () => stop.abort(reason) });
    await expect(waiting).rejects.toBe(reason);
    await expect(jobs.get(id, { signal: stop.signal })).rejects.toBe(reason);
    // Also between two attempts.
    const later = new AbortController();
    const failing = new Descent({
      url,
      fetch: async () => {
        queueMicrotask(() => later.abort(reason));
        throw new TypeError('no network');
      },
    });
    await expect(failing.jobs.get(id, { signal: later.signal })).rejects.toBe(reason);
  });
});

describe('a stream of events', () => {
  it('goes on without a gap while the API is killed, and while it is stopped, and started again', async () => {
    let restarting = descent.startAnotherApi();
    const { jobs } = new Descent({ url: (await restarting).url });
    const { id } = await jobs.create(ENDLESS);
    const seqs: number[] = [];
    const restarts = ['SIGKILL', 'SIGTERM'] as const;
    let restarted = 0;
    let last = '';
    for await (const event of jobs.events(id)) {
      seqs.push(event.seq);
      last = event.type;
      if (event.type !== 'job.epoch') continue;
      const signal = restarts[restarted++];
      if (signal !== undefined) {
        const running = await restarting;
        await running.stop(signal);
        // Not awaited here, so that the client finds nobody at first.
        restarting = descent.startApi();
      } else if (restarted === 3) {
        await restarting;
        await jobs.cancel(id);
      }
    }
    expect(last).toBe('job.cancelled');
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  });

  it('ends with an error when its key is revoked', async () => {
    const guarded = await descent.startAnotherApi({ AUTH: 'keys' });
    const apiKey = await runKeys(descent, 'create', '--name', 'ci', '--owner', 'alice', '--role', 'writer');
    const { jobs: mine } = new Descent({ url: guarded.url, apiKey });
    const { id, owner } = await mine.create(ENDLESS);
    expect(owner).toBe('alice');
    let revoked = false;
    const watching = mine.wait(id, {
      onEvent: async () => {
        if (!revoked) await runKeys(descent, 'revoke', apiKey.split('_')[1]!);
        revoked = true;
      },
    });
    expect(await failureOf(watching)).toMatchObject({ code: 'unauthenticated', status: 401 });
    await jobs.cancel(id);
    const { jobs: without } = new Descent({ url: guarded.url });
    expect(await failureOf(without.get(id))).toMatchObject({ code: 'unauthenticated' });
  });

  it('begins again when the server has lost events', async () => {
    const { id } = await jobs.create(SMALL);
    await jobs.wait(id);
    const [reset, ...events] = await all(jobs.events(id, { after: 1000 }));
    expect(reset).toEqual({ seq: 0, type: 'reset', data: { last_seq: events.length } });
    expect(events).toEqual(await all(jobs.events(id)));
  });

  it('closes its connection when nobody wants more', async () => {
    const narrow = await descent.startAnotherApi({ MAX_STREAMS: '1' });
    const { jobs } = new Descent({ url: narrow.url });
    const { id } = await jobs.create(SMALL);
    for (let i = 0; i < 3; i++)
      for await (const { type } of jobs.events(id)) if (type === 'job.queued') break;
  });
});
