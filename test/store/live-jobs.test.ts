import { beforeEach, describe, expect, it } from 'vitest';
import { JobTimings } from '../../src/store/job-timings.ts';
import { MOST_LIVE, readLiveJobs } from '../../src/store/live-jobs.ts';
import { created, epochReport, FAILURE, openStore, startOf } from './open-store.ts';

const { store, transitions, redis, keys } = openStore();

beforeEach(async () => {
  const names = await redis.keys(`${keys.root}*`);
  if (names.length > 0) await redis.del(...names);
});

describe('the live jobs', () => {
  it('are those that wait or run, of all owners, with what they still take', async () => {
    const post = (owner: string, estimatedSeconds?: number) =>
      created(store, { owner, estimatedSeconds, runningQuota: 1 });
    const [running, ended] = [await post('a', 60), await post('b', 1)];
    await post('a', 2.5);
    const cancelling = await post('c');
    await post('b');
    const token = startOf();
    await transitions.start(running, token);
    const other = startOf();
    await transitions.start(ended, other);
    await transitions.finish(ended, other.token, FAILURE);
    await transitions.start(cancelling, startOf());
    await store.cancel('c', cancelling);

    const before = (await readLiveJobs(redis, keys))!;
    expect(before.queued).toEqual([
      { owner: 'a', priority: 0, held: true, seconds: 2.5 },
      { owner: 'b', priority: 0, held: false, seconds: undefined },
    ]);
    expect(before.running).toEqual([
      { owner: 'a', priority: 0, held: false, seconds: expect.any(Number) },
      { owner: 'c', priority: 0, held: false, seconds: undefined },
    ]);
    expect(before.running[0]!.seconds).toBeLessThanOrEqual(60);
    // From then on the trainer knows better.
    await transitions.epoch(running, token.token, epochReport(1));
    expect((await readLiveJobs(redis, keys))!.running[0]!.seconds).toBe(1);
  });

  it('may have a record that this version cannot read, or none', async () => {
    const id = await created(store, { estimatedSeconds: 3 });
    await redis.hset(keys.job(id), 'progress', '{"new":true}');
    await redis.zadd(keys.queued, 0, 'job_gone');
    expect((await readLiveJobs(redis, keys))!.queued).toEqual([
      { owner: '', priority: 0, held: false, seconds: undefined },
      { owner: 'local', priority: 0, held: false, seconds: 3 },
    ]);
  });

  it('are too many to look at beyond a limit', async () => {
    await redis.zadd(keys.queued, ...Array.from({ length: MOST_LIVE + 1 }, (_, k) => [k, `job_${k}`]).flat());
    expect(await readLiveJobs(redis, keys)).toBeUndefined();
  });
});

describe('the timings of finished jobs', () => {
  const timings = new JobTimings(redis, keys);

  it('are the latest fifty of an engine, oldest first', async () => {
    for (let k = 1; k <= 55; k += 1) await timings.add('native', { seconds: k, work: [1, k] });
    await timings.add('wasm', { seconds: 7, work: [7] });
    const native = await timings.list('native');
    expect(native).toHaveLength(50);
    expect([native[0], native.at(-1)]).toEqual([
      { seconds: 6, work: [1, 6] },
      { seconds: 55, work: [1, 55] },
    ]);
    expect(await timings.list('wasm')).toEqual([{ seconds: 7, work: [7] }]);
    expect(await timings.list('reference')).toEqual([]);
  });

  it('leave out what another version wrote', async () => {
    for (const text of [
      '{',
      'null',
      '{"seconds":0,"work":[1]}',
      '{"seconds":1,"work":["x"]}',
      '{"seconds":1}',
    ]) {
      await redis.xadd(keys.timings('native'), '*', 'timing', text);
    }
    await redis.xadd(keys.timings('native'), '*', 'other', '{"seconds":1,"work":[1]}');
    await timings.add('native', { seconds: 2, work: [1] });
    expect(await timings.list('native')).toEqual([{ seconds: 2, work: [1] }]);
  });
});
