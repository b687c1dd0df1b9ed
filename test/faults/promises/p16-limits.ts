import { setTimeout as sleep } from 'node:timers/promises';
import { type ProcessEntry, signalAll, stillAlive } from '../../support/processes.ts';
import { computing } from '../computing.ts';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { blocking, endless } from '../specs.ts';

const JOBS = 3;
const SLACK_SECONDS = 2;
const AT_LAST_MS = 30_000;

export const timeLimits: Experiment = {
  name: 'time-limits',
  rows: [
    {
      id: 'P16',
      promise: 'limits.max_seconds is enforced',
      fault:
        'a trainer that handles no messages (one step of many seconds), is stopped by SIGSTOP, or trains normally',
      designN: 50,
      figure: 's beyond the limit (<= 2)',
    },
  ],
  n: 51,
  shortN: 0,
  seconds: 65,
  run: async (trial) => {
    const { random } = trial;
    // One job per worker, so that the trainer that must end is known.
    const site = await trial.lend('site', () => Site.start({ workers: JOBS, concurrency: 1 }));
    const specs = [blocking(), endless(1), random.pick([blocking(), endless(2)])];
    const limits = specs.map(() => random.between(1, 3));
    const stopAfterMs = random.chance(0.5) ? random.between(0, 500) : undefined;
    trial.note(
      `limits of ${limits.join(', ')} s; ${stopAfterMs === undefined ? 'no trainer stopped' : `all trainers stopped after ${stopAfterMs} ms`}`,
    );
    const jobs = await Promise.all(
      specs.map((spec, i) => site.client.create({ ...spec, limits: { max_seconds: limits[i] } })),
    );
    const runs = await Promise.all(jobs.map(({ id }) => runOf(site, id)));
    if (stopAfterMs !== undefined) {
      await sleep(stopAfterMs);
      signalAll(
        runs.flatMap(({ trainers }) => trainers),
        'SIGSTOP',
      );
    }
    const computed = await Promise.all(
      runs.map((run) => secondsBeyond(site, run, stopAfterMs !== undefined)),
    );
    const endings = await reconcile(trial, site, { mayFail: ({ error }) => error!.code === 'timeout' });
    const over = endings.map(({ job }) => {
      assertKept(job.error?.code === 'timeout', `${job.id} has a limit, but is ${job.status}`);
      assertKept(job.attempts.length === 1, `${job.id} was out of time, but was retried`);
      return (
        (Date.parse(job.finished_at!) - Date.parse(job.started_at!)) / 1000 - job.spec.limits.max_seconds!
      );
    });
    const worst = Math.max(...computed, ...over);
    trial.assertWithin(SLACK_SECONDS, worst, 'a job ran beyond its limit');
    return [{ n: JOBS, worst }];
  },
};

interface Run {
  /** When the job's time is up, in ms since the Unix epoch. */
  endMs: number;
  /** The trainers of its worker, including the job's own. */
  trainers: ProcessEntry[];
}

async function runOf(site: Site, id: string): Promise<Run> {
  await site.until(id, 'job.running');
  const job = (await site.client.job(id))!;
  return {
    endMs: Date.parse(job.started_at!) + 1000 * job.spec.limits.max_seconds!,
    trainers: site.trainersOf(site.workerOf(job)),
  };
}

/** How long a trainer computed beyond the limit. A stopped trainer computes nothing and must be gone. */
async function secondsBeyond(site: Site, { endMs, trainers }: Run, stopped: boolean): Promise<number> {
  await sleep(Math.max(0, endMs - Date.now()));
  let lookedMs = endMs;
  await site.eventually('a job keeps running', AT_LAST_MS, async () => {
    lookedMs = Date.now();
    return (stopped ? stillAlive(trainers) : await computing(trainers)).length === 0;
  });
  return (lookedMs - endMs) / 1000;
}
