import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { Descent } from '../src/client/descent.ts';
import { writeReadmePictures } from './readme-pictures.ts';

const HELP = `npm run web:screenshots -- [--url URL] [--out folder]
Pictures of each view of the page of a running Descent, light and dark, 1,440 and 360 px wide.
  --url     where it runs (http://127.0.0.1:3000)
  --out     where the pictures go (reports/screenshots)
  --readme  trains two jobs instead, and writes README's pictures of them to docs/images
Needs Debian's chromium.`;

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:3000' },
    out: { type: 'string', default: 'reports/screenshots' },
    readme: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const README_PICTURES = 'docs/images';
const SETTLED_MS = 1_500;

/** The latest finished jobs, for the views that show some. */
async function finishedJobs(): Promise<string[]> {
  const ids: string[] = [];
  const descent = new Descent({ url: values.url });
  for await (const { id } of descent.jobs.list({ status: 'succeeded', pageSize: 5 })) {
    ids.push(id);
    if (ids.length === 5) break;
  }
  return ids;
}

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
});
if (values.readme) {
  await mkdir(README_PICTURES, { recursive: true });
  await writeReadmePictures(browser, values.url, README_PICTURES);
  await browser.close();
  process.exit(0);
}

const ids = await finishedJobs();
const views = {
  jobs: 'jobs',
  'jobs-none-found': 'jobs?name=nobody',
  'new-job': 'new',
  ...(ids[0] !== undefined && { job: `jobs/${ids[0]}`, 'try-it': `try?jobs=${ids[0]}` }),
  'job-gone': 'jobs/job_00000000000000000000000000',
  ...(ids.length > 1 && { compare: `compare?jobs=${ids.join(',')}` }),
  race: 'race',
  data: 'data',
  installation: 'installation',
  nowhere: 'nowhere',
};

await mkdir(values.out, { recursive: true });
for (const width of [1440, 360]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    for (const [name, path] of Object.entries(views)) {
      const page = await context.newPage();
      page.on('pageerror', ({ message }) => console.error(`${name}: ${message}`));
      await page.goto(`${values.url}/#/${path}`);
      await page.waitForTimeout(SETTLED_MS);
      const file = join(values.out, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path: file, fullPage: true });
      console.log(file);
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
