import { expect, inject, it, onTestFinished } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForWorkers } from '../../src/redis/connections.ts';
import { JobPacker } from '../../src/store/job-packer.ts';
import { RECORD_SCHEMA } from '../../src/store/job-record.ts';
import { buildKeys } from '../../src/store/keys.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

/** A worker of this version, and records of a later one: what an older worker meets during an upgrade. */

async function open() {
  const descent = await Installation.start({ workers: 0, leaseMs: 1_000 });
  const redis = connectForWorkers(parseRedisUrl(inject('redisUrl')), () => {});
  onTestFinished(() => redis.disconnect());
  return { descent, redis, keys: buildKeys(descent.keyPrefix) };
}

it('leaves a job of a later version to its workers, again and again, and trains the others', async () => {
  const { descent, redis, keys } = await open();
  const { id } = await descent.create(SMALL);
  await redis.hset(keys.job(id), 'schema', RECORD_SCHEMA + 1);
  const before = await redis.hgetall(keys.job(id));
  await descent.startWorker();
  for (let other = 0; other < 3; other++) await descent.toEnd((await descent.create(SMALL)).id);
  expect(await redis.hgetall(keys.job(id))).toEqual(before);
  // A worker that knows the record gets the delivery once the lock of the older one has lapsed.
  await redis.hset(keys.job(id), 'schema', RECORD_SCHEMA);
  const events = await descent.toEnd(id);
  expect(events.map(({ type }) => type).filter((type) => type !== 'job.progress')).toEqual([
    'job.queued',
    'job.running',
    ...Array.from({ length: SMALL.training.epochs }, () => 'job.epoch'),
    'job.succeeded',
  ]);
  const { attempts } = await descent.job(id);
  expect(attempts).toHaveLength(1);
});

it('does not pack a finished job of a later version', async () => {
  const { descent, redis, keys } = await open();
  await descent.startWorker();
  const [ours, newer] = [await descent.create(SMALL), await descent.create(SMALL)];
  for (const { id } of [ours, newer]) await descent.toEnd(id);
  await redis.hset(keys.job(newer.id), 'schema', RECORD_SCHEMA + 1);
  // As if both had ended long ago.
  for (const { id } of [ours, newer]) await redis.zadd(keys.finished, 1, id);
  expect(await new JobPacker(redis, keys).packFinished()).toBe(1);
  expect(await redis.type(keys.events(newer.id))).toBe('stream');
});
