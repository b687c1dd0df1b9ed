import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { type DiskFault, EVERY_CALL, FaultDisk } from '../fault-disk.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { SmallDisk } from '../small-disk.ts';
import { RESUMABLE } from '../specs.ts';

/** An atomic write is five calls; a job of a few seconds writes about four files. */
const CALLS_A_JOB = 20;
const FAULTS: readonly DiskFault[] = [
  { action: 'error', errno: 'EIO' },
  { action: 'error', errno: 'ENOSPC' },
  { action: 'short' },
  { action: 'kill' },
];

export const failingDisk: Experiment = {
  name: 'failing-disk',
  rows: [
    {
      id: 'P12',
      promise: 'Checkpoint writes are atomic: no half file is ever loaded',
      fault:
        'one call of a write (open, write, fsync, rename, fsync of the folder): EIO, ENOSPC, cut short, or killed in it',
      designN: 100,
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 190,
  missing: FaultDisk.missing,
  run: async (trial) => {
    const { random } = trial;
    const disk = await trial.lend('disk', async () => new FaultDisk('/jobs/job_'));
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 1, env: disk.env }));
    // The first two to fall due lie within the job's life.
    const nth = 1 + ((trial.number - 1) % CALLS_A_JOB);
    const fault = random.pick(FAULTS);
    trial.note(`call ${nth}: ${JSON.stringify(fault)}`);
    disk.arm(EVERY_CALL, nth, fault);
    const { id } = await site.client.create({ ...random.pick(RESUMABLE), limits: { max_seconds: 300 } });
    await site.eventually('the job does not end', 120_000, async () => {
      if (disk.fired > 0 && random.chance(0.01)) site.killTrainers();
      return (await site.client.job(id))!.terminal;
    });
    const { fired } = disk;
    disk.heal();
    await reconcile(trial, site, {
      mayFail: ({ error }) => error!.code === 'storage_unavailable' && fired > 0,
    });
    return [{ n: fired > 0 ? 1 : 0 }];
  },
};

const DISK_BYTES = 16 * 2 ** 20;
/** A checkpoint takes about as much. */
const MOST_LEFT = 600_000;

export const fullDisk: Experiment = {
  name: 'full-disk',
  rows: [
    {
      id: 'P12',
      promise: 'A full disk costs at most the jobs that end on it; no half file, and the next job succeeds',
      fault: 'a tmpfs is filled up to some hundred KB, for as long as three jobs train or for a part of it',
      designN: 20,
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 150,
  missing: SmallDisk.missing,
  parallel: 2,
  run: async (trial) => {
    const { random } = trial;
    const disk = await trial.lend('disk', async () => new SmallDisk(DISK_BYTES));
    const site = await trial.lend('site', async () => {
      const started = await Site.start({ workers: 0, concurrency: 3 });
      symlinkSync(disk.folder, join(started.dataDir, 'jobs'));
      await started.startWorker();
      return started;
    });
    const left = random.between(0, MOST_LEFT);
    disk.fill(left);
    for (const spec of random.some(3, RESUMABLE)) await site.client.create(spec);
    const freedAfterMs = random.chance(0.5) ? random.between(0, 5_000) : undefined;
    trial.note(
      `${left} bytes left; ${freedAfterMs === undefined ? 'not freed' : `freed after ${freedAfterMs} ms`}`,
    );
    if (freedAfterMs !== undefined) {
      await sleep(freedAfterMs);
      disk.free();
    }
    const endings = await reconcile(trial, site, {
      mayFail: ({ error }) => error!.code === 'storage_unavailable',
    });
    for (const { job } of endings) trial.note(`${job.id} ${job.status} ${job.error?.message ?? ''}`);
    disk.free();
    await site.client.create(random.pick(RESUMABLE));
    await reconcile(trial, site);
    return [{ n: 1 }];
  },
};

export const damagedCheckpoints: Experiment = {
  name: 'damaged-checkpoints',
  rows: [
    {
      id: 'P12',
      promise: 'A damaged checkpoint is noticed, and an earlier one is taken',
      fault: 'one bit of the newest checkpoint is flipped, and the trainer killed',
      designN: 100,
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 170,
  run: async (trial) => {
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 4 }));
    for (const spec of trial.random.some(4, RESUMABLE)) await site.client.create(spec);
    const damaged = await Promise.all(
      [...site.client.acknowledged.keys()].map((id) => damageNewest(site, id, trial)),
    );
    site.killTrainers();
    const endings = await reconcile(trial, site);
    for (const { job } of endings) {
      const epochs = damaged.filter((found) => found?.id === job.id).map((found) => found!.epoch);
      const loaded = job.attempts.find(({ from_epoch }) => epochs.includes(from_epoch));
      assertKept(
        loaded === undefined,
        `${job.id} went on from a damaged checkpoint, of epoch ${loaded?.from_epoch}`,
      );
    }
    return [{ n: damaged.filter((found) => found !== undefined).length }];
  },
};

/** Waits for a checkpoint of the job and flips one bit of it; undefined when the job was quicker. */
async function damageNewest(site: Site, id: string, { random }: Trial) {
  for (;;) {
    const [status, checkpoints] = await site.commands.hmget(site.keys.job(id), 'status', 'checkpoint');
    if (status === 'succeeded') return undefined;
    const [newest] = checkpoints ? (JSON.parse(checkpoints) as { name: string; epoch: number }[]) : [];
    const path = newest && join(site.dataDir, 'jobs', id, newest.name);
    if (path !== undefined && existsSync(path)) {
      const bytes = readFileSync(path);
      const at = random.between(0, bytes.length - 1);
      bytes[at]! ^= 1 << random.between(0, 7);
      writeFileSync(path, bytes);
      return { id, epoch: newest!.epoch };
    }
    await sleep(10);
  }
}
