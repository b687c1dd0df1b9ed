import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { RESUMABLE, tinySpec } from '../specs.ts';

const FINISHED = 4;
const RUNNING = 2;

export const backup: Experiment = {
  name: 'backup',
  rows: [
    {
      id: 'P36',
      promise: 'A backup restores: all jobs, metrics and files; running jobs resume with the same bits',
      fault:
        'the installation is stopped or killed in mid-job, its two folders are copied, and another installation starts on the copies; n counts restores',
      designN: 5,
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 180,
  run: async (trial) => {
    const { random } = trial;
    const site = await Site.start({ workers: 1, concurrency: RUNNING });
    let copy: Site | undefined;
    try {
      for (let k = 0; k < FINISHED; k += 1) await site.client.create(tinySpec(random));
      await site.allEnded(60_000);
      const views = await Promise.all([...site.client.acknowledged.keys()].map((id) => viewOf(site, id)));
      for (const spec of random.some(RUNNING, RESUMABLE)) await site.client.create(spec);
      await sleep(random.between(0, 4_000));
      const how = random.pick(['SIGTERM', 'SIGKILL'] as const);
      trial.note(`stopped by ${how}`);
      // Redis last, as operations.md says.
      for (const started of [...site.apis, ...site.workers]) await started.stop(how);
      await site.redis!.stop('SIGTERM');
      copy = Site.bare({ workers: 1, concurrency: RUNNING, env: { KEY_PREFIX: site.keyPrefix } });
      // The append-only file has the second name up to Redis 6.2.
      for (const name of ['appendonlydir', 'appendonly.aof', 'jobs'].filter((name) =>
        existsSync(join(site.dataDir, name)),
      )) {
        rmSync(join(copy.dataDir, name), { recursive: true, force: true });
        cpSync(join(site.dataDir, name), join(copy.dataDir, name), { recursive: true, force: true });
      }
      await copy.startRedis();
      await copy.startApi();
      await copy.startWorker();
      await copy.ready();
      for (const [id, entry] of site.client.acknowledged) copy.client.acknowledged.set(id, entry);
      for (const view of views) {
        assertKept(
          (await viewOf(copy, view.id)).text === view.text,
          `${view.id} is not what it was before the backup`,
        );
      }
      await reconcile(trial, copy, { faults: true });
      return [{ n: 1 }];
    } finally {
      await copy?.close();
      await site.close();
    }
  },
};

async function viewOf(site: Site, id: string): Promise<{ id: string; text: string }> {
  const parts = await Promise.all(
    ['', '/metrics', '/events?limit=1000', '/evaluation'].map(async (path) =>
      (await site.fetch(`/jobs/${id}${path}`)).text(),
    ),
  );
  return { id, text: parts.join('\n') };
}
