import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { LEASE_MS, Site } from '../site.ts';
import { blocking, DIVERGING, endless, RESUMABLE } from '../specs.ts';

interface Cause {
  what: string;
  spec: object;
  /** Applied once the job runs. */
  strike?: (site: Site, id: string) => Promise<unknown>;
  /** Whether the job is started again. */
  again: boolean;
  /** How its first attempt ends. */
  outcome: string;
  code?: string;
}

const FAULTS = ['trainer_crashed', 'worker_lost', 'lease_lost'];
const resumable = RESUMABLE[6];

const CAUSES: readonly Cause[] = [
  { what: 'the loss diverges', spec: DIVERGING, again: false, outcome: 'failed', code: 'diverged' },
  {
    what: 'the time limit',
    spec: { ...blocking(), limits: { max_seconds: 1 } },
    again: false,
    outcome: 'failed',
    code: 'timeout',
  },
  {
    what: 'a cancel',
    spec: endless(1),
    strike: (site, id) => site.client.cancel(id),
    again: false,
    outcome: 'cancelled',
  },
  {
    what: 'the model cannot be written',
    spec: resumable,
    strike: async (site, id) => {
      const folder = join(site.dataDir, 'jobs', id);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(dirname(folder), { recursive: true });
      writeFileSync(folder, 'no folder');
    },
    again: false,
    outcome: 'failed',
    code: 'storage_unavailable',
  },
  {
    what: 'the trainer is killed',
    spec: resumable,
    strike: async (site) => site.killTrainers(),
    again: true,
    outcome: 'trainer_crashed',
  },
  {
    what: 'the worker is killed',
    spec: resumable,
    strike: async (site) => {
      await site.livingWorkers[0].stop('SIGKILL');
      await site.startWorker();
    },
    again: true,
    outcome: 'worker_lost',
  },
  {
    what: 'the link is silent for two leases',
    spec: endless(2),
    strike: async (site, id) => {
      site.workerLink.silence();
      await sleep(2 * LEASE_MS);
      site.workerLink.heal();
      await site.eventually('the job is not restarted', 20_000, async () => {
        const job = await site.client.job(id);
        return job!.attempts.length > 1 && job!.status === 'running';
      });
      await site.client.cancel(id);
    },
    again: true,
    outcome: 'lease_lost',
  },
  {
    what: 'the worker gets SIGTERM',
    spec: resumable,
    strike: async (site) => {
      await site.livingWorkers[0].stop('SIGTERM');
      await site.startWorker();
    },
    again: true,
    outcome: 'drained',
  },
];

const FAILING = CAUSES.filter(({ code }) => code !== undefined);

export const retries: Experiment = {
  name: 'retries',
  rows: [
    {
      id: 'P18',
      promise: 'Only infrastructure faults are retried',
      fault: `one of ${CAUSES.length} of the design's 25 causes, in turn: ${CAUSES.map(({ what }) => what).join(', ')}`,
      designN: 25,
    },
    {
      id: 'P38',
      promise: 'Failures explain themselves: code, message, every attempt with worker, start, end and cause',
      fault: `as P18, for the ${FAILING.length} causes that make a job fail`,
      designN: 25,
    },
  ],
  n: 56,
  shortN: 0,
  seconds: 100,
  run: async (trial) => {
    const cause = CAUSES[(trial.number - 1) % CAUSES.length];
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 1, proxied: true }));
    const { id } = await site.client.create(cause.spec);
    await site.until(id, 'job.running');
    const afterMs = trial.random.between(50, 500);
    trial.note(`${cause.what}, ${afterMs} ms after the start`);
    await sleep(afterMs);
    await cause.strike?.(site, id);
    const [ending] = await reconcile(trial, site, {
      mayFail: ({ error }) => error!.code === cause.code,
      faults: FAULTS.includes(cause.outcome),
    });
    const { job } = ending!;
    const seen = `${cause.what}: ${job.status}, ${JSON.stringify(job.error)}, ${JSON.stringify(job.attempts)}`;
    assertKept(job.attempts.length > 1 === cause.again, seen);
    assertKept(job.attempts[0].outcome === cause.outcome, seen);
    if (cause.code !== undefined)
      assertKept(job.error?.code === cause.code && job.error.message !== '', seen);
    return [{ n: 1 }, { n: FAILING.includes(cause) ? 1 : 0 }];
  },
};
