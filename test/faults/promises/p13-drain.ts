import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { type Ending, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { RESUMABLE, SLOW_EPOCHS, tinySpec } from '../specs.ts';

const RESTARTS = 2;
const EXIT_SECONDS = 8;
const NO_FAULT = ['succeeded', 'drained', 'cancelled'];

export const rollingRestarts: Experiment = {
  name: 'rolling-restarts',
  rows: [
    {
      id: 'P13',
      promise: 'SIGTERM is graceful: the job is checkpointed and given back, and no fault is counted',
      fault:
        'SIGTERM of a worker with a running job, some with epochs longer than the worker may wait; then another worker starts',
      designN: 100,
      figure: 's until it exited with 0 (<= 8)',
    },
  ],
  n: 100,
  shortN: 1,
  seconds: 150,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: 2 }));
    for (const spec of random.some(2, RESUMABLE)) await site.client.create(spec);
    const slow = random.chance(0.25) ? await site.client.create(SLOW_EPOCHS) : undefined;
    const stops: Stop[] = [];
    let worst = 0;
    for (let restart = 0; restart < RESTARTS; restart++) {
      // A job that is being handed over when the signal arrives.
      await site.client.create(tinySpec(random));
      const afterMs = random.between(0, 800);
      await sleep(afterMs);
      const worker = random.pick(site.livingWorkers);
      trial.note(`after ${afterMs} ms stop worker ${worker.pid}`);
      stops.push({ pid: worker.pid, atMs: Date.now() });
      const startedMs = performance.now();
      const how = await worker.stop('SIGTERM');
      const seconds = (performance.now() - startedMs) / 1000;
      assertKept(how === 0, `the worker ended with ${how}, after ${seconds.toFixed(1)} s`);
      trial.assertWithin(EXIT_SECONDS, seconds, 'the worker stopped');
      worst = Math.max(worst, seconds);
      await site.startWorker();
    }
    if (slow !== undefined) await site.client.cancel(slow.id);
    const endings = await reconcile(trial, site);
    for (const { job, events } of endings) {
      for (const { attempt, outcome } of job.attempts) {
        assertKept(NO_FAULT.includes(outcome!), `attempt ${attempt} of ${job.id} ended as ${outcome}`);
      }
      const faults = events.filter((event) => event.type === 'job.queued' && event.data.reason === 'fault');
      assertKept(faults.length === 0, `${job.id} was given back as a fault`);
      if (job.id !== slow?.id) nothingComputedAgain({ job, events });
    }
    const struck = stops.filter((stop) => endings.some((ending) => heldBy(stop, ending)));
    return [{ n: struck.length, worst }];
  },
};

interface Stop {
  pid: number;
  /** In ms since the Unix epoch, like the times of the record. */
  atMs: number;
}

/** Whether the job was running in this worker when it was stopped. */
const heldBy = ({ pid, atMs }: Stop, { job }: Ending): boolean =>
  job.attempts.some(
    ({ worker, started_at, ended_at }) =>
      worker.endsWith(`/${pid}`) && Date.parse(started_at) <= atMs && atMs < Date.parse(ended_at!),
  );

/** A job whose worker could wait for the end of the epoch continues with the epoch after the last one reported. */
function nothingComputedAgain({ job, events }: Ending): void {
  let told = 0;
  for (const event of events) {
    if (event.type === 'job.epoch') told++;
    if (event.type !== 'job.running') continue;
    const { attempt, from_epoch } = event.data;
    assertKept(
      attempt === 1 || from_epoch === told,
      `${job.id} was given back after epoch ${told}, but continued from ${from_epoch}`,
    );
  }
}
