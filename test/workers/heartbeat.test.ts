import { statSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { monotonicMs } from '../../src/process/clock.ts';
import { WorkerReports } from '../../src/store/worker-reports.ts';
import { newCounters } from '../../workers/counters.ts';
import { ALIVE_FILE, Heartbeat } from '../../workers/heartbeat.ts';
import { created, openStore } from '../store/open-store.ts';

const { store, keys, redis } = openStore();

/** The heartbeat of an idle worker, and the calls that it makes, in order. */
function beating(
  lastFetchMs: () => number,
  counts = () => store.counts(),
  problem: () => string | null = () => null,
  reports: Pick<WorkerReports, 'write' | 'withdraw'> = new WorkerReports(redis, keys),
) {
  const calls: string[] = [];
  const called: Record<string, () => void> = {};
  const call = (name: string) => new Promise<void>((resolve) => Object.assign(called, { [name]: resolve }));
  const [idle, wedged] = [call('idle'), call('wedged')];
  const hear = (name: string) => {
    calls.push(name);
    called[name]();
  };
  const heartbeat = new Heartbeat(
    {
      reports,
      store: { counts },
      log: { info() {}, warn() {}, error() {} },
      report: () => ({
        id: 'host-a/1',
        host: 'host-a',
        pid: 1,
        version: '0.0.0',
        concurrency: 1,
        memory_mb: null,
        started_at: '2026-01-01T00:00:00.000Z',
        problem: problem(),
        running: [],
        engines: [],
        trained: [],
        counters: newCounters(),
      }),
      lastFetchMs,
      onIdle: async () => hear('idle'),
      onWedged: () => hear('wedged'),
    },
    { intervalMs: 20, idleMs: 100, wedgedMs: 400 },
  );
  onTestFinished(() => heartbeat.stop());
  return { heartbeat, calls, idle, wedged };
}

it('reports the worker and touches the file of the health check, until it stops', async () => {
  const reports = new WorkerReports(redis, keys);
  const { heartbeat } = beating(monotonicMs);
  const before = Date.now();
  void heartbeat.start();
  await expect.poll(async () => (await reports.list()).map(({ id }) => id)).toEqual(['host-a/1']);
  await expect.poll(() => statSync(ALIVE_FILE).mtimeMs).toBeGreaterThan(before - 1_000);
  await heartbeat.stop();
  expect(await reports.list()).toEqual([]);
});

it('checks for lost jobs, then gives up, when jobs wait and none is handed over', async () => {
  const id = await created(store);
  const { heartbeat, calls, idle, wedged } = beating(() => 0);
  void heartbeat.start();
  await idle;
  await wedged;
  expect(calls[0]).toBe('idle');
  await store.cancel('local', id);
});

it('does not mistake an outage of Redis for a stuck queue', async () => {
  const id = await created(store);
  let looks = 0;
  const { heartbeat, calls, idle } = beating(
    () => 0,
    async () => {
      // The second call takes longer than a worker may be idle.
      if (++looks === 2) await new Promise((resolve) => setTimeout(resolve, 500));
      return await store.counts();
    },
  );
  void heartbeat.start();
  await idle;
  expect(calls).toEqual(['idle']);
  await store.cancel('local', id);
});

it('does not mistake a worker that takes no jobs for a stuck one', async () => {
  const id = await created(store);
  let problem: string | null = 'the storage does not work';
  let looks = 0;
  let lookedOften: () => void = () => {};
  const often = new Promise<void>((resolve) => {
    lookedOften = resolve;
  });
  const counts = async () => {
    // 20 ms each: together longer than it takes to be idle, and then wedged.
    if (++looks === 40) lookedOften();
    return await store.counts();
  };
  const { heartbeat, calls, idle, wedged } = beating(
    () => 0,
    counts,
    () => problem,
  );
  void heartbeat.start();
  await often;
  expect(calls).toEqual([]);
  problem = null;
  await idle;
  await wedged;
  await store.cancel('local', id);
});

it('takes the worker off the list for good, even with a report in flight', async () => {
  const list = new WorkerReports(redis, keys);
  let arrived: () => void = () => {};
  const onItsWay = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let letThrough: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  const slow: Pick<WorkerReports, 'write' | 'withdraw'> = {
    withdraw: (id) => list.withdraw(id),
    async write(report) {
      arrived();
      await held;
      await list.write(report);
    },
  };
  const { heartbeat } = beating(monotonicMs, undefined, undefined, slow);
  void heartbeat.start();
  await onItsWay;
  const stopped = heartbeat.stop();
  letThrough();
  await stopped;
  expect(await list.list()).toEqual([]);
});
