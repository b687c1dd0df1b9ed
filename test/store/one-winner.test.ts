import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { JobTransitions } from '../../src/store/job-transitions.ts';
import { JobStore } from '../../src/store/jobs.ts';
import {
  created,
  epochReport,
  FAILURE,
  jobIn,
  newJob,
  newJobId,
  openStore,
  SUCCESS,
  startOf,
} from './open-store.ts';

const CALLERS = 50;
const { store, transitions, events, keys, redis, connect } = openStore();

/** Ten connections with five callers each, so that commands arrive interleaved. */
const callers = Array.from({ length: 10 }, connect).flatMap((connection) =>
  Array.from({ length: CALLERS / 10 }, () => ({
    store: new JobStore(connection, keys),
    transitions: new JobTransitions(connection, keys),
  })),
);

const all = <Answer>(
  call: (caller: (typeof callers)[number], i: number) => Promise<Answer>,
): Promise<Answer[]> => Promise.all(callers.map(call));

async function typesOf(id: string): Promise<string[]> {
  return (await events.read(id, { after: 0, limit: 1000 })).map(({ type }) => type);
}

const count = (outcomes: { outcome: string }[], wanted: string): number =>
  outcomes.filter(({ outcome }) => outcome === wanted).length;

async function startedJob(): Promise<{ id: string; token: string }> {
  const id = await created(store);
  const start = startOf();
  await transitions.start(id, start);
  return { id, token: start.token };
}

describe(`${CALLERS} callers at once`, () => {
  it('create: one job for one Idempotency-Key, the same bytes for all', async () => {
    const idempotency = { key: randomUUID(), bodySha256: 'f'.repeat(64), maxKeys: 100 };
    const outcomes = await all((caller) => caller.store.create(newJob({ idempotency })));
    expect(count(outcomes, 'created')).toBe(1);
    expect(count(outcomes, 'replayed')).toBe(CALLERS - 1);
    const bodies = outcomes.map((outcome) => ('answer' in outcome ? outcome.answer.body : ''));
    expect(new Set(bodies).size).toBe(1);
  });

  it('create: the cap admits exactly as many as fit', async () => {
    const { queued } = await store.counts();
    const outcomes = await all((caller) => caller.store.create(newJob({ maxQueued: queued + 7 })));
    expect(count(outcomes, 'created')).toBe(7);
    expect(count(outcomes, 'queue_full')).toBe(CALLERS - 7);
  });

  it('create: the same command, sent again, creates one job', async () => {
    const job = newJob();
    const outcomes = await all((caller) => caller.store.create(job));
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    expect(await typesOf(job.id)).toEqual(['job.queued']);
  });

  it('start: one worker', async () => {
    const id = await created(store);
    const outcomes = await all((caller) => caller.transitions.start(id, startOf()));
    expect(count(outcomes, 'started')).toBe(1);
    // The others read the record before the start, so they must read it again.
    expect(count(outcomes, 'moved')).toBe(CALLERS - 1);
    expect(await typesOf(id)).toEqual(['job.queued', 'job.running']);
  });

  it('epoch: appended once', async () => {
    const { id, token } = await startedJob();
    const outcomes = await all((caller) => caller.transitions.epoch(id, token, epochReport(1)));
    expect(count(outcomes, 'confirmed')).toBe(CALLERS);
    expect(await typesOf(id)).toEqual(['job.queued', 'job.running', 'job.epoch']);
  });

  it('progress: at most one event', async () => {
    const { id, token } = await startedJob();
    await redis.hset(keys.job(id), 'event_at', 0);
    await all((caller, i) =>
      caller.transitions.progress(id, token, { ...epochReport(1).progress, step: i + 1 }),
    );
    expect(await typesOf(id)).toEqual(['job.queued', 'job.running', 'job.progress']);
  });

  it('requeue: one new delivery', async () => {
    const { id, token } = await startedJob();
    const drained = { token, delivery: 1, outcome: 'drained', reason: 'stopped', error: undefined } as const;
    const outcomes = await all((caller) => caller.transitions.requeue(id, drained));
    expect(outcomes).toEqual(Array(CALLERS).fill({ outcome: 'queued', deliveryId: `${id}-2` }));
    expect(await typesOf(id)).toEqual(['job.queued', 'job.running', 'job.queued']);
    expect(await redis.zscore(keys.outbox, `${id}-2`)).not.toBeNull();
  });

  it('finish: one end, whichever ends are tried', async () => {
    const { id, token } = await startedJob();
    const outcomes = await all((caller, i) =>
      caller.transitions.finish(id, token, i % 2 === 0 ? SUCCESS : FAILURE),
    );
    const { status } = await jobIn(store, 'local', id);
    expect(count(outcomes, status)).toBe(CALLERS);
    expect(await typesOf(id)).toEqual(['job.queued', 'job.running', `job.${status}`]);
  });

  it('cancel against finish: one terminal event', async () => {
    for (let round = 0; round < 20; round++) {
      const { id, token } = await startedJob();
      await all<unknown>((caller, i) =>
        i % 2 === 0 ? caller.store.cancel('local', id) : caller.transitions.finish(id, token, SUCCESS),
      );
      const types = await typesOf(id);
      expect(types.filter((type) => type === 'job.succeeded')).toHaveLength(1);
      expect(types.at(-1)).toBe('job.succeeded');
    }
  });

  it('cancel: one event', async () => {
    const { id } = await startedJob();
    const outcomes = await all((caller) => caller.store.cancel('local', id));
    expect(count(outcomes, 'cancelled')).toBe(CALLERS);
    expect(await typesOf(id)).toEqual(['job.queued', 'job.running', 'job.cancelling']);
  });

  it('remove: every caller gets removed, like a retry after a lost reply', async () => {
    const { id, token } = await startedJob();
    await transitions.finish(id, token, SUCCESS);
    const outcomes = await all((caller) => caller.store.remove('local', id));
    expect(count(outcomes, 'removed')).toBe(CALLERS);
    expect(await redis.sismember(keys.trash, id)).toBe(1);
    await redis.srem(keys.trash, id);
    expect(await store.remove('local', id)).toEqual({ outcome: 'not_found' });
  });

  it('leaves a job that does not exist alone', async () => {
    const id = newJobId();
    expect(await transitions.start(id, startOf())).toEqual({ outcome: 'dropped' });
    expect(await transitions.epoch(id, 'token', epochReport(1))).toEqual({ outcome: 'refused' });
    expect(await transitions.finish(id, 'token', SUCCESS)).toEqual({ outcome: 'refused' });
    expect(await store.cancel('local', id)).toEqual({ outcome: 'not_found' });
    expect(await redis.exists(keys.job(id))).toBe(0);
  });
});
