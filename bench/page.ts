import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core';
import { JobListSchema } from '../src/contract/job.ts';
import { percentile } from './percentile.ts';
import { writeService } from './results-file.ts';
import { machine, RunningDescent } from './running-descent.ts';
import { scriptingOf } from './trace.ts';

/** What the page costs a browser: bytes, first paint, requests while nothing happens, scripting a frame, memory. */
const HELP = `npm run bench:page -- [--minutes M] [--write]
  --minutes M   of the page open while four jobs stream, for its memory (60)
  --write       keep the figures in bench/RESULTS.md
Needs Debian's chromium.`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const MINUTES = Number(options.minutes);

const WEB = 'dist/web';
const PAINTS = 20;
const IDLE_SECONDS = 60;
const CURVES = 50;
const STREAMING = 4;
const EPOCHS = 1_000;
const PAN_SECONDS = 10;

const figures: string[] = [];
function line(what: string, value: string): void {
  console.log(`${what.padEnd(56)} ${value}`);
  figures.push(`| ${what} | ${value} |`);
}

/** Bytes of all that the first visit loads, besides the icon. */
function bytesOf(ending: '' | '.gz' | '.br'): number {
  const page = readFileSync(`${WEB}/index.html`, 'utf8');
  const assets = [...page.matchAll(/assets\/[\w-]+\.(?:js|css)/g)].map(([file]) => file);
  const files = ['index.html', ...assets];
  return files.reduce((sum, name) => sum + readFileSync(`${WEB}/${name}${ending}`).length, 0);
}

const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;

async function firstPaints(browser: Browser, url: string): Promise<number[]> {
  const times: number[] = [];
  for (let k = 0; k < PAINTS; k += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url);
    await page.locator('main tbody tr, main [role=row]').first().waitFor();
    times.push(
      await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]!.startTime),
    );
    await context.close();
  }
  return times;
}

/** Requests in a minute, after everything has been loaded. */
async function idleRequests(page: Page): Promise<string[]> {
  await page.waitForLoadState('load');
  await sleep(5_000);
  const urls: string[] = [];
  page.on('request', (request) => urls.push(`${request.method()} ${new URL(request.url()).pathname}`));
  await sleep(1_000 * IDLE_SECONDS);
  return urls;
}

async function panned(browser: Browser, page: Page): Promise<number[]> {
  const chart = page.locator('.chart .u-over').first();
  await chart.waitFor();
  await sleep(2_000);
  const box = (await chart.boundingBox())!;
  const [middle, y] = [box.x + box.width / 2, box.y + box.height / 2];
  // A third of the curves' length, which can then be moved.
  await page.mouse.move(middle - box.width / 6, y);
  await page.mouse.down();
  await page.mouse.move(middle + box.width / 6, y, { steps: 5 });
  await page.mouse.up();
  await browser.startTracing(page, {
    categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline.frame', '__metadata'],
  });
  await page.keyboard.down('Shift');
  await page.mouse.move(middle, y);
  await page.mouse.down();
  const endMs = performance.now() + 1_000 * PAN_SECONDS;
  for (let step = 0; performance.now() < endMs; step += 1) {
    await page.mouse.move(middle + (box.width / 4) * Math.sin(step / 20), y);
  }
  await page.mouse.up();
  await page.keyboard.up('Shift');
  return scriptingOf(await browser.stopTracing());
}

async function heapMb(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')!.value / 2 ** 20;
}

const descent = await RunningDescent.start({ WORKER_CONCURRENCY: `${STREAMING}` });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking', '--disable-dev-shm-usage'],
});
console.log(machine());
line('first visit, as it is', kB(bytesOf('')));
line('first visit, gzip', `${kB(bytesOf('.gz'))} (budget 60)`);
line('first visit, brotli', kB(bytesOf('.br')));

const small = { dataset: 'mnist_sample', model: { hidden_units: [4] }, training: { epochs: EPOCHS } };
const ids: string[] = [];
for (let seed = 0; seed < CURVES - STREAMING; seed += 1)
  ids.push(await descent.create({ ...small, training: { ...small.training, seed } }));
for (let left = ids.length; left > 0; ) {
  const list = await fetch(`${descent.url}/jobs?limit=100&status=queued,running`);
  left = JobListSchema.parse(await list.json()).data.length;
  if (process.stdout.isTTY) process.stdout.write(`\r${left} jobs of ${EPOCHS} epochs are to be trained `);
  await sleep(1_000);
}
if (process.stdout.isTTY) process.stdout.write('\n');

const paints = await firstPaints(browser, `${descent.url}/#/jobs`);
const [fast, usual, slow] = [0, 0.5, 1].map((share) => percentile(paints, share).toFixed(0));
line(
  'first contentful paint, list of jobs, nothing cached',
  `${usual} ms (${fast}-${slow}, n = ${PAINTS}; target 300)`,
);

const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.goto(`${descent.url}/#/jobs`);
const idle = await idleRequests(page);
line(`requests in ${IDLE_SECONDS} s while nothing happens`, idle.length === 0 ? 'none' : idle.join(', '));

const running = await Promise.all(
  Array.from({ length: STREAMING }, (_, seed) =>
    descent.create({ model: { hidden_units: [512] }, training: { epochs: EPOCHS, seed } }),
  ),
);
for (const id of running) {
  while ((await descent.job(id)).progress.epoch === 0) await sleep(200);
}
await page.goto(`${descent.url}/#/compare?jobs=${[...ids, ...running].join(',')}`);
const frames = await panned(browser, page);
const [half, most, worst] = [0.5, 0.95, 1].map((share) => percentile(frames, share).toFixed(1));
line(
  `scripting a frame, ${CURVES} curves of ${EPOCHS} epochs moved, ${STREAMING} jobs stream`,
  `p50 ${half} ms, p95 ${most} ms (target 8), most ${worst} ms (n = ${frames.length} frames)`,
);

await page.goto(`${descent.url}/#/jobs`);
const session = await page.context().newCDPSession(page);
await session.send('Performance.enable');
await sleep(60_000);
const heaps = [await heapMb(session)];
for (let minute = 1; minute < MINUTES; minute += 1) {
  await sleep(60_000);
  heaps.push(await heapMb(session));
  if (process.stdout.isTTY)
    process.stdout.write(`\rminute ${minute + 1} of ${MINUTES}: ${heaps.at(-1)!.toFixed(1)} MB `);
}
if (process.stdout.isTTY) process.stdout.write('\n');
line(
  `JavaScript heap, list of jobs, ${STREAMING} jobs stream`,
  `${heaps[0]!.toFixed(1)} MB after 1 minute, ${heaps.at(-1)!.toFixed(1)} MB after ${MINUTES}`,
);
await browser.close();
for (const id of running) await descent.cancel(id);
await descent.stop();
if (options.write) {
  const where = `${machine()}. ${new Date().toISOString().slice(0, 10)}. Chromium ${browser.version()}, headless.`;
  writeService('The page', `${where}\n\n${['| what | figure |', '| --- | --- |', ...figures].join('\n')}`);
}
process.exit(0);
