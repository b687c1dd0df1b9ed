import { setTimeout as sleep } from 'node:timers/promises';
import { signalAll } from '../../processes.ts';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { blocking, endless } from '../specs.ts';

const JOBS = 3;
const SLACK_SECONDS = 2;

export const timeLimits: Experiment = {
  name: 'time-limits',
  rows: [
    {
      id: 'P16',
      promise: 'limits.max_seconds bites',
      fault:
        'a trainer that hears nothing (one step of many seconds), that is stopped by SIGSTOP, or that trains on',
      designN: 50,
      figure: 's beyond the limit (<= 2)',
    },
  ],
  n: 51,
  shortN: 0,
  seconds: 75,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: JOBS }));
    const specs = [blocking(), endless(1), random.pick([blocking(), endless(2)])];
    const limits = specs.map(() => random.between(1, 3));
    const jobs = await Promise.all(
      specs.map((spec, i) => site.client.create({ ...spec, limits: { max_seconds: limits[i] } })),
    );
    for (const { id } of jobs) await site.until(id, 'job.running');
    if (random.chance(0.5)) {
      await sleep(random.between(0, 500));
      trial.note('stop all trainers');
      signalAll(site.trainersOf(site.livingWorkers[0]!), 'SIGSTOP');
    }
    const endings = await reconcile(trial, site, { mayFail: ({ error }) => error!.code === 'timeout' });
    const over = endings.map(({ job }) => {
      assertKept(job.error?.code === 'timeout', `${job.id} has a limit, and ${job.status}`);
      assertKept(job.attempts.length === 1, `${job.id} was out of time, and was tried again`);
      const seconds = (Date.parse(job.finished_at!) - Date.parse(job.started_at!)) / 1000;
      return seconds - job.spec.limits.max_seconds!;
    });
    const worst = Math.max(...over);
    trial.assertWithin(SLACK_SECONDS, worst, 'a job ran longer than it may');
    return [{ n: JOBS, worst }];
  },
};
