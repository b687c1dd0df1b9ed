import { describe, expect, it, onTestFinished } from 'vitest';
import type { Log } from '../../src/process/log.ts';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { Reconciler } from '../../src/queue/reconciler.ts';
import { bullPrefix, QUEUE_NAME, TrainingQueue } from '../../src/queue/training-queue.ts';
import { connectForRequests } from '../../src/redis/connections.ts';
import { parseDeliveryId } from '../../src/store/delivery.ts';
import { FairShare } from '../../src/store/fair-share.ts';
import { WorkerReports } from '../../src/store/worker-reports.ts';
import { created, openStore, startOf } from '../store/open-store.ts';

const { store, transitions, keys, redis, connect } = openStore();

const reports = new WorkerReports(redis, keys);

const reconcilerOf = (queue: TrainingQueue, log: Log, holder: string) =>
  new Reconciler(redis, keys, queue, new FairShare(redis, keys), reports, log, holder);

/** A log that a test can inspect. */
function openQueue(connection = redis) {
  const logged: string[] = [];
  const log = {
    info: () => {},
    warn: (_details: object, message: string) => void logged.push(message),
    error: (_details: object, message: string) => void logged.push(message),
  };
  const queue = new TrainingQueue(connection, keys, log);
  onTestFinished(() => queue.close());
  return { queue, logged, reconciler: reconcilerOf(queue, log, 'test') };
}

/** Ids that BullMQ will hand over, next first. */
const waiting = async (): Promise<string[]> =>
  (await redis.lrange(`${bullPrefix(keys)}:${QUEUE_NAME}:wait`, 0, -1)).reverse();

const empty = () => redis.del(`${bullPrefix(keys)}:${QUEUE_NAME}:wait`, keys.outbox);

describe('the queue', () => {
  it('adds a delivery once, however often it is enqueued, and clears the outbox', async () => {
    await empty();
    const connection = connect();
    await connection.ping();
    const { queue } = openQueue(connection);
    const id = await created(store);
    expect(await redis.zrange(keys.outbox, 0, -1)).toEqual([`${id}-1`]);
    expect(await queue.enqueue(`${id}-1`)).toBe(true);
    expect(await queue.enqueue(`${id}-1`)).toBe(true);
    expect(await waiting()).toEqual([`${id}-1`]);
    expect(await redis.zcard(keys.outbox)).toBe(0);
    expect(await queue.has([`${id}-1`, `${id}-2`])).toEqual([true, false]);
  });

  it('puts a job that ran before at the front', async () => {
    await empty();
    const { queue } = openQueue();
    const [first, second, again] = [await created(store), await created(store), await created(store)];
    await queue.enqueue(`${first}-1`);
    await queue.enqueue(`${second}-1`);
    await queue.enqueue(`${again}-2`);
    expect(await waiting()).toEqual([`${again}-2`, `${first}-1`, `${second}-1`]);
  });

  it('gives up at once without a connection: the outbox keeps the delivery', async () => {
    const nowhere = connectForRequests(parseRedisUrl('unix:/nowhere/redis.sock'), () => {});
    onTestFinished(() => nowhere.disconnect());
    const { queue, logged } = openQueue(nowhere);
    const id = await created(store);
    expect(await queue.enqueue(`${id}-1`)).toBe(false);
    expect(logged).toEqual(['a job could not be enqueued; it stays in the outbox, to be tried again']);
    expect(await redis.zscore(keys.outbox, `${id}-1`)).not.toBeNull();
  });

  it.each(['', 'job_x-1', 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W', 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W-0'])(
    '%j is not the id of a delivery',
    (deliveryId) => expect(parseDeliveryId(deliveryId)).toBeUndefined(),
  );
});

describe('the reconciler', () => {
  it('enqueues old entries of the outbox, but not those added a moment ago', async () => {
    await empty();
    const { reconciler } = openQueue();
    const [old, fresh] = [await created(store), await created(store)];
    await redis.zincrby(keys.outbox, -60_000, `${old}-1`);
    await redis.zincrby(keys.outbox, -1_000, `${fresh}-1`);
    await reconciler.drainOutbox();
    expect(await waiting()).toEqual([`${old}-1`]);
    expect(await redis.zrange(keys.outbox, 0, -1)).toEqual([`${fresh}-1`]);
  });

  it('enqueues a live job that the queue lost, and logs an error', async () => {
    await empty();
    await redis.del(keys.live);
    const { reconciler, logged } = openQueue();
    const [queued, running, ended] = [await created(store), await created(store), await created(store)];
    await transitions.start(running, startOf());
    await store.cancel('local', ended);
    await redis.del(keys.outbox);
    await reconciler.compare();
    expect((await waiting()).sort()).toEqual([`${queued}-1`, `${running}-1`].sort());
    expect(logged).toEqual(Array(2).fill('a live job was not in the queue; enqueuing it again'));
    await reconciler.compare();
    expect(logged).toHaveLength(2);
  });

  it('runs in one process at a time, and in the next when the first stops', async () => {
    await empty();
    await redis.del(keys.reconciler);
    const { queue } = openQueue();
    const log = { info() {}, warn() {}, error() {} };
    const turns: string[] = [];
    const holder = (name: string) => {
      const reconciler = reconcilerOf(queue, log, name);
      onTestFinished(() => reconciler.stop());
      const turn = new Promise<void>((resolve) => {
        reconciler.start(async () => {
          turns.push(name);
          resolve();
        });
      });
      return { reconciler, turn };
    };
    const first = holder('first');
    await first.turn;
    const second = holder('second');
    // Many times the round trips of a round: enough for a second reconciler to act, if it thought it was its turn.
    for (let i = 0; i < 50; i++) await redis.ping();
    expect(turns).toEqual(['first']);
    first.reconciler.stop();
    await second.turn;
    expect(await redis.get(keys.reconciler)).toBe('second');
  });

  it('leaves entries of the outbox alone', async () => {
    await empty();
    await redis.del(keys.live);
    const { reconciler, logged } = openQueue();
    await created(store);
    await reconciler.compare();
    expect(logged).toEqual([]);
    expect(await waiting()).toEqual([]);
  });
});
