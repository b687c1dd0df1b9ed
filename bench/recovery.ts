import { percentile } from './percentile.ts';
import { machine, RunningDescent } from './running-descent.ts';

/**
 * Measures the seconds from kill -9 of a worker in the middle of a job to the next computed step, with default settings.
 * `npm start` restarts the worker; the lease of the dead one must expire first.
 */
const KILLS = Number(process.argv[2] ?? 10);

/** The slow engine, because the job must last for the whole measurement. */
const LONG = { engine: 'reference', training: { epochs: 100 } };

const descent = await RunningDescent.start({ WORKER_CONCURRENCY: '1' });
const seconds: number[] = [];
for (let kill = 1; kill <= KILLS; kill++) {
  const id = await descent.create(LONG);
  let killedMs: number | undefined;
  let startedAgain = false;
  for await (const event of descent.watch(id)) {
    if (killedMs === undefined && (event.type === 'job.epoch' || event.type === 'job.progress')) {
      const { attempts } = await descent.job(id);
      process.kill(Number(attempts[0].worker.split('/').at(-1)), 'SIGKILL');
      killedMs = performance.now();
    } else if (killedMs !== undefined && event.type === 'job.running') {
      startedAgain = true;
    } else if (killedMs !== undefined && startedAgain) {
      seconds.push((performance.now() - killedMs) / 1000);
      break;
    }
  }
  console.log(`kill ${kill}: ${seconds.at(-1)!.toFixed(1)} s`);
  await descent.cancel(id);
}
console.log(machine());
console.log(
  `kill -9 to the next reported step, n = ${seconds.length}: ` +
    `median ${percentile(seconds, 0.5).toFixed(1)} s, worst ${Math.max(...seconds).toFixed(1)} s`,
);
await descent.stop();
