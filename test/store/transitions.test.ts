import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JobStatus } from '../../src/contract/job.ts';
import { JobControl } from '../../src/store/job-control.ts';
import { created, epochReport, FAILURE, openStore, SUCCESS, startOf } from './open-store.ts';

const { redis, keys, store, transitions, events } = openStore();
const control = new JobControl(redis, keys, store);

/** A job in a status, with the token of the worker that runs it. */
interface Held {
  id: string;
  token: string;
  delivery: number;
  attempt: number;
}

async function queued(): Promise<Held> {
  return { id: await created(store), token: 'nobody', delivery: 1, attempt: 0 };
}

async function running(): Promise<Held> {
  const job = await queued();
  const start = startOf();
  expect(await transitions.start(job.id, start)).toMatchObject({ outcome: 'started' });
  return { ...job, token: start.token, attempt: 1 };
}

async function pausing(): Promise<Held> {
  const job = await running();
  expect(await control.pause('local', job.id, false)).toMatchObject({ outcome: 'paused' });
  return job;
}

/** With a checkpoint to go on from, which its worker no longer has. */
async function paused(): Promise<Held> {
  const job = await pausing();
  expect(await transitions.requeue(job.id, { ...PAUSED, token: job.token, delivery: 1 })).toEqual({
    outcome: 'paused',
  });
  return { ...job, token: 'another', delivery: 2 };
}

async function cancelling(): Promise<Held> {
  const job = await running();
  expect(await store.cancel('local', job.id)).toMatchObject({ outcome: 'cancelled' });
  return job;
}

async function succeeded(): Promise<Held> {
  const job = await running();
  await transitions.finish(job.id, job.token, SUCCESS);
  return { ...job, token: 'another' };
}

async function failed(): Promise<Held> {
  const job = await running();
  await transitions.finish(job.id, job.token, FAILURE);
  return { ...job, token: 'another' };
}

async function cancelled(): Promise<Held> {
  const job = await queued();
  await store.cancel('local', job.id);
  return job;
}

const FROM = { queued, running, pausing, paused, cancelling, succeeded, failed, cancelled };

const PAUSED = { outcome: 'paused', reason: 'paused', error: undefined } as const;

const FAULT = { code: 'trainer_crashed', message: 'three times', retryable: true } as const;

const TRANSITIONS = {
  start: (job: Held) =>
    transitions.start(
      job.id,
      startOf({ delivery: job.delivery, read: { attempt: job.attempt, checkpointEpoch: 0 } }),
    ),
  epoch: (job: Held) => transitions.epoch(job.id, job.token, epochReport(1)),
  progress: (job: Held) => transitions.progress(job.id, job.token, epochReport(1).progress),
  drain: (job: Held) =>
    transitions.requeue(job.id, {
      token: job.token,
      delivery: job.delivery,
      outcome: 'drained',
      reason: 'stopped',
      error: undefined,
    }),
  fault: (job: Held) =>
    transitions.requeue(job.id, {
      token: job.token,
      delivery: job.delivery,
      outcome: 'trainer_crashed',
      reason: 'crashed',
      error: FAULT,
    }),
  'give back': (job: Held) =>
    transitions.giveBack(job.id, {
      delivery: job.delivery,
      lost: true,
      outcome: 'worker_lost',
      reason: 'lost',
      error: FAULT,
    }),
  succeed: (job: Held) => transitions.finish(job.id, job.token, SUCCESS),
  fail: (job: Held) => transitions.finish(job.id, job.token, FAILURE),
  stop: (job: Held) => transitions.finish(job.id, job.token, { status: 'cancelled' }),
  pause: (job: Held) => control.pause('local', job.id, false),
  'pause at once': (job: Held) => control.pause('local', job.id, true),
  update: (job: Held) => control.update('local', job.id, { name: 'another' }, undefined),
  resume: (job: Held) => control.resume('local', job.id),
  cancel: (job: Held) => store.cancel('local', job.id),
  remove: (job: Held) => store.remove('local', job.id),
  adopt: (job: Held) => store.adopt('local', 'alice', job.id),
};

/** From, transition, answer, status afterwards (gone: no record), type of the appended event. */
type Row = [keyof typeof FROM, keyof typeof TRANSITIONS, string, JobStatus | 'gone', string | null];

const TABLE: Row[] = [
  ['queued', 'start', 'started', 'running', 'job.running'],
  ['queued', 'epoch', 'refused', 'queued', null],
  ['queued', 'progress', 'refused', 'queued', null],
  ['queued', 'drain', 'refused', 'queued', null],
  ['queued', 'fault', 'refused', 'queued', null],
  ['queued', 'give back', 'queued', 'queued', null],
  ['queued', 'succeed', 'refused', 'queued', null],
  ['queued', 'fail', 'refused', 'queued', null],
  ['queued', 'stop', 'refused', 'queued', null],
  ['queued', 'pause', 'paused', 'paused', 'job.paused'],
  ['queued', 'pause at once', 'paused', 'paused', 'job.paused'],
  ['queued', 'update', 'updated', 'queued', 'job.updated'],
  ['queued', 'resume', 'resumed', 'queued', null],
  ['queued', 'cancel', 'cancelled', 'cancelled', 'job.cancelled'],
  ['queued', 'remove', 'not_finished', 'queued', null],
  ['queued', 'adopt', 'not_finished', 'queued', null],

  ['running', 'start', 'started', 'running', 'job.running'],
  ['running', 'epoch', 'confirmed', 'running', 'job.epoch'],
  ['running', 'progress', 'confirmed', 'running', null],
  ['running', 'drain', 'queued', 'queued', 'job.queued'],
  ['running', 'fault', 'queued', 'queued', 'job.queued'],
  ['running', 'give back', 'queued', 'queued', 'job.queued'],
  ['running', 'succeed', 'succeeded', 'succeeded', 'job.succeeded'],
  ['running', 'fail', 'failed', 'failed', 'job.failed'],
  ['running', 'stop', 'refused', 'running', null],
  ['running', 'pause', 'paused', 'pausing', 'job.pausing'],
  ['running', 'pause at once', 'paused', 'pausing', 'job.pausing'],
  ['running', 'update', 'updated', 'running', 'job.updated'],
  ['running', 'resume', 'resumed', 'running', null],
  ['running', 'cancel', 'cancelled', 'cancelling', 'job.cancelling'],
  ['running', 'remove', 'not_finished', 'running', null],
  ['running', 'adopt', 'not_finished', 'running', null],

  ['pausing', 'start', 'paused', 'paused', 'job.paused'],
  ['pausing', 'epoch', 'confirmed', 'pausing', 'job.epoch'],
  ['pausing', 'progress', 'confirmed', 'pausing', null],
  ['pausing', 'drain', 'paused', 'paused', 'job.paused'],
  ['pausing', 'fault', 'paused', 'paused', 'job.paused'],
  ['pausing', 'give back', 'paused', 'paused', 'job.paused'],
  ['pausing', 'succeed', 'succeeded', 'succeeded', 'job.succeeded'],
  ['pausing', 'fail', 'failed', 'failed', 'job.failed'],
  ['pausing', 'stop', 'refused', 'pausing', null],
  ['pausing', 'pause', 'paused', 'pausing', null],
  ['pausing', 'pause at once', 'paused', 'pausing', null],
  ['pausing', 'update', 'updated', 'pausing', 'job.updated'],
  ['pausing', 'resume', 'not_paused', 'pausing', null],
  ['pausing', 'cancel', 'cancelled', 'cancelling', 'job.cancelling'],
  ['pausing', 'remove', 'not_finished', 'pausing', null],
  ['pausing', 'adopt', 'not_finished', 'pausing', null],

  ['paused', 'start', 'dropped', 'paused', null],
  ['paused', 'epoch', 'refused', 'paused', null],
  ['paused', 'progress', 'refused', 'paused', null],
  ['paused', 'drain', 'refused', 'paused', null],
  ['paused', 'fault', 'refused', 'paused', null],
  ['paused', 'give back', 'dropped', 'paused', null],
  ['paused', 'succeed', 'refused', 'paused', null],
  ['paused', 'fail', 'refused', 'paused', null],
  ['paused', 'stop', 'refused', 'paused', null],
  ['paused', 'pause', 'paused', 'paused', null],
  ['paused', 'pause at once', 'paused', 'paused', null],
  ['paused', 'update', 'updated', 'paused', 'job.updated'],
  ['paused', 'resume', 'resumed', 'queued', 'job.queued'],
  ['paused', 'cancel', 'cancelled', 'cancelled', 'job.cancelled'],
  ['paused', 'remove', 'not_finished', 'paused', null],
  ['paused', 'adopt', 'not_finished', 'paused', null],

  ['cancelling', 'start', 'cancelled', 'cancelled', 'job.cancelled'],
  ['cancelling', 'epoch', 'confirmed', 'cancelling', 'job.epoch'],
  ['cancelling', 'progress', 'confirmed', 'cancelling', null],
  ['cancelling', 'drain', 'cancelled', 'cancelled', 'job.cancelled'],
  ['cancelling', 'fault', 'cancelled', 'cancelled', 'job.cancelled'],
  ['cancelling', 'give back', 'cancelled', 'cancelled', 'job.cancelled'],
  ['cancelling', 'succeed', 'succeeded', 'succeeded', 'job.succeeded'],
  ['cancelling', 'fail', 'failed', 'failed', 'job.failed'],
  ['cancelling', 'stop', 'cancelled', 'cancelled', 'job.cancelled'],
  ['cancelling', 'pause', 'cancelling', 'cancelling', null],
  ['cancelling', 'pause at once', 'cancelling', 'cancelling', null],
  ['cancelling', 'update', 'updated', 'cancelling', 'job.updated'],
  ['cancelling', 'resume', 'not_paused', 'cancelling', null],
  ['cancelling', 'cancel', 'cancelled', 'cancelling', null],
  ['cancelling', 'remove', 'not_finished', 'cancelling', null],
  ['cancelling', 'adopt', 'not_finished', 'cancelling', null],

  ...(['succeeded', 'failed', 'cancelled'] as const).flatMap((from): Row[] => [
    [from, 'start', 'dropped', from, null],
    [from, 'epoch', 'refused', from, null],
    [from, 'progress', 'refused', from, null],
    [from, 'drain', 'refused', from, null],
    [from, 'fault', 'refused', from, null],
    [from, 'give back', 'dropped', from, null],
    [from, 'succeed', 'refused', from, null],
    [from, 'fail', 'refused', from, null],
    [from, 'stop', 'refused', from, null],
    [from, 'pause', 'finished', from, null],
    [from, 'pause at once', 'finished', from, null],
    [from, 'update', 'updated', from, null],
    [from, 'resume', 'finished', from, null],
    [from, 'cancel', from === 'cancelled' ? 'cancelled' : 'finished', from, null],
    [from, 'remove', 'removed', 'gone', null],
    [from, 'adopt', 'adopted', from, null],
  ]),
];

describe('the state machine', () => {
  it('has a row for every status and transition', () => {
    const rows = TABLE.map(([from, transition]) => `${from} ${transition}`);
    expect(new Set(rows).size).toBe(Object.keys(FROM).length * Object.keys(TRANSITIONS).length);
    expect(rows).toHaveLength(new Set(rows).size);
  });

  it.each(TABLE)('%s: %s answers %s and leaves %s', async (from, transition, answer, after, eventType) => {
    const job = await FROM[from]();
    const before = await events.read(job.id, { after: 0, limit: 100 });

    expect((await TRANSITIONS[transition](job)).outcome).toBe(answer);

    expect((await store.get(undefined, job.id))?.status ?? 'gone').toBe(after);
    if (after === 'gone') return;
    const appended = (await events.read(job.id, { after: 0, limit: 100 })).slice(before.length);
    expect(appended.map(({ type }) => type)).toEqual(eventType === null ? [] : [eventType]);
    expect(appended.map(({ seq }) => seq)).toEqual(appended.map((_, i) => before.length + 1 + i));
  });
});

describe('the table of fields in record.lua', () => {
  const FOLDER = 'src/store/transitions';
  const sources = readdirSync(FOLDER).map((name) => readFileSync(`${FOLDER}/${name}`, 'utf8'));
  const table = [...sources.join('\n').matchAll(/^-- \| (\w+) +\| .+ \| .+ \| .* \|$/gm)].map(
    ([, field]) => field,
  );

  it('lists every field that a transition sets, and no other', () => {
    const set = sources.flatMap((text) => [
      ...[...text.matchAll(/\b(?:set|count_up)\('(\w+)'/g)].map(([, field]) => field),
      // create.lua sets these in loops.
      ...[...text.matchAll(/for _, field in ipairs\(\{([^}]*)\}\)/gs)].flatMap(([, list]) =>
        [...list.matchAll(/'(\w+)'/g)].map(([, field]) => field),
      ),
    ]);
    expect(table.filter((field) => field !== 'field').sort()).toEqual([...new Set(set)].sort());
  });
});
