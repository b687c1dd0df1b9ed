import { percentile } from './percentile.ts';
import { machine, RunningDescent } from './running-descent.ts';

/** Measures how long a POST takes that is answered with the result of an earlier job, beside the training of that. */
const TIMES = Number(process.argv[2] ?? 50);

const descent = await RunningDescent.start();
const startedMs = performance.now();
const first = await descent.create({});
for await (const _ of descent.watch(first));
const trainedMs = performance.now() - startedMs;
const tookMs: number[] = [];
for (let i = 0; i < TIMES; i++) {
  const postedMs = performance.now();
  const response = await fetch(`${descent.url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  const { cached_from } = (await response.json()) as { cached_from: string | null };
  tookMs.push(performance.now() - postedMs);
  if (cached_from !== first) throw new Error(`the answer ${response.status} has no cached result`);
}
const ms = (share: number) => `${percentile(tookMs, share).toFixed(1)} ms`;
console.log(machine());
console.log(`POST /jobs {}, trained: ${(trainedMs / 1000).toFixed(2)} s from POST to result`);
console.log(`POST /jobs {}, cached, n = ${TIMES}: p50 ${ms(0.5)}, p90 ${ms(0.9)}, worst ${ms(1)}`);
await descent.stop();
