import { existsSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FolderArtifacts } from '../../src/store/folder-artifacts.ts';
import { Retention } from '../../src/store/retention.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { created, newJobId, openStore } from './open-store.ts';

const { store, keys, redis } = openStore();

const NO_LIMITS = { days: 1000, jobs: 1000, gigabytes: 1000, redisPercent: 100 };

/** Finished jobs with a file of 1,000 bytes each, oldest first. */
async function finishedJobs(count: number) {
  await redis.del(keys.finished, keys.trash);
  const dataDir = await makeTemporaryFolder();
  const artifacts = FolderArtifacts.in(dataDir);
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const id = await created(store);
    await store.cancel('local', id);
    await redis.zadd(keys.finished, Date.now() - (count - i - 0.5) * 86_400_000, id);
    await artifacts.write(id, 'model.bin', new Uint8Array(1000));
    ids.push(id);
  }
  const retention = new Retention(redis, keys, store, artifacts, { info() {}, warn() {}, error() {} });
  const left = async () => {
    const jobs = await Promise.all(ids.map((id) => store.get('local', id)));
    for (const [i, id] of ids.entries()) {
      expect(existsSync(join(dataDir, 'jobs', id))).toBe(jobs[i] !== undefined);
    }
    return jobs.map((job, i) => (job === undefined ? '' : i)).join('');
  };
  return { ids, retention, left, dataDir, artifacts };
}

it('removes jobs older than the limit of days', async () => {
  const { retention, left } = await finishedJobs(5);
  // Ages 4.5, 3.5, 2.5, 1.5 and 0.5 days.
  expect(await retention.sweep({ ...NO_LIMITS, days: 2 })).toBe(3);
  expect(await left()).toBe('34');
});

it('removes the oldest beyond the number of jobs', async () => {
  const { retention, left } = await finishedJobs(5);
  expect(await retention.sweep({ ...NO_LIMITS, jobs: 2 })).toBe(3);
  expect(await left()).toBe('34');
});

it('removes the oldest beyond the disk space', async () => {
  const { retention, left } = await finishedJobs(5);
  expect(await retention.sweep({ ...NO_LIMITS, gigabytes: 3.5e-6 })).toBe(2);
  expect(await left()).toBe('234');
  expect(await retention.sweep(NO_LIMITS)).toBe(0);
});

it('finishes a removal that a crash cut short', async () => {
  const { ids, retention, dataDir } = await finishedJobs(1);
  await store.remove('local', ids[0]);
  expect(existsSync(join(dataDir, 'jobs', ids[0]))).toBe(true);
  await retention.sweep(NO_LIMITS);
  expect(existsSync(join(dataDir, 'jobs', ids[0]))).toBe(false);
  expect(await redis.scard(keys.trash)).toBe(0);
});

it('keeps a folder whose record Redis lost as long as a finished job, and no longer', async () => {
  const { retention, left, dataDir, artifacts } = await finishedJobs(2);
  const lost = newJobId();
  await artifacts.write(lost, '1-model.bin', new Uint8Array(1000));
  const folder = join(dataDir, 'jobs', lost);
  const days = (count: number) => new Date(Date.now() - count * 86_400_000);
  // Younger than the job that ended 1.5 days ago.
  await utimes(folder, days(1), days(1));
  expect(await retention.sweep({ ...NO_LIMITS, days: 2 })).toBe(0);
  expect(await retention.sweep({ ...NO_LIMITS, jobs: 2 })).toBe(1);
  expect(existsSync(folder)).toBe(true);
  expect(await left()).toBe('1');
  await utimes(folder, days(3), days(3));
  expect(await retention.sweep({ ...NO_LIMITS, days: 2 })).toBe(1);
  expect(existsSync(folder)).toBe(false);
  expect(await left()).toBe('1');
});

it('leaves the folder of an unfinished job alone, whatever its age', async () => {
  const { retention, dataDir, artifacts } = await finishedJobs(0);
  const live = await created(store);
  await artifacts.write(live, '1-3.ckpt', new Uint8Array(1000));
  const folder = join(dataDir, 'jobs', live);
  await utimes(folder, new Date(0), new Date(0));
  expect(await retention.sweep({ days: 1, jobs: 1, gigabytes: 1e-9, redisPercent: 100 })).toBe(0);
  expect(existsSync(folder)).toBe(true);
  await store.cancel('local', live);
});

it('is not stopped by an unreadable record', async () => {
  const { ids, retention, left } = await finishedJobs(3);
  await redis.hset(keys.job(ids[0]), 'spec', '{"of":"another version"}');
  expect(await retention.sweep({ ...NO_LIMITS, days: 2 })).toBe(1);
  expect(await left()).toBe('12');
});
