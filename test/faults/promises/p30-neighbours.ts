import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, JobSchema } from '../../../src/contract/job.ts';
import { ApiKeys } from '../../../src/store/api-keys.ts';
import { assertKept, Broken, type Experiment, type Trial } from '../experiment.ts';
import { inParallel } from '../reconcile.ts';
import { Site } from '../site.ts';

const SLOTS = 2;
const JOBS = 1000;
const NEIGHBOURS = 10;
const SPEC = { dataset: 'mnist_sample', engine: 'wasm', training: { epochs: 10 }, cache: false };
const GIVE_UP_MS = 60_000;

export const neighbours: Experiment = {
  name: 'neighbours',
  rows: [
    {
      id: 'P30',
      promise: "Noisy neighbours are bounded: another owner's job starts within one job's duration",
      fault: `one owner has posted ${JOBS} jobs, then another posts one; ${SLOTS} slots; n counts such posts`,
      designN: 20,
      figure: "of the longest job's duration that it waited (<= 1)",
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 150,
  run: async (trial) => {
    const env = { AUTH: 'keys', QUOTA_QUEUED_JOBS: '2000', QUOTA_REQUESTS_PER_MINUTE: '1000000' };
    const site = await Site.start({ workers: 1, concurrency: SLOTS, env });
    try {
      return await amongNeighbours(trial, site);
    } finally {
      await site.close();
    }
  },
};

async function amongNeighbours(trial: Trial, site: Site) {
  const [noisy, quiet] = await Promise.all(['noisy', 'quiet'].map((owner) => ownerOf(site, owner)));
  // Until it knows the slots, an installation releases everything of one owner.
  await site.eventually('the slots are unknown', 30_000, async () => {
    return (await site.commands.hget(site.keys.share, 'slots')) === String(SLOTS);
  });
  const ids: string[] = [];
  await inParallel(
    5,
    Array.from({ length: JOBS }, (_, k) => k),
    async () => ids.push((await noisy!.create()).id),
  );
  let worst = 0;
  for (let k = 0; k < NEIGHBOURS; k += 1) {
    await sleep(trial.random.between(0, 500));
    const { id } = await quiet!.create();
    const job = await quiet!.until(id, ({ started_at }) => started_at !== null);
    const waitedMs = Date.parse(job.started_at!) - Date.parse(job.created_at);
    await quiet!.until(id, ({ terminal }) => terminal);
    const done = (await noisy!.list()).filter(({ terminal }) => terminal);
    const longestMs = Math.max(
      ...done.map(({ started_at, finished_at }) => Date.parse(finished_at!) - Date.parse(started_at!)),
    );
    trial.note(`waited ${waitedMs} ms; the longest of ${done.length} jobs took ${longestMs} ms`);
    worst = Math.max(worst, waitedMs / longestMs);
  }
  assertKept(worst <= trial.patience, `a job waited ${worst.toFixed(2)} times the longest job's duration`);
  return [{ n: NEIGHBOURS, worst }];
}

async function ownerOf(site: Site, owner: string) {
  const keys = new ApiKeys(site.commands, site.keys);
  const { text } = await keys.create({ name: owner, owner, role: 'writer', lifetimeMs: undefined });
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${text}`, 'content-type': 'application/json' };
    const response = await site.fetch(path, { ...init, headers });
    const body = await response.text();
    if (!response.ok) throw new Broken(`${path} was answered ${response.status}: ${body}`);
    return JSON.parse(body) as unknown;
  };
  const job = async (id: string) => JobSchema.parse(await ask(`/jobs/${id}`));
  return {
    create: async () => JobSchema.parse(await ask('/jobs', { method: 'POST', body: JSON.stringify(SPEC) })),
    /** Jobs that have succeeded. */
    list: async () => {
      const { data } = (await ask('/jobs?limit=100&status=succeeded')) as { data: Job[] };
      return data;
    },
    until: async (id: string, isTrue: (job: Job) => boolean): Promise<Job> => {
      let found = await job(id);
      await site.eventually(`${id} is ${found.status}`, GIVE_UP_MS, async () => {
        found = await job(id);
        return isTrue(found);
      });
      return found;
    },
  };
}
