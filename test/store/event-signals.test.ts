import { expect, it } from 'vitest';
import { EventSignals } from '../../src/store/event-signals.ts';
import { created, openStore } from './open-store.ts';

const { store, keys, redis, connect } = openStore();

it('wakes every watcher of a job at each append, on one channel per job', async () => {
  const subscriber = connect();
  // Becoming ready also wakes every watcher.
  await subscriber.ping();
  const signals = new EventSignals(subscriber, keys);
  const id = await created(store);
  const channels = async () => (await redis.pubsub('CHANNELS', `${keys.root}*`)) as string[];

  const woken = Array.from({ length: 2 }, () => {
    let wake = () => {};
    const happened = new Promise<void>((resolve) => {
      wake = resolve;
    });
    return { end: signals.subscribe(id, wake), happened };
  });
  await expect.poll(channels).toEqual([keys.seqChannel(id)]);

  await store.cancel('local', id);
  await Promise.all(woken.map(({ happened }) => happened));

  woken[0].end();
  woken[0].end();
  await expect.poll(channels).toEqual([keys.seqChannel(id)]);
  woken[1].end();
  await expect.poll(channels).toEqual([]);
});
