import { once } from 'node:events';
import { expect, inject, it, onTestFinished } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import {
  connectForRequests,
  connectForSubscriptions,
  connectForWorkers,
  type Redis,
} from '../../src/redis/connections.ts';
import { FaultProxy } from '../faults/proxy.ts';
import { startRedis } from '../support/redis-server.ts';

it.skipIf(inject('redisBinary') === null)(
  'a connection whose other end is gone without a word is made anew, whether idle, blocked or subscribed',
  { timeout: 60_000 },
  async () => {
    const server = await startRedis();
    const proxy = await FaultProxy.open({ port: server.port, host: '127.0.0.1' });
    const address = parseRedisUrl(`redis://127.0.0.1:${proxy.port}`);
    const connections: Record<string, Redis> = {
      requests: connectForRequests(address, () => {}),
      worker: connectForWorkers(address, () => {}),
      subscriber: connectForSubscriptions(address, () => {}),
    };
    // As BullMQ makes the one that it blocks.
    connections.blocked = connections.worker!.duplicate();
    onTestFinished(async () => {
      for (const redis of Object.values(connections)) redis.disconnect();
      await proxy.close();
    });
    for (const redis of Object.values(connections)) {
      redis.on('error', () => {});
      if (redis.status !== 'ready') await once(redis, 'ready');
    }
    await connections.subscriber!.subscribe('channel');
    const fetched = connections.blocked.bzpopmin('queue', 0.1);
    await fetched;
    const ids = await Promise.all(
      ['requests', 'worker', 'blocked'].map((name) => connections[name]!.client('ID')),
    );

    const again = Object.values(connections).map(
      (redis) => new Promise<void>((resolve) => redis.once('ready', () => resolve())),
    );
    proxy.forsake();
    const waiting = connections.blocked.bzpopmin('queue', 5);
    await Promise.all(again);
    // The fetch was sent again.
    await server.admin().zadd('queue', 1, 'job');
    expect(await waiting).toEqual(['queue', 'job', '1']);
    const now = await Promise.all(
      ['requests', 'worker', 'blocked'].map((name) => connections[name]!.client('ID')),
    );
    for (const [i, id] of ids.entries()) expect(now[i]).not.toBe(id);
  },
);
