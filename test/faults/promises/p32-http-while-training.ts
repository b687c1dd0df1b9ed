import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { endless } from '../specs.ts';

const JOBS = 4;
const SECONDS = 30;
const PAUSE_MS = 10;
const GET_P99_MS = 50;
const LAG_P99_MS = 20;

export const httpWhileTraining: Experiment = {
  name: 'http-while-training',
  rows: [
    {
      id: 'P32',
      promise: 'Training never blocks HTTP: requests are answered',
      fault: `${JOBS} jobs train on all cores for ${SECONDS} s (the design: 10 min); n counts requests`,
      designN: 1000,
      figure: `s: p99 of GET /jobs/{id} (<= ${GET_P99_MS / 1000})`,
    },
    {
      id: 'P32',
      promise: 'Training never blocks HTTP: the event loop of the API is free',
      fault: 'the same; n counts requests',
      designN: 1000,
      figure: `s: p99 of the event loop's delay (<= ${LAG_P99_MS / 1000})`,
    },
  ],
  n: 5_000,
  shortN: 0,
  seconds: 130,
  run: async (trial) => {
    const site = await trial.lend('site', () =>
      Site.start({ workers: 1, concurrency: JOBS, workersYield: true }),
    );
    const jobs = await Promise.all(Array.from({ length: JOBS }, (_, i) => site.client.create(endless(i))));
    for (const { id } of jobs) await site.until(id, 'job.running');
    // The figure of a scrape covers the time since the scrape before.
    await lag(site);
    const tookMs: number[] = [];
    const endMs = performance.now() + 1000 * SECONDS;
    while (performance.now() < endMs) {
      const startedMs = performance.now();
      await (await site.fetch(`/jobs/${jobs[0]!.id}`)).text();
      tookMs.push(performance.now() - startedMs);
      await sleep(PAUSE_MS);
    }
    const delay = await lag(site);
    const p99 = tookMs.sort((a, b) => a - b)[Math.floor(0.99 * tookMs.length)]! / 1000;
    for (const { id } of jobs) await site.client.cancel(id);
    trial.assertWithin(GET_P99_MS / 1000, p99, 'the 99th percentile of GET');
    trial.assertWithin(LAG_P99_MS / 1000, delay, "the 99th percentile of the event loop's delay");
    await reconcile(trial, site);
    return [
      { n: tookMs.length, worst: p99 },
      { n: tookMs.length, worst: delay },
    ];
  },
};

async function lag(site: Site): Promise<number> {
  const text = await (await site.fetch('/metrics')).text();
  return Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]);
}
