import { percentile } from './percentile.ts';
import { machine, RunningDescent } from './running-descent.ts';

/**
 * Measures how quickly the API answers while two jobs train, and the memory of all processes.
 * Requests are sent at a fixed rate, answered or not, so a slow server cannot slow down its clients.
 */
const SECONDS = Number(process.argv[2] ?? 30);
const PER_SECOND = 50;

/** The slow engine, because the jobs must last for the whole measurement. */
const LONG = { engine: 'reference', training: { epochs: 100 } };

const descent = await RunningDescent.start({ WORKER_CONCURRENCY: '2' });
const ids = [await descent.create(LONG), await descent.create(LONG)];
for (const id of ids) for await (const { type } of descent.watch(id)) if (type === 'job.epoch') break;

const tookMs: number[] = [];
const under: Promise<void>[] = [];
for (let i = 0; i < SECONDS * PER_SECOND; i++) {
  const startedMs = performance.now();
  under.push(
    fetch(`${descent.url}/jobs/${ids[i % 2]}`)
      .then((response) => response.text())
      .then(() => void tookMs.push(performance.now() - startedMs)),
  );
  await new Promise((resolve) => setTimeout(resolve, 1000 / PER_SECOND));
}
await Promise.all(under);
const ms = (share: number) => `${percentile(tookMs, share).toFixed(1)} ms`;
console.log(machine());
console.log(`GET /jobs/{id}, two jobs training, ${PER_SECOND}/s, n = ${tookMs.length}:`);
console.log(`  p50 ${ms(0.5)}, p90 ${ms(0.9)}, p99 ${ms(0.99)}, worst ${ms(1)}`);
for (const { what, nowMb, peakMb } of descent.memory())
  console.log(`  ${what}: ${nowMb} MB (peak ${peakMb})`);
for (const id of ids) await descent.cancel(id);
await descent.stop();
