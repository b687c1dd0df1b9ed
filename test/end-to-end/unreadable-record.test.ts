import { expect, inject, it, onTestFinished } from 'vitest';
import { JobListSchema } from '../../src/contract/job.ts';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForWorkers } from '../../src/redis/connections.ts';
import { buildKeys } from '../../src/store/keys.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

it('fails a job whose record this version cannot read at its first delivery, and still lists the others', async () => {
  const descent = await Installation.start({ workers: 0 });
  const redis = connectForWorkers(parseRedisUrl(inject('redisUrl')), () => {});
  onTestFinished(() => redis.disconnect());
  const keys = buildKeys(descent.keyPrefix);
  const { id } = await descent.create(SMALL);
  const other = await descent.create(SMALL);
  await redis.hset(keys.job(id), 'spec', '{"of":"another version"}');
  for (const path of ['', '/charts/loss.svg', '/evaluation']) {
    const response = await descent.fetch(`/jobs/${id}${path}`);
    expect([response.status, await response.json()]).toMatchObject([409, { code: 'job_unreadable' }]);
  }
  await descent.startWorker();
  await descent.toEnd(other.id);

  const events = await descent.toEnd(id);
  expect(events.map(({ type }) => type)).toEqual(['job.queued', 'job.running', 'job.failed']);
  expect(events.at(-1)!.data).toMatchObject({ error: { code: 'internal', retryable: false } });
  expect(await redis.exists(keys.live, keys.queued, keys.outbox)).toBe(0);
  const list = JobListSchema.parse(await (await descent.fetch('/jobs')).json());
  expect(list.data.map((job) => job.id)).toEqual([other.id]);
  expect((await descent.fetch(`/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);
});

it('trains a job whose record was written before records had the shape of their data', async () => {
  const descent = await Installation.start({ workers: 0 });
  const redis = connectForWorkers(parseRedisUrl(inject('redisUrl')), () => {});
  onTestFinished(() => redis.disconnect());
  const keys = buildKeys(descent.keyPrefix);
  const [earlier, today] = [await descent.create(SMALL), await descent.create(SMALL)];
  expect(await redis.hdel(keys.job(earlier.id), 'data')).toBe(1);
  await descent.startWorker();
  for (const { id } of [earlier, today]) await descent.toEnd(id);
  const [first, second] = await Promise.all([descent.job(earlier.id), descent.job(today.id)]);
  expect(first.error).toBeNull();
  expect(first.status).toBe('succeeded');
  expect(first.result!.weights_sha256).toBe(second.result!.weights_sha256);
});
