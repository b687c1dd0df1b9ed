import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { extendLock } from '../../src/queue/delivery-lock.ts';
import { bullPrefix, QUEUE_NAME } from '../../src/queue/training-queue.ts';
import { openStore } from '../store/open-store.ts';
import { RedisServer } from '../support/redis-server.ts';

const binary = inject('redisBinary');
/** A separate Redis, since its memory is filled. */
const own = new RedisServer();
afterAll(() => own.remove());
const { redis, keys } = openStore(binary === null ? undefined : own.url);
const at = (name: string) => `${bullPrefix(keys)}:${QUEUE_NAME}:${name}`;
const [ACTIVE, LOCK, STALLED] = [at('active'), at('d-1:lock'), at('stalled')];
const extend = () => extendLock(redis, keys, { deliveryId: 'd-1', token: 'mine', leaseMs: 10_000 });

describe.skipIf(binary === null)("the lock on a worker's delivery", () => {
  beforeAll(() => own.start());
  beforeEach(async () => {
    await redis.config('SET', 'maxmemory', 0);
    await redis.flushall();
    await redis.lpush(ACTIVE, 'd-1');
    await redis.sadd(STALLED, 'd-1');
  });

  it.each([0, 1])('is extended while it is ours (maxmemory %i)', async (maxmemory) => {
    await redis.set(LOCK, 'mine', 'PX', 1_000);
    await redis.config('SET', 'maxmemory', maxmemory);
    expect(await extend()).toBe(true);
    expect(await redis.pttl(LOCK)).toBeGreaterThan(5_000);
    expect(await redis.scard(STALLED)).toBe(0);
  });

  it.each([0, 1])(
    'is taken back after it lapsed, if the delivery is still active (maxmemory %i)',
    async (maxmemory) => {
      await redis.config('SET', 'maxmemory', maxmemory);
      expect(await extend()).toBe(true);
      expect(await redis.get(LOCK)).toBe('mine');
      expect(await redis.scard(STALLED)).toBe(0);
    },
  );

  it("is left alone when it is another worker's", async () => {
    await redis.set(LOCK, 'theirs', 'PX', 1_000);
    expect(await extend()).toBe(false);
    expect(await redis.get(LOCK)).toBe('theirs');
    expect(await redis.scard(STALLED)).toBe(1);
  });

  it('is lost when it lapsed and the delivery went back to the queue', async () => {
    await redis.del(ACTIVE);
    expect(await extend()).toBe(false);
    expect(await redis.exists(LOCK)).toBe(0);
  });
});
