import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTerminal, type Job } from '../../../src/contract/job.ts';
import { signalAll } from '../../support/processes.ts';
import { SmallDisk } from '../../support/small-disk.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { CALLS, type DiskFault, EVERY_CALL, FaultDisk } from '../fault-disk.ts';
import type { Random } from '../random.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { LONG, RESUMABLE } from '../specs.ts';

/** An atomic write is five calls; a job of a few seconds writes about four files. */
const CALLS_A_JOB = 20;
const WRITES_A_JOB = 4;
const FAULTS: readonly DiskFault[] = [
  { action: 'error', errno: 'EIO' },
  { action: 'error', errno: 'ENOSPC' },
  { action: 'short' },
  { action: 'kill' },
];

/** A checkpoint that cannot be written costs time; only a model or an evaluation that cannot be written fails the job. */
const failedAtItsEnd = ({ error, progress, spec }: Job): boolean =>
  error!.code === 'storage_unavailable' && progress.epoch === spec.training.epochs;

export const failingDisk: Experiment = {
  name: 'failing-disk',
  rows: [
    {
      id: 'P12',
      promise: 'Checkpoint writes are atomic: no partial file is ever loaded',
      fault:
        'one call of a write (open, write, fsync, rename, fsync of the folder) gets EIO or ENOSPC, is cut short, or the process dies in it; the trainer is killed soon after',
      designN: 100,
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 80,
  missing: FaultDisk.missing,
  run: async (trial) => {
    const { random } = trial;
    const disk = await trial.lend('disk', async () => new FaultDisk('/jobs/job_'));
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 1, env: disk.env }));
    const fault = random.pick(FAULTS);
    const short = fault.action === 'short';
    const nth = 1 + ((trial.number - 1) % (short ? WRITES_A_JOB : CALLS_A_JOB));
    const killAfterMs = random.between(0, 1_500);
    trial.note(`${short ? 'write' : 'call'} ${nth}: ${JSON.stringify(fault)}`);
    disk.arm(short ? CALLS.write : EVERY_CALL, nth, fault);
    const { id } = await site.client.create(random.pick(LONG));
    const hasEnded = async () => (await site.client.job(id))!.terminal;
    await site.eventually(
      'the job neither ends nor meets the fault',
      120_000,
      async () => disk.fired > 0 || (await hasEnded()),
    );
    await sleep(killAfterMs);
    // The kill makes the next attempt read what is on the disk now.
    if (!(await hasEnded()))
      trial.note(`${killAfterMs} ms after the fault, ${site.killTrainers()} trainers killed`);
    await site.allEnded(120_000);
    const { fired } = disk;
    disk.heal();
    await reconcile(trial, site, { faults: true, mayFail: (job) => fired > 0 && failedAtItsEnd(job) });
    return [{ n: fired > 0 ? 1 : 0 }];
  },
};

const DISK_BYTES = 16 * 2 ** 20;
/** About the size of a checkpoint. */
const MOST_LEFT = 600_000;

export const fullDisk: Experiment = {
  name: 'full-disk',
  rows: [
    {
      id: 'P12',
      promise:
        'A full disk fails at most the jobs that end while it is full; no partial file, and the next job succeeds',
      fault: 'a tmpfs is filled except for some hundred KB, while three jobs train or for part of that time',
      designN: 20,
    },
    {
      id: 'P29',
      promise: 'A full disk of DATA_DIR is survivable: the last checkpoint stays intact, failures say why',
      fault: 'the same',
      designN: 20,
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 100,
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
    const loggedBefore = site.logged('ENOSPC');
    const left = random.between(0, MOST_LEFT);
    disk.fill(left);
    for (const spec of random.some(3, RESUMABLE)) await site.client.create(spec);
    // No checkpoint is due before that.
    const freedAfterMs = random.chance(0.5) ? random.between(2_000, 6_000) : undefined;
    trial.note(
      `${left} bytes left; ${freedAfterMs === undefined ? 'not freed' : `freed after ${freedAfterMs} ms`}`,
    );
    if (freedAfterMs !== undefined) {
      await sleep(freedAfterMs);
      disk.free();
    }
    const endings = await reconcile(trial, site, { mayFail: failedAtItsEnd });
    for (const { job } of endings) trial.note(`${job.id} ${job.status} ${job.error?.message ?? ''}`);
    const full =
      site.logged('ENOSPC') > loggedBefore ||
      endings.some(({ job }) => job.error?.message.includes('ENOSPC') === true);
    disk.free();
    await site.client.create(random.pick(RESUMABLE));
    await reconcile(trial, site);
    const proof = { n: full ? 1 : 0 };
    return [proof, proof];
  },
};

const JOBS = 4;

export const damagedCheckpoints: Experiment = {
  name: 'damaged-checkpoints',
  rows: [
    {
      id: 'P12',
      promise: 'A damaged checkpoint is detected, and an earlier one is used',
      fault: 'one bit of the newer of two checkpoints is flipped, and the trainer is killed',
      designN: 100,
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 80,
  run: async (trial) => {
    // One job per worker, so that the killed trainer's job is known.
    const site = await trial.lend('site', () => Site.start({ workers: JOBS, concurrency: 1 }));
    for (const spec of trial.random.some(JOBS, LONG)) await site.client.create(spec);
    const damages = await Promise.all(
      [...site.client.acknowledged.keys()].map((id) => damageNewest(site, id, trial.random.strand(), trial)),
    );
    const endings = await reconcile(trial, site, { faults: true });
    const struck = damages.filter((damage) => damage !== undefined);
    for (const { id, attempt, epoch, otherEpoch } of struck) {
      const next = endings.find(({ job }) => job.id === id)!.job.attempts[attempt];
      assertKept(
        next.from_epoch === otherEpoch,
        `${id}: the checkpoint of epoch ${epoch} was damaged, that of ${otherEpoch} was intact, but it continued from ${next.from_epoch}`,
      );
    }
    return [{ n: struck.length }];
  },
};

interface Damage {
  id: string;
  /** The attempt whose trainer was killed. */
  attempt: number;
  /** Epochs of the damaged checkpoint and of the one before it. */
  epoch: number;
  otherEpoch: number;
}

/**
 * Waits until a job has two checkpoints, flips one bit of the newest and kills the trainer.
 * @returns undefined when the job ended first or wrote another checkpoint.
 */
async function damageNewest(
  site: Site,
  id: string,
  random: Random,
  trial: Trial,
): Promise<Damage | undefined> {
  let found = await lookAt(site, id);
  await site.eventually(`${id} has no two checkpoints`, 60_000, async () => {
    found = await lookAt(site, id);
    return found.ended || found.checkpoints.length === 2;
  });
  if (found.ended) return undefined;
  const [newest, other] = found.checkpoints;
  const job = (await site.client.job(id))!;
  const attempt = job.attempts.length;
  const trainers = site.trainersOf(site.workerOf(job));
  const path = join(site.dataDir, 'jobs', id, newest!.name);
  const bytes = readFileSync(path);
  const bit = Math.floor(random.fraction() * 8 * bytes.length);
  bytes[bit >> 3] ^= 1 << (bit & 7);
  writeFileSync(path, bytes);
  signalAll(trainers, 'SIGKILL');
  trial.note(`${id}: bit ${bit} of ${newest!.name} flipped, the trainer killed`);
  await site.eventually(`${id} is not started again`, 60_000, async () => {
    found = await lookAt(site, id);
    return found.ended || found.attempt > attempt;
  });
  const own = found.checkpoints.filter(({ name }) => name.startsWith(`${attempt}-`));
  if (found.attempt === attempt || own[0]?.name !== newest!.name) return undefined;
  return { id, attempt, epoch: newest!.epoch, otherEpoch: other!.epoch };
}

/** Reads the record directly, because the API does not show checkpoints. */
async function lookAt(site: Site, id: string) {
  const [status, attempt, checkpoint] = await site.commands.hmget(
    site.keys.job(id),
    'status',
    'attempt',
    'checkpoint',
  );
  return {
    ended: isTerminal(status as Job['status']),
    attempt: Number(attempt),
    checkpoints: checkpoint ? (JSON.parse(checkpoint) as { name: string; epoch: number }[]) : [],
  };
}
