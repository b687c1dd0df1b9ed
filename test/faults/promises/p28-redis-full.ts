import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { resumable, tinySpec } from '../specs.ts';

const AGAIN_SECONDS = 10;
const MOST_LINES_A_SECOND = 20;

export const redisFull: Experiment = {
  name: 'redis-full',
  rows: [
    {
      id: 'P28',
      promise:
        'A full Redis is survivable: reads go on, POST is 503, jobs wait or finish, and all resume when there is room',
      fault: 'maxmemory is set to what Redis uses while two jobs train, for 3 to 10 s',
      designN: 10,
      figure: `s from the room to the next accepted job (<= ${AGAIN_SECONDS})`,
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 220,
  parallel: 2,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: 1 }));
    const pids = site.livingWorkers.map(({ pid }) => pid).join();
    const ended = await site.client.create(tinySpec(random));
    await site.toEnd(ended.id);
    const jobs = [];
    for (const spec of random.some(2, resumable(25))) jobs.push(await site.client.create(spec));
    for (const { id } of jobs) await site.until(id, 'job.running');
    await sleep(random.between(0, 1_500));
    const fullMs = random.between(3_000, 10_000);
    trial.note(`full for ${fullMs} ms`);
    const linesBefore = site.logged('\n');
    await site.commands.config('SET', 'maxmemory', '1mb');
    const endMs = performance.now() + fullMs;
    while (performance.now() < endMs) {
      const post = await site.client.ask('create', '/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      assertKept('status' in post && post.status === 503, `a POST to a full Redis: ${JSON.stringify(post)}`);
      assertKept(JSON.parse(post.body).code === 'storage_full', `a POST to a full Redis: ${post.body}`);
      for (const path of [
        '/jobs',
        `/jobs/${ended.id}`,
        `/jobs/${ended.id}/metrics`,
        `/jobs/${jobs[0]!.id}/events`,
      ]) {
        const get = await site.client.ask('look', path, {});
        assertKept(
          'status' in get && get.status === 200,
          `GET ${path} of a full Redis: ${JSON.stringify(get)}`,
        );
      }
      await sleep(500);
    }
    const lines = (site.logged('\n') - linesBefore) / (fullMs / 1000);
    assertKept(lines <= MOST_LINES_A_SECOND, `${lines.toFixed(0)} log lines a second`);
    await site.commands.config('SET', 'maxmemory', '0');
    const startedMs = performance.now();
    await site.client.create(tinySpec(random));
    const worst = (performance.now() - startedMs) / 1000;
    trial.assertWithin(AGAIN_SECONDS, worst, 'a job was accepted again');
    assertKept(site.livingWorkers.map(({ pid }) => pid).join() === pids, 'a worker ended');
    await reconcile(trial, site, { faults: true });
    return [{ n: 1, worst }];
  },
};
