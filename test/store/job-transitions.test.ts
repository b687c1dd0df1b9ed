import { describe, expect, it } from 'vitest';
import { JobControl } from '../../src/store/job-control.ts';
import { parseRows } from '../../src/store/job-events.ts';
import { type JobFile, RECORD_SCHEMA } from '../../src/store/job-record.ts';
import {
  created,
  epochReport,
  FAILURE,
  jobIn,
  openStore,
  SUCCESS,
  startOf,
  successOf,
} from './open-store.ts';

const { store, transitions, events, keys, redis } = openStore();

const FAULT = { code: 'trainer_crashed', message: 'three times', retryable: true } as const;

async function started() {
  const id = await created(store);
  const start = startOf();
  await transitions.start(id, start);
  return { id, start, token: start.token };
}

describe('the fence', () => {
  it('refuses every transition of a worker whose job another one took over', async () => {
    const { id, token } = await started();
    const second = startOf({ worker: 'host-b/2', read: { attempt: 1, checkpointEpoch: 0 } });
    expect(await transitions.start(id, second)).toMatchObject({ outcome: 'started' });

    expect(await transitions.epoch(id, token, epochReport(1))).toEqual({ outcome: 'refused' });
    expect(await transitions.progress(id, token, epochReport(1).progress)).toEqual({ outcome: 'refused' });
    expect(await transitions.finish(id, token, SUCCESS)).toEqual({ outcome: 'refused' });
    const drained = { token, delivery: 1, outcome: 'drained', reason: 'r', error: undefined } as const;
    expect(await transitions.requeue(id, drained)).toEqual({ outcome: 'refused' });

    expect(await transitions.epoch(id, second.token, epochReport(1))).toMatchObject({ outcome: 'confirmed' });
    const { attempts } = await jobIn(store, 'local', id);
    expect(attempts).toMatchObject([
      { attempt: 1, worker: 'host-a/1', outcome: 'worker_lost', reason: null },
      { attempt: 2, worker: 'host-b/2', outcome: null, reason: 'its worker was lost' },
    ]);
  });

  it('drops a delivery that is not the current one', async () => {
    const { id, token } = await started();
    await transitions.requeue(id, { token, delivery: 1, outcome: 'drained', reason: 'r', error: undefined });
    const late = startOf({ delivery: 1, read: { attempt: 1, checkpointEpoch: 0 } });
    expect(await transitions.start(id, late)).toEqual({ outcome: 'dropped' });
    expect(await transitions.start(id, { ...late, delivery: 2 })).toMatchObject({ outcome: 'started' });
  });
});

describe('a record of an earlier version', () => {
  const schemaOf = (id: string) => redis.hget(keys.job(id), 'schema');
  const earlier = async () => {
    const id = await created(store);
    await redis.hset(keys.job(id), 'schema', 1);
    return id;
  };

  it('is of this one from its next start, so that earlier workers leave it alone', async () => {
    const id = await earlier();
    expect(await transitions.start(id, startOf())).toMatchObject({ outcome: 'started' });
    expect(await schemaOf(id)).toBe(String(RECORD_SCHEMA));
  });

  it('is of this one once its spec was changed', async () => {
    const id = await earlier();
    const control = new JobControl(redis, keys, store);
    expect(await control.update('local', id, { name: 'new' }, undefined)).toMatchObject({
      outcome: 'updated',
    });
    expect(await schemaOf(id)).toBe(String(RECORD_SCHEMA));
  });
});

describe('a repeated transition returns the first outcome', () => {
  it('start', async () => {
    const { id, start } = await started();
    expect(await transitions.start(id, start)).toMatchObject({ outcome: 'started' });
    expect((await jobIn(store, 'local', id)).attempts).toHaveLength(1);
  });

  it('finish, even when the repeat has another status', async () => {
    const { id, token } = await started();
    expect(await transitions.finish(id, token, SUCCESS)).toEqual({ outcome: 'succeeded' });
    expect(await transitions.finish(id, token, FAILURE)).toEqual({ outcome: 'succeeded' });
  });

  it('requeue, even after the job moved on', async () => {
    const { id, token } = await started();
    const drained = { token, delivery: 1, outcome: 'drained', reason: 'r', error: undefined } as const;
    const first = await transitions.requeue(id, drained);
    await transitions.start(id, startOf({ delivery: 2, read: { attempt: 1, checkpointEpoch: 0 } }));
    expect(await transitions.requeue(id, drained)).toEqual(first);
    expect((await jobIn(store, 'local', id)).status).toBe('running');
  });
});

describe('epochs', () => {
  it('are appended in order, each once; replays change nothing', async () => {
    const { id, token } = await started();
    await transitions.epoch(id, token, epochReport(1));
    await transitions.epoch(id, token, epochReport(2));
    expect(await transitions.epoch(id, token, epochReport(1))).toMatchObject({ outcome: 'confirmed' });
    expect(
      parseRows(await events.metrics(id, 0, (await store.head('local', id))!)).map(({ epoch, seq }) => [
        epoch,
        seq,
      ]),
    ).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect((await jobIn(store, 'local', id)).latest).toMatchObject({ epoch: 2, loss: 0.5 });
  });

  it('with a gap are refused by name', async () => {
    const { id, token } = await started();
    expect(await transitions.epoch(id, token, epochReport(2))).toEqual({ outcome: 'gap' });
  });

  it('update the checkpoint, even when the epoch is already recorded', async () => {
    const { id, token } = await started();
    const file = (epoch: number): JobFile & { epoch: number } => ({
      name: `1-${epoch}.ckpt`,
      sha256: 'e'.repeat(64),
      epoch,
    });
    await transitions.epoch(id, token, epochReport(1));
    await transitions.epoch(id, token, { ...epochReport(2), checkpoints: [file(2)] });
    expect((await store.record(id))!.checkpoint).toEqual([file(2)]);
    // Another attempt, which could not read that file, computes the epoch again.
    const again = { ...file(1), name: '2-1.ckpt' };
    await transitions.epoch(id, token, { ...epochReport(1), checkpoints: [again] });
    expect((await store.record(id))!.checkpoint).toEqual([again]);
  });

  it('reset the faults, so that only three in a row end a job', async () => {
    const { id, token } = await started();
    let held = token;
    const crash = async (delivery: number) => {
      const crashed = {
        token: held,
        delivery,
        outcome: 'trainer_crashed',
        reason: 'crashed',
        error: FAULT,
      } as const;
      return await transitions.requeue(id, crashed);
    };
    const restart = async (attempt: number) => {
      const start = startOf({ delivery: attempt + 1, read: { attempt, checkpointEpoch: 0 } });
      expect(await transitions.start(id, start)).toMatchObject({ outcome: 'started' });
      held = start.token;
    };
    expect((await crash(1)).outcome).toBe('queued');
    await restart(1);
    expect((await crash(2)).outcome).toBe('queued');
    await restart(2);
    await transitions.epoch(id, held, epochReport(1));
    expect((await crash(3)).outcome).toBe('queued');
    await restart(3);
    expect((await crash(4)).outcome).toBe('queued');
    await restart(4);
    expect((await crash(5)).outcome).toBe('failed');
    const job = await jobIn(store, 'local', id);
    expect(job.error).toEqual(FAULT);
    expect(job.attempts.map(({ outcome }) => outcome)).toEqual(Array(5).fill('trainer_crashed'));
    expect(job.attempts[1].reason).toBe('crashed');
  });
});

describe('drains', () => {
  it('never count as faults, and keep the first start', async () => {
    const { id, token } = await started();
    await redis.hincrby(keys.job(id), 'started_at', -10_000);
    const { started_at } = await jobIn(store, 'local', id);
    let held = token;
    for (let attempt = 1; attempt <= 5; attempt++) {
      const drained = {
        token: held,
        delivery: attempt,
        outcome: 'drained',
        reason: 'stopped',
        error: undefined,
      } as const;
      expect((await transitions.requeue(id, drained)).outcome).toBe('queued');
      const again = startOf({ delivery: attempt + 1, read: { attempt, checkpointEpoch: 0 } });
      expect((await transitions.start(id, again)).outcome).toBe('started');
      held = again.token;
    }
    await transitions.finish(id, held, SUCCESS);
    const job = await jobIn(store, 'local', id);
    expect(job.started_at).toBe(started_at);
    expect(job.attempts.map(({ outcome }) => outcome)).toEqual([...Array(5).fill('drained'), 'succeeded']);
  });

  it('that give back an unstarted delivery leave one entry in the outbox', async () => {
    const id = await created(store);
    await transitions.giveBack(id, {
      delivery: 1,
      lost: true,
      outcome: 'worker_lost',
      reason: 'r',
      error: FAULT,
    });
    const entries = await redis.zrange(keys.outbox, 0, -1);
    expect(entries.filter((entry) => entry.startsWith(id))).toEqual([`${id}-2`]);
  });
});

describe('a worker that leaves', () => {
  const leaving = {
    delivery: 1,
    lost: false,
    outcome: 'lease_lost',
    reason: 'r',
    error: FAULT,
  } as const;

  it('does not touch a job that another one runs', async () => {
    const { id } = await started();
    expect(await transitions.giveBack(id, leaving)).toEqual({ outcome: 'dropped' });
    expect((await jobIn(store, 'local', id)).status).toBe('running');
  });

  it('gives back a job whose start Redis lost', async () => {
    const id = await created(store);
    expect(await transitions.giveBack(id, leaving)).toEqual({ outcome: 'queued', deliveryId: `${id}-2` });
  });
});

describe("a step back of Redis's clock", () => {
  it('lets no job end before it began', async () => {
    const { id, token } = await started();
    // As if the clock had gone back by an hour since the start.
    for (const field of ['started_at', 'event_at']) await redis.hincrby(keys.job(id), field, 3_600_000);
    await transitions.finish(id, token, SUCCESS);
    const job = await jobIn(store, 'local', id);
    expect(job.result!.duration_seconds).toBe(0);
    expect(job.finished_at).toBe(job.started_at);
  });
});

describe('lost workers', () => {
  it('count as faults: the third loss in a row ends the job', async () => {
    const id = await created(store);
    const outcomes: string[] = [];
    for (let attempt = 0; attempt < 4; attempt++) {
      outcomes.push(
        (await transitions.start(id, startOf({ read: { attempt, checkpointEpoch: 0 } }))).outcome,
      );
    }
    expect(outcomes).toEqual(['started', 'started', 'started', 'failed']);
    const job = await jobIn(store, 'local', id);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
    expect(job.attempts.map(({ outcome }) => outcome)).toEqual(Array(3).fill('worker_lost'));
  });
});

describe('finish', () => {
  it('does not succeed while the record lacks an epoch that Redis lost', async () => {
    const { id, token } = await started();
    await transitions.epoch(id, token, epochReport(1));
    expect(await transitions.finish(id, token, successOf(2))).toEqual({ outcome: 'gap' });
    expect((await jobIn(store, 'local', id)).status).toBe('running');
    await transitions.epoch(id, token, epochReport(2));
    expect(await transitions.finish(id, token, successOf(2))).toEqual({ outcome: 'succeeded' });
  });

  it('fills in the duration between the first start and the end', async () => {
    const { id, token } = await started();
    await redis.hincrby(keys.job(id), 'started_at', -61_500);
    await transitions.finish(id, token, SUCCESS);
    const job = await jobIn(store, 'local', id);
    expect(job.result!.duration_seconds).toBeGreaterThanOrEqual(61.5);
    expect(job.result!.duration_seconds).toBeCloseTo(
      (Date.parse(job.finished_at!) - Date.parse(job.started_at!)) / 1000,
      3,
    );
    const last = (await events.read(id, { after: 0, limit: 10 })).at(-1);
    expect(last!.type).toBe('job.succeeded');
    expect(JSON.parse(last!.data)).toEqual({ result: job.result });
  });
});

describe('progress', () => {
  it('becomes an event at least a second after the last one, at most 100 times', async () => {
    const { id, token } = await started();
    const at = (step: number) => transitions.progress(id, token, { ...epochReport(1).progress, step });
    await at(1);
    expect(await events.read(id, { after: 2, limit: 10 })).toEqual([]);
    expect((await jobIn(store, 'local', id)).progress.step).toBe(1);
    for (let step = 2; step <= 110; step++) {
      await redis.hincrby(keys.job(id), 'event_at', -1000);
      await at(step);
    }
    const told = await events.read(id, { after: 2, limit: 1000 });
    expect(told).toHaveLength(100);
    await redis.hincrby(keys.job(id), 'event_at', -1000);
    await at(5);
    expect((await jobIn(store, 'local', id)).progress.step).toBe(110);
  });
});
