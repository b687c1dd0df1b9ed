import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { CALLS, FaultDisk } from '../fault-disk.ts';
import { reconcile } from '../reconcile.ts';
import { Site, type SiteOptions } from '../site.ts';
import { tinySpec } from '../specs.ts';

/** During an fsync Redis may hold back for up to 2 s writes that it has already acknowledged. */
const FSYNC_MS = 1_500;
const SLOW_LOSS_SECONDS = 2;
const NORMAL_LOSS_SECONDS = 1;
/** From Redis's reply until the client records it, on a busy machine. */
const NOTED_MS = 500;

interface Loss {
  jobs: number;
  /** Age of the oldest of them at the kill, counted from its POST: an upper bound of the time since its 202. */
  oldestSeconds: number;
}

export const redisCrash: Experiment = {
  name: 'redis-crash',
  rows: [
    {
      id: 'P3',
      promise: `A Redis crash loses at most one 202 per kill, none older than ${NORMAL_LOSS_SECONDS} s (AOF everysec, normal disk)`,
      fault: 'SIGKILL of Redis under load',
      designN: 100,
      figure: 'acknowledged jobs lost by a kill (<= 1)',
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 120,
  run: async (trial) => {
    const { jobs, oldestSeconds } = await crash(trial, { workers: 2, concurrency: 2 }, NORMAL_LOSS_SECONDS);
    assertKept(jobs <= 1, `${jobs} acknowledged jobs were lost by one kill`);
    assertAge(oldestSeconds, NORMAL_LOSS_SECONDS);
    return [{ n: 1, worst: jobs }];
  },
};

export const redisCrashOnSlowDisk: Experiment = {
  name: 'redis-crash-slow-disk',
  rows: [
    {
      id: 'P3',
      promise: `A Redis crash loses only jobs acknowledged in the last ${SLOW_LOSS_SECONDS} s (slow disk)`,
      fault: `SIGKILL of Redis under load while each fsync of its file takes ${FSYNC_MS} ms`,
      designN: 100,
      figure: `s: age of the oldest lost job at the kill (<= ${SLOW_LOSS_SECONDS})`,
    },
    {
      id: 'P3',
      promise: 'The number of those jobs, at about 8 jobs per second',
      fault: 'the same',
      designN: 100,
      figure: 'acknowledged jobs lost by a kill',
      unpromised: true,
    },
  ],
  n: 40,
  shortN: 0,
  seconds: 120,
  missing: FaultDisk.missing,
  parallel: 2,
  run: async (trial) => {
    const disk = await trial.lend('disk', async () => new FaultDisk('appendonly'));
    disk.arm(CALLS.fsync, 'every', { action: 'delay', ms: FSYNC_MS });
    const options = { workers: 2, concurrency: 2, redisEnv: disk.env };
    const { jobs, oldestSeconds } = await crash(trial, options, SLOW_LOSS_SECONDS, disk);
    assertAge(oldestSeconds, SLOW_LOSS_SECONDS);
    return [
      { n: 1, worst: oldestSeconds },
      { n: 1, worst: jobs },
    ];
  },
};

function assertAge(oldestSeconds: number, most: number): void {
  assertKept(oldestSeconds <= most, `a lost job was posted ${oldestSeconds} s before the kill`);
}

/**
 * Kills Redis while clients post and workers train; returns what it forgot. Jobs and removals acknowledged more than
 * `mostSeconds` before the kill must have survived.
 */
async function crash(
  trial: Trial,
  options: SiteOptions,
  mostSeconds: number,
  disk?: FaultDisk,
): Promise<Loss> {
  const { random } = trial;
  const site = await trial.lend('site', () => Site.start(options));
  const startedMs = performance.now();
  const clients = random.between(1, 4);
  const afterMs = random.between(300, 3_500);
  const downMs = random.between(0, 1_500);
  const afterwardsMs = random.between(0, 500);
  const askedMs = new Map<string, number>();
  let posting = true;
  const posted = Promise.all(
    Array.from({ length: clients }, async () => {
      const own = random.strand();
      while (posting) {
        const nowMs = performance.now();
        const { id } = await site.client.create(tinySpec(own));
        askedMs.set(id, nowMs);
        await sleep(own.between(0, 500));
      }
    }),
  );
  await sleep(afterMs);
  if (disk !== undefined) await site.eventually('no fsync was slow', 10_000, () => disk.fired > 0);
  const killedMs = performance.now();
  await site.redis!.stop('SIGKILL');
  trial.note(`${clients} clients; kill Redis after ${afterMs} ms, for ${downMs} ms`);
  await sleep(downMs);
  await site.startRedis(site.redisEnv);
  await sleep(afterwardsMs);
  posting = false;
  await posted;
  const back = await removeAgain(site);
  trial.note(`${back} removals of the previous trial were forgotten`);
  assertKept(
    back === 0 || killedMs - startedMs <= 1_000 * mostSeconds,
    `${back} removals were forgotten, acknowledged more than ${mostSeconds} s before the kill`,
  );
  const before = [...site.client.acknowledged.values()];
  const mayBeLost = before.filter(({ atMs }) => atMs < killedMs + NOTED_MS).map(({ id }) => id);
  const endings = await reconcile(trial, site, {
    mayBeLost: new Set(mayBeLost),
    faults: true,
    redisForgets: true,
  });
  const kept = new Set(endings.map(({ job }) => job.id));
  const lost = before.filter(({ id }) => !kept.has(id));
  return {
    jobs: lost.length,
    oldestSeconds: Math.max(0, ...lost.map(({ id }) => killedMs - askedMs.get(id)!)) / 1000,
  };
}

/** Removes the jobs whose acknowledged removal, and perhaps end, Redis forgot. */
async function removeAgain(site: Site): Promise<number> {
  const ids = await site.commands.zrange(site.keys.jobs('local'), 0, -1);
  const back = ids.filter((id) => site.client.removed.has(id));
  for (const id of back) {
    await site.client.cancel(id);
    await site.eventually(`${id} does not end`, 30_000, async () => (await site.client.job(id))!.terminal);
    await site.client.remove(id);
  }
  return back.length;
}
