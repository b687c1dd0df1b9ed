import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment, Trial } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { endless } from '../specs.ts';

const WORKERS = 6;
const DEFAULT_LEASE_MS = 15_000;
const MOST_SECONDS = 30;
/** How long npm start waits before it restarts a dead child. */
const RESTART_MS = 500;

/** The only experiment with the default lease. */
export const recovery: Experiment = {
  name: 'recovery',
  rows: [
    {
      id: 'P9',
      promise: 'Recovery <= 30 s after a hard kill (LEASE_MS 15,000)',
      fault: 'SIGKILL of the worker with its trainer; the worker is restarted after 0.5 s',
      designN: 100,
      figure: 's from the kill to the first reported new step (<= 30)',
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 120,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () =>
      Site.start({ workers: WORKERS, concurrency: 1, leaseMs: DEFAULT_LEASE_MS }),
    );
    const jobs = await Promise.all(Array.from({ length: WORKERS }, (_, i) => site.client.create(endless(i))));
    const seconds = await Promise.all(
      jobs.map(({ id }) => recoverySeconds(site, id, random.between(0, 5_000), trial)),
    );
    await Promise.all(jobs.map(({ id }) => site.client.cancel(id)));
    await reconcile(trial, site, { faults: true });
    const worst = Math.max(...seconds);
    trial.assertWithin(MOST_SECONDS, worst, 'until a killed job computed again');
    return [{ n: seconds.length, worst }];
  },
};

/** Kills the worker of a job after `afterMs`; returns the seconds until the job's next attempt reports a step. */
async function recoverySeconds(site: Site, id: string, afterMs: number, trial: Trial): Promise<number> {
  let killedMs: number | undefined;
  let restarted: Promise<unknown> | undefined;
  let startedAgain = false;
  for await (const { type } of site.watch(id)) {
    if (killedMs === undefined) {
      if (type !== 'job.epoch') continue;
      await sleep(afterMs);
      const worker = site.workerOf(await site.job(id));
      trial.note(`kill worker ${worker.pid} of ${id} ${afterMs} ms after its first epoch`);
      killedMs = performance.now();
      await worker.killTree();
      restarted = sleep(RESTART_MS).then(() => site.startWorker());
    } else if (type === 'job.running') {
      startedAgain = true;
    } else if (startedAgain && (type === 'job.epoch' || type === 'job.progress')) {
      const seconds = (performance.now() - killedMs) / 1000;
      await restarted;
      return seconds;
    }
  }
  throw new Error(`${id} ended`);
}
