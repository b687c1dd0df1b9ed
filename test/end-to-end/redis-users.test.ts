import { describe, expect, inject, it } from 'vitest';
import { JobListSchema } from '../../src/contract/job.ts';
import { buildKeys } from '../../src/store/keys.ts';
import { grant } from '../support/acl.ts';
import { startRedis } from '../support/redis-server.ts';
import { Installation } from './installation.ts';
import { MEDIUM, SMALL } from './small-jobs.ts';

const PREFIX = 'users';
const { root } = buildKeys(PREFIX);

describe.skipIf(inject('redisBinary') === null)('a Redis with users', { timeout: 180_000 }, () => {
  it('lets its documented users do everything, and logs no refusal', async () => {
    const server = await startRedis(['appendonly yes', 'maxmemory-policy noeviction']);
    const admin = server.admin();
    await grant(admin, root, 'api', ['api']);
    await grant(admin, root, 'worker', ['worker']);
    const asWorker = { REDIS_URL: server.urlAs('worker', 'secret') };
    const descent = await Installation.start({
      workers: 0,
      leaseMs: 2_000,
      // The next sweep removes all finished jobs except one.
      env: { REDIS_URL: server.urlAs('api', 'secret'), KEY_PREFIX: PREFIX, RETENTION_JOBS: '1' },
    });

    // Cancelled while it waits, and deleted; no worker runs yet.
    const { id: cancelled } = await descent.create(SMALL);
    expect((await descent.cancel(cancelled)).status).toBe(202);
    expect((await descent.fetch(`/jobs/${cancelled}`, { method: 'DELETE' })).status).toBe(204);

    const first = await descent.startWorker(asWorker);
    const { id: small } = await descent.create(SMALL);
    expect((await descent.toEnd(small)).at(-1)?.type).toBe('job.succeeded');

    // Cancelled while it runs.
    const { id: running } = await descent.create(MEDIUM);
    await descent.until(running, 'job.epoch');
    await descent.cancel(running);
    expect((await descent.toEnd(running)).at(-1)?.type).toBe('job.cancelled');

    // Its worker is killed, and another one continues it.
    const { id: lost } = await descent.create(MEDIUM);
    await descent.until(lost, 'job.epoch');
    await first.killTree();
    const second = await descent.startWorker(asWorker);
    await descent.until(lost, 'job.epoch');
    await expect.poll(async () => (await descent.job(lost)).attempts.length, { timeout: 30_000 }).toBe(2);
    // That one is drained, and a third finishes it.
    expect(await second.stop()).toBe(0);
    await descent.startWorker(asWorker);
    expect((await descent.toEnd(lost)).at(-1)?.type).toBe('job.succeeded');

    for (const path of [
      '/metrics',
      '/workers',
      '/engines',
      '/jobs?status=succeeded',
      `/jobs/${lost}/metrics`,
    ]) {
      expect((await descent.fetch(path)).status, path).toBe(200);
    }
    const list = JobListSchema.parse(await (await descent.fetch('/jobs')).json());
    expect(list.data.map(({ id }) => id)).toContain(lost);
    expect((await descent.fetch('/readyz?exclude=workers')).status).toBe(200);
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
    // All keys match the documented pattern.
    expect((await admin.keys('*')).filter((key) => !key.startsWith(root))).toEqual([]);
  });

  it.each(['startApi', 'startWorker'] as const)('ends %s when it lacks a right', async (start) => {
    const server = await startRedis(['appendonly yes']);
    const admin = server.admin();
    await grant(admin, root, 'u');
    await admin.call('ACL', 'SETUSER', 'u', '-hset');
    const descent = await Installation.start({
      workers: 0,
      env: { REDIS_URL: server.url, KEY_PREFIX: PREFIX },
    });
    const env = { REDIS_URL: server.urlAs('u', 'secret'), PORT: '0' };
    await expect(descent[start](env)).rejects.toThrow(/ended with 78 before it was ready/);
  });
});
