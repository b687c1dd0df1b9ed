import { readdirSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dataset } from '../../../src/contract/dataset.ts';
import type { Job } from '../../../src/contract/job.ts';
import { assertKept, Broken, type Experiment, type Trial } from '../experiment.ts';
import { CALLS, FaultDisk } from '../fault-disk.ts';
import type { Random } from '../random.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';

const NAME = 'trial';
const UPLOADS = 4;
/** An upload makes about so many calls that write. */
const WRITES = 6;
const END_MS = 60_000;

export const uploads: Experiment = {
  name: 'uploads',
  rows: [
    {
      id: 'P40',
      promise:
        'An upload exists whole or not at all: nothing of it is listed or left, and the same can be sent again',
      fault: 'the client is gone, or the API killed, after a random byte',
      designN: 100,
    },
    {
      id: 'P40',
      promise: 'An upload that finds the disk full is a 507, and leaves nothing',
      fault: 'one write of the API or of the process that reads, into DATA_DIR/datasets, gets ENOSPC',
      designN: 100,
    },
    {
      id: 'P41',
      promise:
        'Of several uploads of one name one wins: the others get a 200 for the same content, else a 409',
      fault: `${UPLOADS} at once, of two contents`,
      designN: 100,
    },
    {
      id: 'P42',
      promise: 'A dataset that is deleted while a job is created: either the job runs, or it is refused',
      fault: 'POST /jobs and DELETE at once',
      designN: 100,
    },
    {
      id: 'P43',
      promise:
        'A job whose worker lacks the rows fails with dataset_unavailable, and the same upload repairs it',
      fault: 'the file of the rows is removed',
      designN: 100,
    },
  ],
  n: 10,
  shortN: 1,
  seconds: 35,
  missing: FaultDisk.missing,
  run: async (trial) => {
    const disk = await trial.lend('disk', async () => new FaultDisk('/datasets/'));
    const site = await trial.lend('site', async () => {
      const started = Site.bare({ concurrency: 1 });
      await started.startRedis({});
      await started.startApi(disk.env);
      await started.startWorker();
      return started;
    });
    await site.ready();
    await cutOff(trial, site, disk);
    const full = await fillDisk(trial, site, disk);
    await race(trial, site);
    await deleteMeanwhile(trial, site);
    await loseRows(trial, site);
    await reconcile(trial, site);
    return [{ n: 1 }, { n: full }, { n: 1 }, { n: 1 }, { n: 1 }];
  },
};

const table = (random: Random): string =>
  Array.from(
    { length: random.between(30, 3_000) },
    (_, i) => `${random.between(0, 999)},${i % 13},c${i % 3}`,
  ).join('\n');

const put = async (site: Site, body: string) =>
  await site.fetch(`/datasets/${NAME}?format=csv`, { method: 'PUT', body });

const remove = async (site: Site) => await site.fetch(`/datasets/${NAME}`, { method: 'DELETE' });

async function expectStatus(response: Response, status: number, what: string): Promise<string> {
  const text = await response.text();
  assertKept(response.status === status, `${what}: ${response.status} ${text}`);
  return text;
}

const ownFiles = (site: Site): string[] =>
  readdirSync(join(site.dataDir, 'datasets')).filter((name) => /^(\.upload-|[0-9a-f]{64}\.)/.test(name));

async function nothingThere(site: Site, what: string): Promise<void> {
  const { data } = (await (await site.fetch('/datasets')).json()) as { data: Dataset[] };
  const listed = data.filter((dataset) => !dataset.built_in).map(({ name }) => name);
  assertKept(listed.length === 0, `${what}: ${listed} is listed`);
  await site.eventually(`${what}: files are left`, END_MS, () => ownFiles(site).length === 0);
}

async function cutOff(trial: Trial, site: Site, disk: FaultDisk): Promise<void> {
  const { random } = trial;
  const body = table(random);
  const byte = random.between(0, body.length - 1);
  const killsApi = random.chance(0.3);
  trial.note(`${killsApi ? 'the API is killed' : 'the client is gone'} after byte ${byte} of ${body.length}`);
  await new Promise<void>((resolve) => {
    const headers = { 'content-length': body.length };
    const request = httpRequest(`${site.address}/datasets/${NAME}?format=csv`, { method: 'PUT', headers });
    request.once('error', () => resolve());
    request.once('close', () => resolve());
    request.write(body.slice(0, byte), () => {
      if (killsApi) void site.apis.at(-1)!.killTree();
      else request.destroy();
    });
  });
  if (killsApi) {
    await site.apis.at(-1)!.ended;
    await site.startApi(disk.env);
    await site.ready();
    // A worker removes it an hour later.
    for (const name of ownFiles(site)) {
      assertKept(name.startsWith('.upload-'), `${name} is left of a killed upload`);
      rmSync(join(site.dataDir, 'datasets', name), { recursive: true });
    }
  }
  await nothingThere(site, 'after an upload that was cut off');
  await expectStatus(await put(site, body), 201, 'the same upload again');
  await expectStatus(await remove(site), 204, 'its removal');
}

/** @returns how many faults there were. */
async function fillDisk(trial: Trial, site: Site, disk: FaultDisk): Promise<number> {
  const body = table(trial.random);
  const nth = trial.random.between(1, WRITES);
  const before = disk.fired;
  disk.arm(CALLS.write, nth, { action: 'error', errno: 'ENOSPC' });
  const response = await put(site, body);
  const fired = disk.fired > before;
  disk.heal();
  trial.note(`write ${nth} gets ENOSPC: ${fired ? 'met' : 'not met'}, ${response.status}`);
  const text = await expectStatus(response, fired ? 507 : 201, 'an upload to a full disk');
  if (fired) {
    assertKept(text.includes('datasets_full'), text);
    await nothingThere(site, 'after an upload to a full disk');
    await expectStatus(await put(site, body), 201, 'the same upload with room');
  }
  await expectStatus(await remove(site), 204, 'its removal');
  return fired ? 1 : 0;
}

async function race(trial: Trial, site: Site): Promise<void> {
  const contents = [table(trial.random), table(trial.random)];
  const bodies = Array.from({ length: UPLOADS }, (_, i) => contents[i % 2]!);
  const answers = await Promise.all(bodies.map((body) => put(site, body)));
  const statuses = answers.map(({ status }) => status);
  trial.note(`${UPLOADS} uploads at once: ${statuses}`);
  assertKept(statuses.filter((status) => status === 201).length === 1, `not one winner: ${statuses}`);
  const won = statuses.indexOf(201);
  for (const [i, status] of statuses.entries()) {
    if (i === won) continue;
    const expected = bodies[i] === bodies[won] ? 200 : 409;
    assertKept(status === expected, `upload ${i} got ${status}, not ${expected}`);
  }
  await expectStatus(await remove(site), 204, 'its removal');
  await nothingThere(site, 'after several uploads');
}

const SPEC = { dataset: NAME, training: { epochs: 2, batch_size: 4 } };

async function ended(site: Site, id: string): Promise<Job> {
  let job: Job | undefined;
  await site.eventually(`${id} does not end`, END_MS, async () => {
    job = await site.job(id);
    return job.terminal;
  });
  return job!;
}

async function removeJob(site: Site, id: string): Promise<void> {
  await expectStatus(await site.fetch(`/jobs/${id}`, { method: 'DELETE' }), 204, 'the removal of a job');
}

async function deleteMeanwhile(trial: Trial, site: Site): Promise<void> {
  await expectStatus(await put(site, table(trial.random)), 201, 'an upload');
  const laterMs = trial.random.between(0, 30);
  const moves = [
    () => site.post(SPEC),
    async () => {
      await sleep(laterMs);
      return await remove(site);
    },
  ];
  const swapped = trial.random.chance(0.5);
  if (swapped) moves.reverse();
  const answers = await Promise.all(moves.map((move) => move()));
  const [created, removed] = swapped ? answers.toReversed() : answers;
  trial.note(`a job, and a delete ${laterMs} ms later: ${created!.status}, ${removed!.status}`);
  if (created!.status === 202) {
    assertKept(removed!.status === 409, `the dataset of a live job was deleted: ${removed!.status}`);
    const { id } = (await created!.json()) as Job;
    const job = await ended(site, id);
    assertKept(job.status === 'succeeded', `the job ended as ${job.status}: ${job.error?.message}`);
    await removeJob(site, id);
    await expectStatus(await remove(site), 204, 'the removal after the job');
    return;
  }
  assertKept(created!.status === 422 && removed!.status === 204, `${created!.status}, ${removed!.status}`);
}

async function loseRows(trial: Trial, site: Site): Promise<void> {
  const body = table(trial.random);
  const text = await expectStatus(await put(site, body), 201, 'an upload');
  const { sha256 } = JSON.parse(text) as Dataset;
  rmSync(join(site.dataDir, 'datasets', `${sha256}.prepared`));
  const lost = await ended(site, (await site.create(SPEC)).id);
  const { code, message } = lost.error ?? {};
  if (code !== 'dataset_unavailable' || !message!.includes(`upload the same file to ${NAME} again`))
    throw new Broken(`a job without rows ended as ${lost.status}: ${code} ${message}`);
  await expectStatus(await put(site, body), 200, 'the same upload');
  const found = await ended(site, (await site.create(SPEC)).id);
  assertKept(
    found.status === 'succeeded',
    `the repaired job ended as ${found.status}: ${found.error?.message}`,
  );
  for (const { id } of [lost, found]) await removeJob(site, id);
  await expectStatus(await remove(site), 204, 'the removal in the end');
}
