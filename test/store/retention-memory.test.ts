import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { FolderArtifacts } from '../../src/store/folder-artifacts.ts';
import { JobPacker } from '../../src/store/job-packer.ts';
import { Retention } from '../../src/store/retention.ts';
import { RedisServer } from '../support/redis-server.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { created, openStore } from './open-store.ts';

const binary = inject('redisBinary');
/** A separate Redis, since its memory is limited. */
const own = new RedisServer();
afterAll(() => own.remove());
const { store, keys, redis } = openStore(binary === null ? undefined : own.url);

const LIMITS = { days: 36_500, jobs: 1_000_000, gigabytes: 1000, redisPercent: 60 };
const JOBS = 800;

describe.skipIf(binary === null)('a sweep while Redis uses more than its share of maxmemory', () => {
  const warned: string[] = [];
  const log = { info() {}, warn: (_: object, message: string) => void warned.push(message), error() {} };
  let retention: Retention;
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))![1]);
  const limit = (bytes: number) => redis.config('SET', 'maxmemory', Math.round(bytes));

  beforeAll(() => own.start());
  beforeEach(async () => {
    await limit(0);
    await redis.flushall();
    const artifacts = FolderArtifacts.in(await makeTemporaryFolder());
    retention = new Retention(redis, keys, store, artifacts, log);
    for (let i = 0; i < JOBS; i++) {
      const id = await created(store);
      await store.cancel('local', id);
      await redis.zadd(keys.finished, i + 1, id);
    }
    expect(await new JobPacker(redis, keys).packFinished()).toBe(JOBS);
  }, 120_000);

  it.each([
    ['a little over its share', 1.6, 60],
    ['full', 0.98, 90],
  ])('removes the oldest finished jobs, as many as needed: %s', async (_name, factor, redisPercent) => {
    const [newest] = await redis.zrange(keys.finished, -1, -1);
    const max = (await used()) * factor;
    await limit(max);
    const removed = await retention.sweep({ ...LIMITS, redisPercent });
    expect(removed).toBeGreaterThan(10);
    expect(removed).toBeLessThan(JOBS / 2);
    expect(await redis.zcard(keys.finished)).toBe(JOBS - removed);
    expect(await store.record(newest!)).toBeDefined();
    // The next sweep removes what an estimate too low has left.
    await retention.sweep({ ...LIMITS, redisPercent });
    expect(await used()).toBeLessThan(1.03 * (redisPercent / 100) * max);
  });

  it('removes none if that would not be enough, and says so', async () => {
    // Made there: what is sent would count twice until Redis has freed its buffer.
    await redis.eval(`redis.call('SET', KEYS[1], string.rep('x', 10e6))`, 1, 'of another program');
    await limit(await used());
    warned.length = 0;
    expect(await retention.sweep(LIMITS)).toBe(0);
    expect(warned).toEqual([expect.stringContaining('more than 60 %')]);
    expect(await redis.zcard(keys.finished)).toBe(JOBS);
  });
});
