import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebhookEvent } from '../../src/contract/webhook.ts';
import type { StoredJob } from '../../src/store/job-view.ts';
import type { StoredWebhook } from '../../src/store/stored-webhooks.ts';
import { messageId, WebhookMessages } from '../../src/store/webhook-messages.ts';
import { afterAttempt } from '../../src/webhooks/retries.ts';
import { type SenderSettings, WebhookSender } from '../../src/webhooks/sender.ts';
import { created, FAILURE, jobIn, openStore, SUCCESS, startOf } from '../store/open-store.ts';
import { Receiver, SECRET } from './receiver.ts';

const { store, transitions, redis, keys } = openStore();
const messages = new WebhookMessages(redis, keys);

const EVENTS: WebhookEvent[] = ['job.running', 'job.succeeded', 'job.failed', 'job.cancelled'];
const ENDINGS = EVENTS.slice(1);
const NO_LOG = { info() {}, warn() {}, error() {} };

const senderWith = (settings: Partial<SenderSettings> = {}): WebhookSender =>
  new WebhookSender(
    messages,
    store,
    { secret: SECRET, urlForAll: undefined, allowPrivate: true, version: '0.0.0', ...settings },
    NO_LOG,
  );

let receiver: Receiver;
beforeEach(async () => {
  await redis.del(keys.lanes);
  receiver = await Receiver.start();
});
afterEach(async () => {
  await receiver.close();
  expect(receiver.faults).toEqual([]);
});

const to = (url: string | undefined, events: readonly WebhookEvent[] = ENDINGS): StoredWebhook => ({
  url,
  events,
});

async function running(webhooks: readonly StoredWebhook[]): Promise<{ id: string; token: string }> {
  const id = await created(store, { webhooks });
  const start = startOf();
  await transitions.start(id, start);
  return { id, token: start.token };
}

/** A job that has ended. */
async function failed(webhooks: readonly StoredWebhook[]): Promise<string> {
  const { id, token } = await running(webhooks);
  await transitions.finish(id, token, FAILURE);
  return id;
}

/** Sends whatever is due, and what is due then, to the end. */
async function sendAll(sender = senderWith()): Promise<void> {
  while ((await messages.due(0, 1)).length > 0) {
    await sender.look();
    await sender.idle();
  }
}

/** Makes every lane due, as if the time had come. */
async function later(): Promise<void> {
  for (const lane of await redis.zrange(keys.lanes, 0, -1)) await redis.zadd(keys.lanes, 1, lane);
}

const messagesOf = async (id: string) => (await messages.of('local', id))!.messages;

describe('the sender of webhooks', () => {
  it('tells each webhook what it asked for, in the order of the events', async () => {
    const { id, token } = await running([to(receiver.url, EVENTS), to(`${receiver.url}?ends`)]);
    await sendAll();
    expect(receiver.received.map(({ body }) => body.type)).toEqual(['job.running']);
    await transitions.finish(id, token, SUCCESS);
    await sendAll();
    const job: StoredJob = await jobIn(store, 'local', id);
    const data = { id, name: 'a job', status: 'succeeded', result: job.result };
    expect(receiver.received.map(({ body }) => body)).toEqual([
      { type: 'job.running', timestamp: job.started_at, data: { ...data, status: 'running', result: null } },
      { type: 'job.succeeded', timestamp: job.finished_at, data },
      { type: 'job.succeeded', timestamp: job.finished_at, data },
    ]);
    const made = await messagesOf(id);
    expect(new Set(receiver.received.map((one) => one.id))).toEqual(
      new Set(made.map((one) => messageId(id, one))),
    );
    expect(made.map(({ state, attempts }) => [state, attempts.length])).toEqual(
      Array(3).fill(['delivered', 1]),
    );
    expect(await messages.waiting()).toBe(0);
  });

  it('says the same at each attempt, in the order of the events, until it is taken', async () => {
    const statuses = [500, 302, 404];
    receiver.answer = (response) => response.writeHead(statuses.shift() ?? 200).end();
    const { id, token } = await running([to(receiver.url, EVENTS)]);
    await transitions.finish(id, token, FAILURE);
    for (const _ of [1, 2, 3, 4]) {
      await sendAll();
      await later();
    }
    await sendAll();
    const types = receiver.received.map(({ body }) => body.type);
    expect(types).toEqual([...Array(4).fill('job.running'), 'job.failed']);
    expect(new Set(receiver.received.map((one) => one.id)).size).toBe(2);
    const [first] = await messagesOf(id);
    expect(first!.attempts.map(({ status, error }) => [status, error])).toEqual([
      [500, 'it answered 500'],
      [302, 'it answered 302; redirects are not followed'],
      [404, 'it answered 404'],
      [200, null],
    ]);
  });

  it('waits 5 s and longer, and gives up in the end', async () => {
    receiver.answer = (response) => response.writeHead(503).end();
    const id = await failed([to(receiver.url)]);
    const sender = senderWith();
    await sendAll(sender);
    const [{ nextMs, attempts }] = (await messagesOf(id)) as [Awaited<ReturnType<typeof messagesOf>>[number]];
    const waitMs = nextMs - Date.parse(attempts[0]!.at);
    // The attempt itself takes a while.
    expect(waitMs).toBeGreaterThanOrEqual(5_000);
    expect(await redis.zscore(keys.lanes, `${id}:0:${new URL(receiver.url).host}`)).toBe(String(nextMs));
    for (let k = 0; k < 5; k += 1) {
      await later();
      await sendAll(sender);
    }
    expect((await messagesOf(id))[0]).toMatchObject({ state: 'failed', tries: 6 });
    expect([receiver.received.length, await messages.waiting()]).toEqual([6, 0]);
    expect(sender.outcomes).toEqual({ delivered: 0, retried: 5, failed: 1 });
  });

  it('ends at a 410', async () => {
    receiver.answer = (response) => response.writeHead(410).end();
    const id = await failed([to(receiver.url)]);
    await sendAll();
    expect(await messagesOf(id)).toMatchObject([{ state: 'failed', tries: 1 }]);
    expect(await messages.waiting()).toBe(0);
  });

  it('sends nothing to a private network unless that is allowed', async () => {
    const id = await failed([to(receiver.url)]);
    await sendAll(senderWith({ allowPrivate: false }));
    const [message] = await messagesOf(id);
    expect(message).toMatchObject({ state: 'failed', attempts: [{ status: null }] });
    expect(message!.attempts[0]!.error).toContain('private network');
    expect(receiver.received).toEqual([]);
  });

  it("uses the operator's address of the time when it sends", async () => {
    const [now, gone] = [await failed([to(undefined)]), await failed([to(undefined)])];
    await redis.zrem(keys.lanes, `${gone}:0:`);
    await sendAll(senderWith({ urlForAll: receiver.url }));
    expect(receiver.received.map(({ body }) => body.data.id)).toEqual([now]);
    await redis.zadd(keys.lanes, 1, `${gone}:0:`);
    await sendAll();
    expect(await messagesOf(gone)).toMatchObject([
      { state: 'failed', attempts: [{ error: 'WEBHOOK_URL is not set any more' }] },
    ]);
  });

  it('two senders send each message once', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => failed([to(receiver.url)])));
    const senders = [senderWith(), senderWith()];
    while ((await messages.due(0, 1)).length > 0) {
      await Promise.all(senders.map((sender) => sender.look()));
      await Promise.all(senders.map((sender) => sender.idle()));
    }
    expect(receiver.received.map(({ body }) => body.data.id).sort()).toEqual(ids.sort());
  });

  it('sends again what a sender took before it died, under the same id', async () => {
    const id = await failed([to(receiver.url)]);
    const [lane] = await messages.due(0, 1);
    expect(await messages.claim(lane!, 15_000)).toBe(true);
    expect(await messages.claim(lane!, 15_000)).toBe(false);
    await sendAll();
    expect(receiver.received).toEqual([]);
    await later();
    await sendAll();
    expect(receiver.received.map((one) => one.id)).toEqual([messageId(id, (await messagesOf(id))[0]!)]);
  });

  it('a receiver that does not answer leaves room for the others', async () => {
    const slow = await Receiver.start();
    const held: (() => void)[] = [];
    slow.answer = (response) => void held.push(() => response.writeHead(204).end());
    for (let k = 0; k < 10; k += 1) await failed([to(slow.url)]);
    const id = await failed([to(receiver.url)]);
    const sender = senderWith();
    await sender.look();
    await Promise.all([slow.until(4), receiver.until(1)]);
    expect(receiver.received[0]!.body.data.id).toBe(id);
    await sender.look();
    expect([slow.received.length, held.length]).toEqual([4, 4]);
    slow.answer = (response) => response.writeHead(204).end();
    for (const answer of held) answer();
    await sender.idle();
    await sendAll(sender);
    expect([slow.received.length, await messages.waiting()]).toEqual([10, 0]);
    await slow.close();
  });

  it('a removed job takes its pending messages with it', async () => {
    const id = await failed([to(receiver.url), to(undefined)]);
    expect(await messages.waiting()).toBe(2);
    const [lane] = await messages.due(0, 1);
    const [message] = await messagesOf(id);
    await store.remove('local', id);
    expect([await messages.waiting(), await redis.exists(keys.messages(id))]).toEqual([0, 0]);
    const change = { state: 'delivered', tries: 1, attempts: [], nextInMs: 0 } as const;
    expect(await messages.change(id, message!, lane!.host, change)).toBe(false);
    // A sender that had taken it finds nothing, and forgets the lane.
    await redis.zadd(keys.lanes, 1, lane!.member);
    await sendAll();
    expect([receiver.received, await messages.waiting(), await redis.exists(keys.messages(id))]).toEqual([
      [],
      0,
      0,
    ]);
  });

  it('a job that starts again and again makes 100 messages of that, and one of its end', async () => {
    const id = await created(store, { webhooks: [to(receiver.url, EVENTS)] });
    await redis.hset(keys.job(id), 'messages', 99);
    const drained = { outcome: 'drained', reason: 'r', error: undefined } as const;
    let token = '';
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const start = startOf({ delivery: attempt + 1, read: { attempt, checkpointEpoch: 0 } });
      token = start.token;
      expect(await transitions.start(id, start)).toMatchObject({ outcome: 'started' });
      if (attempt < 2) await transitions.requeue(id, { ...drained, token, delivery: attempt + 1 });
    }
    await transitions.finish(id, token, FAILURE);
    expect((await messagesOf(id)).map(({ number, event }) => [number, event])).toEqual([
      [100, 'job.running'],
      [101, 'job.failed'],
    ]);
  });
});

describe('what follows from an attempt', () => {
  const attempt = { at: '2026-11-29T00:00:00.000Z', duration_seconds: 0 };
  const waitAfter = (tries: number, random: number) =>
    afterAttempt({ tries, attempts: [] }, attempt, { status: 500 }, random).change.nextInMs;

  it('the waits grow, and jitter adds a fifth at most', () => {
    expect([0, 1, 2, 3, 4].map((tries) => waitAfter(tries, 0))).toEqual([5e3, 30e3, 300e3, 1_800e3, 7_200e3]);
    expect([0, 1, 2, 3, 4].map((tries) => waitAfter(tries, 1))).toEqual([6e3, 36e3, 360e3, 2_160e3, 8_640e3]);
  });

  it('ten attempts are remembered', () => {
    const attempts = Array.from({ length: 10 }, (_, k) => ({ ...attempt, status: 500, error: `${k}` }));
    const { change } = afterAttempt({ tries: 0, attempts }, attempt, { status: 200 }, 0);
    expect(change.attempts.map(({ error }) => error)).toEqual([...'123456789', null]);
  });
});
