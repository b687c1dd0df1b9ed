import { brotliCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { JobEvents } from '../../src/store/job-events.ts';
import { JobPacker, parseStreamEntry } from '../../src/store/job-packer.ts';
import { RECORD_SCHEMA, UnreadableRecordError } from '../../src/store/job-record.ts';
import { JobStore } from '../../src/store/jobs.ts';
import { unpackText } from '../../src/store/packed-text.ts';
import { runTransition } from '../../src/store/transition-runner.ts';
import { created, epochReport, FAILURE, jobIn, openStore, startOf, successOf } from './open-store.ts';

const { store, transitions, events, keys, redis } = openStore();

const all = (id: string) => events.read(id, { after: 0, limit: 1000 });

/** Ended long enough ago to be packed. */
async function ended(epochs: number): Promise<string> {
  const id = await created(store, { estimatedSeconds: epochs > 0 ? 1.5 : undefined });
  const start = startOf();
  await transitions.start(id, start);
  for (let epoch = 1; epoch <= epochs; epoch += 1)
    await transitions.epoch(id, start.token, epochReport(epoch));
  await transitions.finish(id, start.token, epochs > 0 ? successOf(epochs) : FAILURE);
  await redis.zincrby(keys.finished, -60_000, id);
  return id;
}

it('events read the same, packed or not, whole or in pages', async () => {
  const ids = [await ended(0), await ended(3)];
  const before = await Promise.all(ids.map(all));
  const views = await Promise.all(ids.map((id) => jobIn(store, 'local', id)));
  const records = await Promise.all(ids.map((id) => store.record(id)));
  const heads = await Promise.all(ids.map((id) => store.head('local', id)));
  const rows = await events.metrics(ids[1], 0, heads[1]!);
  expect(rows).toHaveLength(3);
  expect(views.map(({ estimated_seconds }) => estimated_seconds)).toEqual([null, 1.5]);

  expect(await new JobPacker(redis, keys).packFinished()).toBe(ids.length);
  expect(await Promise.all(ids.map((id) => redis.type(keys.events(id))))).toEqual(['string', 'string']);
  expect(await Promise.all(ids.map(all))).toEqual(before);
  // One that has not read them before.
  const other = new JobStore(redis, keys);
  expect(await Promise.all(ids.map((id) => jobIn(other, 'local', id)))).toEqual(views);
  expect(await Promise.all(ids.map((id) => store.head('local', id)))).toEqual(
    heads.map((head) => ({ ...head, packed: true })),
  );
  for (const [i, id] of ids.entries()) {
    const { evaluation, model, status, spec } = records[i]!;
    expect(await store.record(id)).toMatchObject({ status, spec, ...(evaluation && { evaluation, model }) });
  }
  for (const packed of [true, false]) {
    const head = { ...heads[1]!, packed };
    const fresh = new JobEvents(redis, keys);
    expect(await fresh.metrics(ids[1], 0, head)).toEqual(rows);
    expect(await fresh.metrics(ids[1], 4, head)).toEqual(rows.slice(2));
  }
  expect(await events.read(ids[1], { after: 2, limit: 2 })).toEqual(before[1].slice(2, 4));
  expect(await events.read(ids[1], { after: 99, limit: 2 })).toEqual([]);
});

it('jobs that run or ended a moment ago keep their stream; packed jobs are left alone', async () => {
  const running = await created(store);
  await transitions.start(running, startOf());
  const old = await ended(1);
  const young = await created(store);
  await store.cancel('local', young);
  const packer = new JobPacker(redis, keys);
  expect(await packer.packFinished()).toBe(1);
  expect(await packer.packFinished()).toBe(0);
  expect(await new JobPacker(redis, keys).packFinished()).toBe(0);
  const types = [running, old, young].map((id) => redis.type(keys.events(id)));
  expect(await Promise.all(types)).toEqual(['stream', 'string', 'stream']);
});

it('a packed job can be removed', async () => {
  const id = await ended(1);
  await new JobPacker(redis, keys).packFinished();
  expect(await store.remove('local', id)).toEqual({ outcome: 'removed' });
  expect(await redis.keys(`${keys.root}*${id}*`)).toEqual([]);
});

it('a job that an earlier build packed reads the same', async () => {
  const id = await ended(2);
  const [before, view] = [await all(id), await jobIn(store, 'local', id)];
  const entries = await redis.xrange(keys.events(id), '-', '+');
  const stored = entries.map((entry) => parseStreamEntry(entry).fields);
  await new JobPacker(redis, keys).packFinished();
  await redis.set(keys.events(id), brotliCompressSync(JSON.stringify(stored)).toString('base64'));
  await redis.hset(keys.job(id), 'view', unpackText((await redis.hget(keys.job(id), 'view'))!));
  expect(await new JobEvents(redis, keys).read(id, { after: 0, limit: 1000 })).toEqual(before);
  expect(await jobIn(new JobStore(redis, keys), 'local', id)).toEqual(view);
  expect((await store.record(id))?.status).toBe('succeeded');
});

it.each(['1:', '1:!', '1:AAAA', `1:${'A'.repeat(500)}`])('a damaged job is unreadable: %s', async (text) => {
  const id = await ended(1);
  await new JobPacker(redis, keys).packFinished();
  await redis.hset(keys.job(id), 'view', text);
  await expect(new JobStore(redis, keys).get('local', id)).rejects.toThrow(UnreadableRecordError);
  await expect(store.record(id)).rejects.toThrow(UnreadableRecordError);
});

it('a job that changes while it is packed is packed the next time', async () => {
  const id = await ended(1);
  await redis.hincrby(keys.job(id), 'revision', 1);
  const stale = { schema: RECORD_SCHEMA, seq: 3, revision: '1', events: '', view: '', packed_fields: 'spec' };
  const answer = await runTransition(redis, keys, 'pack', { id, args: stale });
  expect(answer.outcome).toBe('dropped');
  expect(await redis.type(keys.events(id))).toBe('stream');
});
