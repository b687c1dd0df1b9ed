import { setTimeout as sleep } from 'node:timers/promises';
import { SmallDisk } from '../../support/small-disk.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { resumable, tinySpec } from '../specs.ts';

/** Redis's file, written a hundred times over. */
const DISK_BYTES = 16 * 2 ** 20;
/** Some creates fit into what is left, the next fails in its middle. */
const MOST_LEFT = 64_000;
const POSTERS = 3;
const AGAIN_SECONDS = 10;
const REFUSED = /"code":"(store_read_only|store_unavailable|overloaded)"/;

export const redisDiskFull: Experiment = {
  name: 'redis-disk-full',
  rows: [
    {
      id: 'P29',
      promise:
        'A full disk of Redis is survivable: what was acknowledged outlives a kill of Redis, the rest is 503, reads go on, and all resume when there is room',
      fault:
        'the tmpfs of the append-only file is filled except for some KB while clients post and two jobs train; in half of the trials Redis is then killed and started',
      designN: 20,
      figure: `s from the room to the next accepted job (<= ${AGAIN_SECONDS})`,
    },
    {
      id: 'P29',
      promise: 'Creates acknowledged between the full disk and the room for more, none of them lost',
      fault: 'the same; n counts creates',
      designN: 20,
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 110,
  missing: SmallDisk.missing,
  parallel: 2,
  run: async (trial) => {
    const { random } = trial;
    const disk = await trial.lend('disk', async () => new SmallDisk(DISK_BYTES));
    const site = await trial.lend('site', () => startOn(disk));
    const ended = await site.client.create(tinySpec(random));
    await site.toEnd(ended.id);
    const jobs = [];
    for (const spec of random.some(2, resumable(20))) jobs.push(await site.client.create(spec));
    for (const { id } of jobs) await site.until(id, 'job.running');
    let posting = true;
    const strands = Array.from({ length: POSTERS }, () => random.strand());
    const posted = Promise.all(
      strands.map(async (own) => {
        while (posting) {
          await site.client.create(tinySpec(own));
          await sleep(own.between(0, 200));
        }
      }),
    );
    // It is awaited below; until then a broken promise must not end the whole run.
    posted.catch(() => {});
    const left = random.between(0, MOST_LEFT);
    const before = site.client.acknowledged.size;
    disk.fill(left);
    await site.eventually('Redis does not notice its full disk', 60_000, async () =>
      (await site.commands.info('persistence')).includes('aof_last_write_status:err'),
    );
    const acknowledged = site.client.acknowledged.size - before;
    const fullMs = random.between(500, 4_000);
    const killed = random.chance(0.5);
    trial.note(
      `${left} bytes left, ${acknowledged} creates; full for ${fullMs} ms; ${killed ? 'killed' : 'not killed'}`,
    );
    await lookWhileFull(site, [ended.id, jobs[0]!.id], performance.now() + fullMs);
    if (killed) await site.redis!.stop('SIGKILL');
    disk.free();
    if (killed) await site.startRedis(site.redisEnv, disk.folder);
    const worst = await againAfter(site, trial);
    posting = false;
    await posted;
    const { size } = site.client.acknowledged;
    await reconcile(trial, site, { faults: true, redisForgets: killed });
    trial.note(`${size} jobs`);
    return [{ n: 1, worst }, { n: acknowledged }];
  },
};

/** An installation whose Redis writes to this disk, and nothing else does. */
async function startOn(disk: SmallDisk): Promise<Site> {
  const site = Site.bare({ concurrency: 1 });
  await site.startRedis(site.redisEnv, disk.folder);
  await site.startApi();
  await Promise.all([site.startWorker(), site.startWorker()]);
  return site;
}

/** Reads are answered, and a create says why it is not. */
async function lookWhileFull(site: Site, [ended, running]: string[], untilMs: number): Promise<void> {
  const json = { 'content-type': 'application/json' };
  while (performance.now() < untilMs) {
    const post = await site.client.ask('create', '/jobs', { method: 'POST', headers: json, body: '{}' });
    const refused = 'status' in post && post.status === 503 && REFUSED.test(post.body);
    assertKept(refused, `a POST to a Redis with a full disk: ${JSON.stringify(post)}`);
    for (const path of ['/jobs', `/jobs/${ended}`, `/jobs/${ended}/metrics`, `/jobs/${running}/events`]) {
      const get = await site.client.ask('look', path, {});
      assertKept('status' in get && get.status === 200, `GET ${path}: ${JSON.stringify(get)}`);
    }
    await sleep(200);
  }
}

async function againAfter(site: Site, trial: Trial): Promise<number> {
  const startedMs = performance.now();
  await site.client.create(tinySpec(trial.random));
  const seconds = (performance.now() - startedMs) / 1000;
  trial.assertWithin(AGAIN_SECONDS, seconds, 'a job was accepted again');
  return seconds;
}
