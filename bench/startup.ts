import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'rolldown';
import { z } from 'zod';
import { percentile } from './percentile.ts';
import { machine } from './running-descent.ts';

/** Measures the ms from fork to an engine with MNIST in memory, with all modules bundled into one file like a trainer's. */
const FORKS = Number(process.argv[2] ?? 20);
const BUNDLE = resolve('dist/bench/startup-child.bundle.js');
const TimesSchema = z.object({ modulesMs: z.number(), engineMs: z.number() });

await build({
  input: 'dist/bench/startup-child.js',
  platform: 'node',
  logLevel: 'warn',
  output: { file: BUNDLE, format: 'esm' },
});
console.log(`${machine()}; n = ${FORKS} forks each, median (best) in ms`);
for (const engine of ['native', 'wasm']) {
  await measure(engine);
  const runs = [];
  for (let run = 0; run < FORKS; run += 1) runs.push(await measure(engine));
  const figure = (values: number[]) =>
    `${percentile(values, 0.5).toFixed(0)} (${Math.min(...values).toFixed(0)})`;
  console.log(
    `${engine}: fork to ready ${figure(runs.map(({ totalMs }) => totalMs))}, of which Node and modules ` +
      `${figure(runs.map(({ modulesMs }) => modulesMs))}, dataset and engine ${figure(runs.map(({ engineMs }) => engineMs))}`,
  );
}

async function measure(engine: string) {
  const startedMs = performance.now();
  const child: ChildProcess = fork(BUNDLE, [engine, join(tmpdir(), 'descent-bench')], { execArgv: [] });
  const [message] = await once(child, 'message');
  const totalMs = performance.now() - startedMs;
  await once(child, 'exit');
  return { totalMs, ...TimesSchema.parse(message) };
}
