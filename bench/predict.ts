import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDataset } from '../src/dataset/prepared.ts';
import { DATASETS } from '../src/dataset/registry.ts';
import { percentile } from './percentile.ts';
import { machine, RunningDescent } from './running-descent.ts';

/** How long a prediction takes while two jobs train: one image at a time, 50 a second, and 1,000 rows at once. */

const A_SECOND = 50;
const SECONDS = 20;
const MANY = 1_000;
const TIMES = 30;

const folder = join(tmpdir(), 'descent-bench');
mkdirSync(folder, { recursive: true });
const dataset = await openDataset(DATASETS.mnist_sample.shape, folder);
const images = new Uint8Array(MANY * dataset.shape.inputs);
dataset.test.readValues(images, 0);
dataset.close();
const one = images.subarray(0, DATASETS.mnist_sample.shape.inputs);

const descent = await RunningDescent.start({ WORKER_CONCURRENCY: '2' });
const id = await descent.create({ training: { epochs: 1 } });
for await (const _ of descent.watch(id));
const training = await Promise.all(
  [1, 2].map((seed) => descent.create({ training: { epochs: 1000, seed } })),
);

/** In ms, from the time when the request was due. */
async function ask(body: Uint8Array, dueMs = performance.now()): Promise<number> {
  const response = await fetch(`${descent.url}/jobs/${id}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Uint8Array.from(body),
  });
  if (response.status !== 200) throw new Error(await response.text());
  await response.arrayBuffer();
  return performance.now() - dueMs;
}

const line = (what: string, ms: readonly number[]) => {
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => percentile(ms, share).toFixed(1));
  console.log(`${what.padEnd(36)} p50 ${p50} ms, p99 ${p99} ms, most ${most} ms (n = ${ms.length})`);
};

console.log(`${machine()}; two jobs train`);
for (let k = 0; k < 20; k += 1) await ask(one);
const asked: Promise<number>[] = [];
const startMs = performance.now();
for (let k = 0; k < A_SECOND * SECONDS; k += 1) {
  const dueMs = startMs + (1000 * k) / A_SECOND;
  await sleep(Math.max(0, dueMs - performance.now()));
  asked.push(ask(one, dueMs));
}
line(`one image, ${A_SECOND} a second`, await Promise.all(asked));
const many: number[] = [];
for (let k = 0; k < TIMES; k += 1) many.push(await ask(images));
line(`${MANY} rows as bytes`, many);
for (const job of training) await descent.cancel(job);
await descent.stop();
