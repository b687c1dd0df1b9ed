import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { descendantsOf } from '../../support/processes.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import type { LoadFigures, LoadOptions } from '../open-load.ts';
import { Site } from '../site.ts';

const TIMES = 10;
const CAPACITY_SECONDS = 5;
/** Half of the design's. With less, the burst at the beginning, creates that wait for each other, would weigh too much. */
const LOAD_SECONDS = 150;
const ACCEPTED_P99_MS = 100;
const RECOVERY_SECONDS = 10;
/** As many as the API accepts at a time for long. */
const CAPACITY_CONNECTIONS = 6;
const CONNECTIONS = 500;
const MAXMEMORY_MB = 512;

const bench = 'dist/test/faults/open-load.js';

export const overload: Experiment = {
  name: 'overload',
  rows: [
    {
      id: 'P27',
      promise: 'Overload is refused, not suffered: what is accepted is fast',
      fault: `POST /jobs at ${TIMES} times capacity for ${LOAD_SECONDS} s (open model), API, worker and Redis on one core, the load on another`,
      designN: 5,
      figure: `s: p99 of the 202 (<= ${ACCEPTED_P99_MS / 1000}); all others are 429 or 503 with Retry-After`,
    },
    {
      id: 'P27',
      promise: 'Normal service resumes after an overload',
      fault: 'the same',
      designN: 5,
      figure: `s until lists are answered within 0.1 s again (<= ${RECOVERY_SECONDS})`,
    },
  ],
  n: 2,
  shortN: 0,
  seconds: 400,
  missing: () =>
    spawnSync('taskset', ['-c', '1', 'true']).status === 0
      ? undefined
      : 'It needs two cores and taskset: apt-get install util-linux.',
  run: async (trial) => {
    // A new one each time, because the jobs stay.
    const site = await Site.start({
      workers: 1,
      concurrency: 1,
      workersYield: true,
      env: { LOG_LEVEL: 'fatal' },
    });
    try {
      return await underLoad(trial, site);
    } finally {
      await site.close();
    }
  },
};

async function underLoad(trial: Trial, site: Site) {
  await site.commands.config('SET', 'maxmemory', `${MAXMEMORY_MB}mb`);
  const pids = site.started.flatMap(({ pid }) => [pid, ...descendantsOf(pid).map((child) => child.pid)]);
  for (const pid of pids) spawnSync('taskset', ['-acp', '0', String(pid)]);
  const port = Number(new URL(site.url).port);
  const calm = await load({ port, rate: 0, seconds: CAPACITY_SECONDS, connections: CAPACITY_CONNECTIONS });
  const capacity = (calm.statuses['202'] ?? 0) / calm.seconds;
  const rate = Math.round(TIMES * capacity);
  const figures = await load({ port, rate, seconds: LOAD_SECONDS, connections: CONNECTIONS });
  const startedMs = performance.now();
  await site.eventually('lists are slow', 60_000 * trial.patience, async () => {
    const askedMs = performance.now();
    const response = await site.fetch('/jobs').catch(() => undefined);
    await response?.text();
    return response?.status === 200 && performance.now() - askedMs < 100;
  });
  const recovery = (performance.now() - startedMs) / 1000;
  trial.note(`capacity ${Math.round(capacity)}/s, load ${rate}/s: ${JSON.stringify(figures)}`);
  const { statuses, accepted, withoutRetryAfter } = figures;
  const others = Object.keys(statuses).filter((status) => !['202', '429', '503'].includes(status));
  assertKept(others.length === 0, `answers besides 202, 429 and 503: ${JSON.stringify(statuses)}`);
  assertKept(withoutRetryAfter === 0, `${withoutRetryAfter} refusals lack Retry-After`);
  trial.assertWithin(ACCEPTED_P99_MS / 1000, accepted.p99 / 1000, 'the 99th percentile of the 202');
  trial.assertWithin(RECOVERY_SECONDS, recovery, 'normal service resumed');
  const stored = await site.commands.zcard(site.keys.jobs('local'));
  const acknowledged = (calm.statuses['202'] ?? 0) + (statuses['202'] ?? 0);
  assertKept(stored === acknowledged, `${acknowledged} jobs were acknowledged, ${stored} are stored`);
  const used = Number(/used_memory:(\d+)/.exec(await site.commands.info('memory'))?.[1]) / 2 ** 20;
  assertKept(used < 0.7 * MAXMEMORY_MB, `Redis uses ${used.toFixed(0)} MB of ${MAXMEMORY_MB}`);
  return [
    { n: 1, worst: accepted.p99 / 1000 },
    { n: 1, worst: recovery },
  ];
}

async function load(options: LoadOptions): Promise<LoadFigures> {
  const command = ['-c', '1', process.execPath, bench, JSON.stringify(options)];
  const { stdout } = await promisify(execFile)('taskset', command);
  return JSON.parse(stdout) as LoadFigures;
}
