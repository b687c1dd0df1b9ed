import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { CALLS, FaultDisk } from '../fault-disk.ts';
import { reconcile } from '../reconcile.ts';
import { Site, type SiteOptions } from '../site.ts';
import { tinySpec } from '../specs.ts';

/** While an fsync is under way Redis holds writes back for up to 2 s, and has answered them. */
const FSYNC_MS = 1_500;
const SLOW_LOSS_SECONDS = 2;
/** From an answer of Redis to the client's note of it, on a busy machine. */
const NOTED_MS = 500;

interface Loss {
  jobs: number;
  /** How long before the kill the oldest of them was acknowledged. */
  oldestSeconds: number;
}

export const redisCrash: Experiment = {
  name: 'redis-crash',
  rows: [
    {
      id: 'P3',
      promise: 'A 202 is lost to a Redis crash at most once a kill, AOF everysec, normal disk',
      fault: 'SIGKILL of Redis under load',
      designN: 100,
      figure: 'acknowledged jobs lost by a kill (<= 1)',
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 215,
  run: async (trial) => {
    const { jobs } = await crash(trial, { workers: 2, concurrency: 2 });
    assertKept(jobs <= 1, `${jobs} acknowledged jobs were lost by one kill`);
    return [{ n: 1, worst: jobs }];
  },
};

export const redisCrashOnSlowDisk: Experiment = {
  name: 'redis-crash-slow-disk',
  rows: [
    {
      id: 'P3',
      promise: 'A Redis crash loses only what was acknowledged in the last 2 s, slow disk',
      fault: `SIGKILL of Redis under load, each fsync of its file takes ${FSYNC_MS} ms`,
      designN: 100,
      figure: 's before the kill: the oldest that was lost (<= 2)',
    },
    {
      id: 'P3',
      promise: 'And how many that is, at about 8 jobs a second: no promise',
      fault: 'the same',
      designN: 100,
      figure: 'acknowledged jobs lost by a kill',
    },
  ],
  n: 40,
  shortN: 0,
  seconds: 180,
  missing: FaultDisk.missing,
  parallel: 2,
  run: async (trial) => {
    const disk = await trial.lend('disk', async () => new FaultDisk('appendonly'));
    disk.arm(CALLS.fsync, 'every', { action: 'delay', ms: FSYNC_MS });
    const { jobs, oldestSeconds } = await crash(trial, { workers: 2, concurrency: 2, redisEnv: disk.env });
    assertKept(
      oldestSeconds <= SLOW_LOSS_SECONDS + NOTED_MS / 1000,
      `a job was lost that was acknowledged ${oldestSeconds} s before the kill`,
    );
    return [
      { n: 1, worst: oldestSeconds },
      { n: 1, worst: jobs },
    ];
  },
};

/** Kills Redis while clients post and workers train; gives what it forgot. */
async function crash(trial: Trial, options: SiteOptions): Promise<Loss> {
  const { random } = trial;
  const site = await trial.lend('site', () => Site.start(options));
  const clients = random.between(1, 4);
  let posting = true;
  const posted = Promise.all(
    Array.from({ length: clients }, async () => {
      while (posting) {
        await site.client.create(tinySpec(random));
        await sleep(random.between(0, 500));
      }
    }),
  );
  const afterMs = random.between(300, 3_500);
  await sleep(afterMs);
  const killedMs = performance.now();
  await site.redis!.stop('SIGKILL');
  const downMs = random.between(0, 1_500);
  trial.note(`${clients} clients; kill Redis after ${afterMs} ms, for ${downMs} ms`);
  await sleep(downMs);
  await site.startRedis(site.redisEnv);
  await sleep(random.between(0, 500));
  posting = false;
  await posted;
  const before = [...site.client.acknowledged.values()];
  const mayBeLost = before.filter(({ atMs }) => atMs < killedMs + NOTED_MS).map(({ id }) => id);
  const kept = new Set(
    (await reconcile(trial, site, { mayBeLost: new Set(mayBeLost) })).map(({ job }) => job.id),
  );
  const lost = before.filter(({ id }) => !kept.has(id));
  return {
    jobs: lost.length,
    oldestSeconds: Math.max(0, ...lost.map(({ atMs }) => killedMs - atMs)) / 1000,
  };
}
