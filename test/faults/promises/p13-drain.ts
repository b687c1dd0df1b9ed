import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { RESUMABLE, SLOW_EPOCHS, tinySpec } from '../specs.ts';

const RESTARTS = 3;
const EXIT_SECONDS = 8;
const NO_FAULT = ['succeeded', 'drained', 'cancelled'];

export const rollingRestarts: Experiment = {
  name: 'rolling-restarts',
  rows: [
    {
      id: 'P13',
      promise: 'SIGTERM is graceful: checkpointed, given back, nothing counted against the job',
      fault:
        'SIGTERM of a worker with running jobs, some with epochs longer than it may wait; then another is started',
      designN: 100,
      figure: 's until it had exited with 0 (<= 8)',
    },
  ],
  n: 100,
  shortN: RESTARTS,
  seconds: 420,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: 2 }));
    for (const spec of random.some(2, RESUMABLE)) await site.client.create(spec);
    const slow = random.chance(0.25) ? await site.client.create(SLOW_EPOCHS) : undefined;
    let worst = 0;
    for (let restart = 0; restart < RESTARTS; restart++) {
      // Something that is just being handed over when the signal comes.
      await site.client.create(tinySpec(random));
      await sleep(random.between(0, 800));
      const worker = random.pick(site.livingWorkers);
      trial.note(`stop worker ${worker.pid}`);
      const startedMs = performance.now();
      const how = await worker.stop('SIGTERM');
      const seconds = (performance.now() - startedMs) / 1000;
      assertKept(how === 0, `the worker ended with ${how}, after ${seconds.toFixed(1)} s`);
      trial.assertWithin(EXIT_SECONDS, seconds, 'the worker stopped');
      worst = Math.max(worst, seconds);
      await site.startWorker();
    }
    if (slow !== undefined) await site.client.cancel(slow.id);
    for (const { job, events } of await reconcile(trial, site)) {
      for (const { attempt, outcome } of job.attempts) {
        assertKept(NO_FAULT.includes(outcome!), `attempt ${attempt} of ${job.id} ended as ${outcome}`);
      }
      const faults = events.filter((event) => event.type === 'job.queued' && event.data.reason === 'fault');
      assertKept(faults.length === 0, `${job.id} was given back as a fault`);
    }
    return [{ n: RESTARTS, worst }];
  },
};
