import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { WebhookMessages } from '../../src/store/webhook-messages.ts';
import { WebhookSender } from '../../src/webhooks/sender.ts';
import { created, openStore } from '../store/open-store.ts';
import { RedisServer } from '../support/redis-server.ts';
import { Receiver, SECRET } from './receiver.ts';

const binary = inject('redisBinary');
/** A separate Redis, since its memory is filled. */
const own = new RedisServer(['appendonly no']);
afterAll(() => own.remove());
const { store, redis, keys } = openStore(binary === null ? undefined : own.url);

beforeAll(async () => {
  if (binary !== null) await own.start();
});

it.skipIf(binary === null)('a webhook is told of an end, although the memory of Redis is full', async () => {
  const receiver = await Receiver.start();
  const webhooks = [{ url: receiver.url, events: ['job.cancelled'] as const }];
  const id = await created(store, { webhooks });
  const messages = new WebhookMessages(redis, keys);
  const settings = { secret: SECRET, urlForAll: undefined, allowPrivate: true, version: '0.0.0' };
  const sender = new WebhookSender(messages, store, settings, { info() {}, warn() {}, error() {} });
  await redis.config('SET', 'maxmemory', 1);
  await store.cancel('local', id);
  await sender.look();
  await sender.idle();
  expect([receiver.received.length, receiver.faults]).toEqual([1, []]);
  expect((await messages.of('local', id))!.messages).toMatchObject([{ state: 'delivered' }]);
  expect(await messages.waiting()).toBe(0);
  await redis.config('SET', 'maxmemory', 0);
  await receiver.close();
});
