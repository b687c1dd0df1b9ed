import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { reconcile, removeForgotten } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const CLIENTS = 8;
const KILLS = 4;
/** A 202 or 200 that Redis has lost was sent at most this long before the kill, on a busy machine. */
const LOST_MS = 2_000;

/** Specs whose results are known are posted again and again while the API or Redis is killed, and sources are deleted. */
export const cachedResults: Experiment = {
  name: 'cached-results',
  rows: [
    {
      id: 'P45',
      promise: 'A job with a cached result is whole or not there, and has the bits of one that was trained',
      fault: `SIGKILL of the API or of Redis while such a job is created, ${CLIENTS} clients; jobs with the result are deleted meanwhile`,
      designN: 100,
    },
  ],
  n: 100,
  shortN: KILLS,
  seconds: 60,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 2 }));
    const specs = random.some(2, [tinySpec(random), tinySpec(random), tinySpec(random)]);
    for (const spec of specs) await site.client.create(spec);
    await site.allEnded(60_000);
    const killed = trial.number % 2 === 0 ? 'the API' : 'Redis';
    let underWay = 0;
    let posting = true;
    let lastKillMs = 0;
    const posted = Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const own = random.strand();
        while (posting) {
          underWay++;
          const { id, body } = await site.client.create({ ...own.pick(specs), cache: true });
          underWay--;
          if (own.chance(0.3) && body.includes('"cached":true')) await site.client.remove(id);
          await sleep(own.between(0, 60));
        }
      }),
    );
    let struck = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const afterMs = random.between(50, 600);
      await sleep(afterMs);
      while (underWay === 0) await sleep(1);
      trial.note(`kill ${killed} after ${afterMs} ms, ${underWay} posts under way`);
      if (underWay > 0) struck++;
      lastKillMs = performance.now();
      await strike(site, killed);
    }
    posting = false;
    await posted;
    await finish(trial, site, killed, lastKillMs);
    return [{ n: struck }];
  },
};

async function strike(site: Site, killed: 'the API' | 'Redis'): Promise<void> {
  if (killed === 'the API') {
    await site.startedWith(site.apiPid).stop('SIGKILL');
    await site.startApi();
  } else {
    await site.redis!.stop('SIGKILL');
    await site.startRedis(site.redisEnv);
  }
}

async function finish(trial: Trial, site: Site, killed: string, lastKillMs: number): Promise<void> {
  if (killed === 'the API') {
    // The files of a create that was cut short stay until retention removes them.
    await removeForgotten(site);
    const endings = await reconcile(trial, site);
    assertKept(
      endings.some(({ job }) => job.cached),
      'no job had a cached result',
    );
    return;
  }
  // Redis may have lost a removal as well.
  for (const id of await site.commands.zrange(site.keys.jobs('local'), 0, -1)) {
    if (site.client.removed.has(id)) await site.client.remove(id);
  }
  const known = [...site.client.acknowledged.values()];
  const mayBeLost = known.filter(({ atMs }) => atMs < lastKillMs + LOST_MS).map(({ id }) => id);
  await reconcile(trial, site, { mayBeLost: new Set(mayBeLost), faults: true, redisForgets: true });
}
