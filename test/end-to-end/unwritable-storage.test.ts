import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Readiness, WorkerListSchema } from '../../src/contract/installation.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

const workersOf = async (descent: Installation) =>
  WorkerListSchema.parse(await (await descent.fetch('/workers')).json()).data;

const checksOf = async (descent: Installation) =>
  ((await (await descent.fetch('/readyz')).json()) as Readiness).checks;

const until = (descent: Installation, problems: unknown[]) =>
  expect
    .poll(async () => (await workersOf(descent)).map(({ problem }) => problem), { timeout: 60_000 })
    .toEqual(problems);

/** A way to break a DATA_DIR. */
interface Breakage {
  /** Called before a worker starts. */
  break(dataDir: string): void;
  mend(dataDir: string): void;
  reason: string;
}

function disk(how: { break: (small: SmallDisk) => void; mend: (small: SmallDisk) => void }, reason: string) {
  return (): Breakage => {
    const small = new SmallDisk(64 * 2 ** 20);
    onTestFinished(() => small.close());
    return {
      break(dataDir) {
        mkdirSync(join(small.folder, 'jobs'));
        symlinkSync(join(small.folder, 'jobs'), join(dataDir, 'jobs'));
        how.break(small);
      },
      mend: () => how.mend(small),
      reason,
    };
  };
}

const unmountable = SmallDisk.missing();
if (unmountable !== undefined) console.warn(`skipped: full and read-only disks. ${unmountable}`);

const file = (name: string) => (): Breakage => ({
  break: (dataDir) => writeFileSync(join(dataDir, name), ''),
  mend: (dataDir) => rmSync(join(dataDir, name)),
  reason: '',
});

const BREAKAGES: [string, () => Breakage, boolean][] = [
  ['a file in the place of the folder of the jobs', file('jobs'), true],
  ['a file in the place of the folder of the datasets', file('datasets'), true],
  [
    'a read-only mount',
    disk({ break: (d) => d.remount('ro'), mend: (d) => d.remount('rw') }, 'EROFS: read-only file system.'),
    unmountable === undefined,
  ],
  [
    'a full disk',
    disk({ break: (d) => d.fill(0), mend: (d) => d.free() }, 'ENOSPC: no space left on device.'),
    unmountable === undefined,
  ],
];

describe('a worker that cannot write its DATA_DIR', () => {
  it.each(BREAKAGES.filter(([, , possible]) => possible))(
    'takes no job, reports why, and recovers unaided: %s',
    async (_name, make) => {
      const storage = make();
      const descent = await Installation.start({ workers: 0 });
      storage.break(descent.dataDir);
      const worker = await descent.startWorker();
      const { id } = await descent.create(SMALL);
      await until(descent, [expect.stringContaining(`cannot be written: ${storage.reason}`)]);
      expect((await checksOf(descent)).workers).toContain('The only worker takes no jobs at the moment.');
      expect(await descent.job(id)).toMatchObject({ status: 'queued', attempts: [] });

      storage.mend(descent.dataDir);
      await descent.toEnd(id);
      expect(await descent.job(id)).toMatchObject({ status: 'succeeded', attempts: [{ attempt: 1 }] });
      await until(descent, [null]);
      expect((await checksOf(descent)).workers).toBe('ok');
      expect(worker.alive).toBe(true);
    },
  );

  it('ends in time when it is asked to', async () => {
    const descent = await Installation.start({ workers: 0 });
    writeFileSync(join(descent.dataDir, 'jobs'), '');
    const worker = await descent.startWorker();
    const { id } = await descent.create(SMALL);
    expect(await worker.stop()).toBe(0);
    expect(await descent.job(id)).toMatchObject({ status: 'queued', attempts: [] });
  });

  it('leaves its jobs to a worker that can', async () => {
    const descent = await Installation.start({ workers: 0 });
    const broken = join(descent.dataDir, 'broken');
    writeFileSync(broken, '');
    await descent.startWorker({ DATA_DIR: broken });
    const healthy = await descent.startWorker();
    const ids = await Promise.all(Array.from({ length: 6 }, async () => (await descent.create(SMALL)).id));
    for (const id of ids) {
      await descent.toEnd(id);
      const job = await descent.job(id);
      expect(job.status).toBe('succeeded');
      expect(descent.workerOf(job)).toBe(healthy);
    }
    expect((await checksOf(descent)).workers).toBe('ok');
  });

  it.skipIf(unmountable !== undefined)(
    'takes the next job when the storage works again after one has failed',
    async () => {
      const small = new SmallDisk(64 * 2 ** 20);
      onTestFinished(() => small.close());
      const descent = await Installation.start({ workers: 0 });
      symlinkSync(small.folder, join(descent.dataDir, 'jobs'));
      const worker = await descent.startWorker();
      await descent.toEnd((await descent.create(SMALL)).id);

      small.fill(0);
      const failing = await descent.create(SMALL);
      await descent.until(failing.id, 'job.running');
      const waiting = await descent.create(SMALL);
      await descent.toEnd(failing.id);
      expect(await descent.job(failing.id)).toMatchObject({
        status: 'failed',
        error: { code: 'storage_unavailable', retryable: true },
      });
      await until(descent, [expect.stringContaining('ENOSPC')]);
      expect(await descent.job(waiting.id)).toMatchObject({ status: 'queued', attempts: [] });

      small.free();
      await descent.toEnd(waiting.id);
      expect(await descent.job(waiting.id)).toMatchObject({ status: 'succeeded' });
      expect(worker.alive).toBe(true);
    },
  );
});
