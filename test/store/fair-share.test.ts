import { beforeEach, describe, expect, it } from 'vitest';
import { FairShare } from '../../src/store/fair-share.ts';
import type { NewJob } from '../../src/store/job-creation.ts';
import { created, FAILURE, jobIn, newJob, openStore, startOf } from './open-store.ts';

const { store, transitions, redis, keys } = openStore();
const share = new FairShare(redis, keys);

/** Deliveries that BullMQ may have now. */
const outbox = () => redis.zrange(keys.outbox, 0, -1);

const post = (owner: string, changes: Partial<NewJob> = {}) =>
  created(store, { owner, runningQuota: 'slots', ...changes });

async function start(id: string): Promise<string> {
  const begin = startOf();
  expect(await transitions.start(id, begin)).toMatchObject({ outcome: 'started' });
  await redis.zrem(keys.outbox, `${id}-1`);
  return begin.token;
}

beforeEach(async () => {
  const names = await redis.keys(`${keys.root}*`);
  if (names.length > 0) await redis.del(...names);
  await share.setSlots(2);
});

describe('fair share', () => {
  it('releases as many of an owner as there are slots, in order, and another owner at once', async () => {
    const [a1, a2, a3] = [await post('a'), await post('a'), await post('a')];
    expect(await outbox()).toEqual([`${a1}-1`, `${a2}-1`]);
    const b1 = await post('b');
    expect(await outbox()).toEqual([`${a1}-1`, `${a2}-1`, `${b1}-1`]);
    expect(await store.use('a')).toMatchObject({ queued: 3, running: 0, held: 1 });
    const token = await start(a1);
    expect(await outbox()).not.toContain(`${a3}-1`);
    await transitions.finish(a1, token, FAILURE);
    expect(await outbox()).toEqual([`${a2}-1`, `${b1}-1`, `${a3}-1`]);
    expect((await store.counts()).held).toBe(0);
  });

  it.each(['released', 'held'])('the cancel of a %s job lets no one overtake', async (which) => {
    const ids = [await post('a'), await post('a'), await post('a'), await post('a')];
    const [cancelled, next] = which === 'released' ? [ids[1], ids[2]] : [ids[2], ids[3]];
    const answer = await store.cancel('a', cancelled);
    expect(answer).toMatchObject({ released: which === 'released' ? [`${next}-1`] : [] });
    expect((await outbox()).includes(`${next}-1`)).toBe(which === 'released');
    expect(await redis.zrange(keys.held, 0, -1)).toHaveLength(1);
    expect((await store.counts()).held).toBe(1);
  });

  it('a job that goes back to the queue keeps its place before those held', async () => {
    const [a1, , a3] = [await post('a'), await post('a'), await post('a')];
    const token = await start(a1);
    const how = { token, delivery: 1, outcome: 'drained', reason: 'r', error: undefined } as const;
    expect(await transitions.requeue(a1, how)).toMatchObject({ deliveryId: `${a1}-2` });
    expect(await outbox()).toContain(`${a1}-2`);
    expect(await outbox()).not.toContain(`${a3}-1`);
  });

  it('a repeated end releases one job only', async () => {
    const [a1, , a3] = [await post('a'), await post('a'), await post('a'), await post('a')];
    const token = await start(a1);
    await transitions.finish(a1, token, FAILURE);
    await transitions.finish(a1, token, FAILURE);
    expect(await outbox()).toContain(`${a3}-1`);
    expect((await store.counts()).held).toBe(1);
  });

  it('follows the number of slots', async () => {
    const ids = [await post('a'), await post('a'), await post('a'), await post('b')];
    expect(await share.release()).toEqual([]);
    await share.setSlots(3);
    expect(await share.release()).toEqual([`${ids[2]}-1`]);
    await share.setSlots(1);
    const token = await start(ids[0]);
    const held = await post('a');
    await transitions.finish(ids[0], token, FAILURE);
    expect(await outbox()).not.toContain(`${held}-1`);
  });

  it('holds nothing without owners, and releases what was held before', async () => {
    const ids = [];
    for (let i = 0; i < 4; i += 1) ids.push(await post('a'));
    const last = await post('a', { runningQuota: 'none' });
    expect((await outbox()).sort()).toEqual(ids.map((id) => `${id}-1`).sort());
    expect(await share.release()).toEqual([`${last}-1`]);
    await post('a', { runningQuota: 'none' });
    const again = await post('a');
    expect(await outbox()).not.toContain(`${again}-1`);
  });

  it('a smaller quota counts, a larger one does not keep others waiting', async () => {
    await post('a', { runningQuota: 1 });
    await post('a', { runningQuota: 1 });
    expect(await outbox()).toHaveLength(1);
    for (let i = 0; i < 3; i += 1) await post('b', { runningQuota: 10 });
    expect(await outbox()).toHaveLength(3);
  });

  it('counts queue positions within the owner', async () => {
    await post('a');
    const [a2, b1] = [await post('a'), await post('b')];
    expect(await jobIn(store, 'a', a2)).toMatchObject({ queue_position: 2 });
    expect(await jobIn(store, 'b', b1)).toMatchObject({ queue_position: 1 });
    // As a job of 0.1.0.
    await redis.zrem(keys.queuedOf('b'), b1);
    expect((await store.etag('b', b1))!).toMatch(/\.3"$/);
  });

  it('leaves nothing behind when the jobs are gone', async () => {
    const ids = [await post('a'), await post('a'), await post('a')];
    for (const id of ids.toReversed()) await store.cancel('a', id);
    for (const id of ids) await store.remove('a', id);
    const left = await redis.keys(`${keys.root}*`);
    const lasting = (key: string) => key === keys.share || key.startsWith(keys.feed(''));
    expect(left.filter((key) => !lasting(key))).toEqual([keys.trash]);
  });
});

describe('the quota of queued jobs', () => {
  it('is each owner’s own', async () => {
    await post('a', { queuedQuota: 1 });
    expect(await store.create(newJob({ owner: 'a', queuedQuota: 1 }))).toEqual({
      outcome: 'queued_quota_exceeded',
      queued: 1,
    });
    await post('b', { queuedQuota: 1 });
  });

  it('does not refuse a repeat', async () => {
    const idempotency = { key: 'k', bodySha256: 'f'.repeat(64), maxKeys: 10 };
    await post('a', { queuedQuota: 1, idempotency });
    const repeat = await store.create(newJob({ owner: 'a', queuedQuota: 1, idempotency }));
    expect(repeat.outcome).toBe('replayed');
  });
});
