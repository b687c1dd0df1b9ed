import { describe, expect, it } from 'vitest';
import { Datasets } from '../../src/store/datasets.ts';
import { FAILURE, newDataset, newJob, newJobId, onUpload, openStore, startOf } from './open-store.ts';

const { store, transitions, redis, keys } = openStore();
const datasets = new Datasets(redis, keys);

const withHash = (sha256: string) => {
  const { stored } = newDataset();
  return { ...stored, shape: { ...stored.shape, sha256 } };
};

/** Each test has an owner of its own. */
let owners = 0;
const newOwner = () => {
  owners += 1;
  return `owner-${owners}`;
};

describe('an uploaded dataset', () => {
  it('comes to exist, is found and listed, and ceases to exist', async () => {
    const owner = newOwner();
    expect(await datasets.list(owner)).toEqual([]);
    const put = await datasets.put(newDataset({ owner }));
    expect(put).toMatchObject({ outcome: 'created', createdMs: expect.any(Number) });
    const { stored } = newDataset();
    const kept = {
      ...stored,
      name: 'mine',
      bytes: 1_000,
      createdMs: (put as { createdMs: number }).createdMs,
    };
    expect(await datasets.find(owner, 'mine')).toEqual(kept);
    expect(await datasets.list(owner)).toEqual([kept]);
    expect(await datasets.find('somebody', 'mine')).toBeUndefined();
    expect((await datasets.bytes(owner)).own).toBe(1_000);
    expect(await datasets.needs(stored.shape.sha256)).toBe(true);
    expect(await datasets.drop(owner, 'mine')).toEqual({
      outcome: 'dropped',
      sha256: stored.shape.sha256,
      shared: false,
    });
    expect(await datasets.find(owner, 'mine')).toBeUndefined();
    expect(await datasets.needs(stored.shape.sha256)).toBe(false);
    expect((await datasets.bytes(owner)).own).toBe(0);
    expect(await datasets.drop(owner, 'mine')).toEqual({ outcome: 'not_found' });
  });

  it('is the same with the same content, and refused with other content', async () => {
    const owner = newOwner();
    await datasets.put(newDataset({ owner }));
    expect(await datasets.put(newDataset({ owner, bytes: 999 }))).toMatchObject({ outcome: 'same' });
    expect(await datasets.put(newDataset({ owner, stored: withHash('7'.repeat(64)) }))).toEqual({
      outcome: 'other',
    });
    expect((await datasets.bytes(owner)).own).toBe(1_000);
  });

  it('of several at once, one comes to exist', async () => {
    const owner = newOwner();
    const contents = ['1', '2', '3', '1', '2', '3'].map((digit) => withHash(digit.repeat(64)));
    const answers = await Promise.all(contents.map((stored) => datasets.put(newDataset({ owner, stored }))));
    const outcomes = answers.map(({ outcome }) => outcome).sort();
    expect(outcomes).toEqual(['created', 'other', 'other', 'other', 'other', 'same']);
    expect(await datasets.names(owner)).toEqual(['mine']);
  });

  it('keeps its rows while another dataset has the same', async () => {
    const [alice, bob] = [newOwner(), newOwner()];
    const stored = withHash('8'.repeat(64));
    await datasets.put(newDataset({ owner: alice, stored }));
    await datasets.put(newDataset({ owner: bob, stored }));
    await datasets.put(newDataset({ owner: bob, name: 'again', stored }));
    expect(await datasets.drop(bob, 'mine')).toMatchObject({ shared: true });
    expect(await datasets.drop(alice, 'mine')).toMatchObject({ shared: true });
    expect(await datasets.needs(stored.shape.sha256)).toBe(true);
    expect(await datasets.drop(bob, 'again')).toMatchObject({ shared: false });
  });

  it('is refused beyond the room of all, and beyond that of its owner', async () => {
    const owner = newOwner();
    await datasets.put(newDataset({ owner }));
    const { all } = await datasets.bytes(owner);
    const other = { owner, name: 'other' };
    expect(await datasets.put(newDataset({ ...other, mostBytes: all + 999 }))).toEqual({
      outcome: 'full',
      bytes: all,
    });
    expect(await datasets.put(newDataset({ ...other, quota: 1_999 }))).toEqual({
      outcome: 'quota_exceeded',
      bytes: 1_000,
    });
    expect(await datasets.put(newDataset({ ...other, quota: 2_000 }))).toMatchObject({ outcome: 'created' });
  });

  it('is refused as the 201st', async () => {
    const owner = newOwner();
    await redis.zadd(keys.datasets, ...Array.from({ length: 200 }, (_, i) => [0, `${owner}:d${i}`]).flat());
    expect(await datasets.put(newDataset({ owner }))).toEqual({ outcome: 'too_many', most: 200 });
  });

  it('is not there if another version wrote it', async () => {
    const owner = newOwner();
    await datasets.put(newDataset({ owner }));
    await redis.set(keys.dataset(owner, 'mine'), `${'5'.repeat(64)} 1000 1 {"later":true}`);
    expect(await datasets.find(owner, 'mine')).toBeUndefined();
    expect(await datasets.list(owner)).toEqual([]);
  });
});

describe('a job on an uploaded dataset', () => {
  it('keeps it until it has ended, however it ends', async () => {
    const owner = newOwner();
    await datasets.put(newDataset({ owner }));
    const [queued, running] = [newJobId(), newJobId()];
    for (const id of [queued, running]) {
      expect(await store.create(onUpload({ owner, id }))).toMatchObject({ outcome: 'created' });
    }
    const start = startOf();
    await transitions.start(running, start);
    expect(await datasets.drop(owner, 'mine')).toEqual({ outcome: 'needed', jobs: [queued, running].sort() });
    await store.cancel(owner, queued);
    expect(await datasets.drop(owner, 'mine')).toEqual({ outcome: 'needed', jobs: [running] });
    await transitions.finish(running, start.token, FAILURE);
    expect(await datasets.drop(owner, 'mine')).toMatchObject({ outcome: 'dropped' });
    expect(await redis.zcard(keys.datasetJobs)).toBe(0);
    expect(await store.get(owner, running)).toMatchObject({ status: 'failed' });
  });

  it('does not keep one of another name that begins alike, nor of another owner', async () => {
    const [owner, other] = [newOwner(), newOwner()];
    await datasets.put(newDataset({ owner }));
    await datasets.put(newDataset({ owner, name: 'min' }));
    await datasets.put(newDataset({ owner: other }));
    const id = newJobId();
    await store.create(onUpload({ owner, id }));
    expect(await datasets.drop(owner, 'min')).toMatchObject({ outcome: 'dropped' });
    expect(await datasets.drop(other, 'mine')).toMatchObject({ outcome: 'dropped' });
    await store.cancel(owner, id);
  });

  it('is not created when the dataset is gone, or has become another', async () => {
    const owner = newOwner();
    expect(await store.create(onUpload({ owner }))).toEqual({ outcome: 'dataset_gone' });
    await datasets.put(newDataset({ owner, stored: withHash('9'.repeat(64)) }));
    expect(await store.create(onUpload({ owner }))).toEqual({ outcome: 'dataset_gone' });
  });

  it('either keeps the dataset, or is not created: never neither', async () => {
    const owner = newOwner();
    for (let round = 0; round < 50; round += 1) {
      await datasets.put(newDataset({ owner }));
      const id = newJobId();
      const moves = [() => store.create(onUpload({ owner, id })), () => datasets.drop(owner, 'mine')];
      if (round % 2 === 1) moves.reverse();
      const outcomes = (await Promise.all(moves.map((move) => move()))).map(({ outcome }) => outcome).sort();
      expect([
        ['created', 'needed'],
        ['dataset_gone', 'dropped'],
      ]).toContainEqual(outcomes);
      if (outcomes[0] === 'created') await store.cancel(owner, id);
    }
  });

  it('on a built-in dataset leaves no trace there', async () => {
    const id = newJobId();
    await store.create(newJob({ id }));
    expect(await redis.zcard(keys.datasetJobs)).toBe(0);
  });
});
