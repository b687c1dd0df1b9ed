import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { blocking, endless, tinySpec } from '../specs.ts';

const QUEUED = 50;
const RUNNING = 4;
const RACES = 25;
const STOP_SECONDS = 2;

export const cancels: Experiment = {
  name: 'cancels',
  rows: [
    {
      id: 'P15',
      promise: 'Cancel means stop: a running job computes no more',
      fault:
        'cancel of a running job, through an API that never saw it, half of them in a step of many seconds',
      designN: 200,
      figure: 's from cancelling to cancelled (<= 2)',
    },
    {
      id: 'P15',
      promise: 'Cancel means stop: a queued job never starts',
      fault: 'cancel of a queued job',
      designN: 1_000,
    },
    {
      id: 'P15',
      promise: 'Cancel means stop: one end, whoever is first',
      fault: 'cancel and completion at the same time',
      designN: 1_000,
    },
  ],
  n: 100,
  shortN: RUNNING,
  seconds: 165,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: RUNNING }));
    await trial.lend('another API', async () => {
      await site.startAnotherApi();
      return { close: async () => {} };
    });

    const running = await Promise.all(
      Array.from({ length: RUNNING }, (_, i) => site.client.create(i % 2 === 0 ? blocking() : endless(i))),
    );
    for (const { id } of running) await site.until(id, 'job.running');
    const queued: string[] = [];
    for (let i = 0; i < QUEUED; i++) queued.push((await site.client.create(tinySpec(random))).id);
    await inParallel(4, random.some(QUEUED, queued), (id) => site.client.cancel(id));
    await sleep(random.between(0, 500));
    await Promise.all(running.map(({ id }) => site.client.cancel(id)));
    let worst = 0;
    for (const { job, events } of await reconcile(trial, site)) {
      assertKept(job.status === 'cancelled', `${job.id} was cancelled, and ${job.status}`);
      const starts = events.filter(({ type }) => type === 'job.running').length;
      if (queued.includes(job.id))
        assertKept(starts === 0, `${job.id} was cancelled while queued, and started`);
      else {
        assertKept(starts === 1, `${job.id} was cancelled, and started ${starts} times`);
        const at = (type: string) => Date.parse(events.find((event) => event.type === type)!.created_at);
        worst = Math.max(worst, (at('job.cancelled') - at('job.cancelling')) / 1000);
      }
    }
    trial.assertWithin(STOP_SECONDS, worst, 'a cancelled job computed on');

    await inParallel(RUNNING, Array(RACES).fill(0), async () => {
      const { id } = await site.client.create(tinySpec(random));
      await sleep(random.between(0, 400));
      await site.client.cancel(id);
    });
    const raced = await reconcile(trial, site);
    const cancelled = raced.filter(({ job }) => job.status === 'cancelled').length;
    trial.note(`${cancelled} of ${RACES} cancels were first`);
    for (const { job } of raced) {
      assertKept(
        job.status === 'cancelled' || job.status === 'succeeded',
        `${job.id} was cancelled, and ${job.status}`,
      );
      assertKept(job.attempts.length <= 1, `${job.id} was cancelled, and tried again`);
    }
    return [{ n: RUNNING, worst }, { n: QUEUED }, { n: RACES }];
  },
};
