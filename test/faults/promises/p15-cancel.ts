import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessEntry } from '../../support/processes.ts';
import { computing } from '../computing.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import type { Random } from '../random.ts';
import { inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { blocking, endless, tinySpec } from '../specs.ts';

const QUEUED = 50;
const RUNNING = 4;
const RACES = 25;
const STOP_SECONDS = 2;
const AT_LAST_MS = 30_000;

export const cancels: Experiment = {
  name: 'cancels',
  rows: [
    {
      id: 'P15',
      promise: 'Cancel means stop: a running job stops computing',
      fault:
        'cancel of a running job, through an API that did not create it, half of them in a step of many seconds',
      designN: 200,
      figure: 's from the cancel until no trainer computed (<= 2)',
    },
    {
      id: 'P15',
      promise: 'Cancel means stop: a queued job never starts',
      fault: 'cancel of a queued job',
      designN: 1_000,
    },
    {
      id: 'P15',
      promise: 'Cancel means stop: a job ends once, by cancel or by completion',
      fault: 'cancel and completion at about the same time; n counts jobs that had started',
      designN: 1_000,
    },
  ],
  n: 100,
  shortN: RUNNING,
  seconds: 100,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: RUNNING }));
    const { computed, seconds } = await cancelRunningAndQueued(site, trial);
    const races = await race(site, trial, random.strand());
    return [{ n: computed, worst: seconds }, { n: QUEUED }, { n: races }];
  },
};

interface Cancelled {
  /** Jobs whose trainers computed when they were cancelled. */
  computed: number;
  /** Seconds until none of them computed. */
  seconds: number;
}

async function cancelRunningAndQueued(site: Site, trial: Trial): Promise<Cancelled> {
  const { random } = trial;
  const creator = site.startedWith(site.apiPid);
  const running = await Promise.all(
    Array.from({ length: RUNNING }, (_, i) => site.client.create(i % 2 === 0 ? blocking() : endless(i))),
  );
  for (const { id } of running) await site.until(id, 'job.running');
  const queued: string[] = [];
  for (let i = 0; i < QUEUED; i++) queued.push((await site.client.create(tinySpec(random))).id);
  // From here on requests go to an API that started after the jobs were created.
  await site.startAnotherApi();
  await inParallel(4, random.some(QUEUED, queued), (id) => site.client.cancel(id));
  const afterMs = random.between(0, 500);
  trial.note(`cancel the running ones after ${afterMs} ms`);
  await sleep(afterMs);
  // The trainers that replace them load but compute nothing.
  const trainers = site.trainersOf(site.livingWorkers[0]);
  const { length: computed } = await computing(trainers);
  const askedMs = performance.now();
  await Promise.all(running.map(({ id }) => site.client.cancel(id)));
  const seconds = await secondsUntilIdle(site, trainers, askedMs);
  trial.assertWithin(STOP_SECONDS, seconds, 'a cancelled job kept computing');
  for (const { job, events } of await reconcile(trial, site)) {
    assertKept(job.status === 'cancelled', `${job.id} was cancelled, but is ${job.status}`);
    const starts = events.filter(({ type }) => type === 'job.running').length;
    if (queued.includes(job.id))
      assertKept(starts === 0, `${job.id} was cancelled while queued, but started`);
    else assertKept(starts === 1, `${job.id} was cancelled, but started ${starts} times`);
  }
  await creator.stop('SIGTERM');
  return { computed, seconds };
}

/** Seconds from `sinceMs` to the start of the first check that finds none of them computing. */
async function secondsUntilIdle(
  site: Site,
  trainers: readonly ProcessEntry[],
  sinceMs: number,
): Promise<number> {
  let lookedMs = sinceMs;
  await site.eventually('a cancelled job keeps computing', AT_LAST_MS, async () => {
    lookedMs = performance.now();
    return (await computing(trainers)).length === 0;
  });
  return (lookedMs - sinceMs) / 1000;
}

/** @returns the number of cancels that met a job that was running or had ended. */
async function race(site: Site, trial: Trial, random: Random): Promise<number> {
  const races = Array.from({ length: RACES }, () => ({
    spec: tinySpec(random),
    afterMs: random.between(0, 400),
  }));
  trial.note(`cancels after ${races.map(({ afterMs }) => afterMs).join(' ')} ms`);
  await inParallel(RUNNING, races, async ({ spec, afterMs }) => {
    const { id } = await site.client.create(spec);
    await sleep(afterMs);
    await site.client.cancel(id);
  });
  const raced = await reconcile(trial, site);
  for (const { job } of raced) {
    assertKept(
      job.status === 'cancelled' || job.status === 'succeeded',
      `${job.id} was cancelled, but is ${job.status}`,
    );
    assertKept(job.attempts.length <= 1, `${job.id} was cancelled, but retried`);
  }
  const started = raced.filter(({ job }) => job.attempts.length > 0);
  const cancelled = started.filter(({ job }) => job.status === 'cancelled').length;
  trial.note(`${started.length} of ${RACES} had started, ${cancelled} of them were cancelled`);
  return started.length;
}
