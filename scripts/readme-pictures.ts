import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { Descent } from '../src/client/descent.ts';

/** README's pictures of the page. The jobs that they show have fixed seeds: only their times and ids differ. */

/** README shows them about 900 px wide: so every pixel of a dense screen has one. */
const SHARPNESS = 1.25;
const SETTLED_MS = 2_000;

async function train(url: string): Promise<[reference: string, other: string]> {
  const { jobs } = new Descent({ url });
  const { id: reference } = await jobs.create({ name: 'RMSProp on MNIST' });
  const { id: other } = await jobs.create({
    name: 'AdaGrad on a sample',
    dataset: 'mnist_sample',
    optimizer: { type: 'adagrad' },
    training: { epochs: 8 },
  });
  await jobs.wait(reference);
  await jobs.wait(other);
  return [reference, other];
}

/** A three of two arcs, in shares of the surface. */
function three(): [x: number, y: number][] {
  const arc = (from: number, to: number, y: number, width: number, height: number) =>
    Array.from({ length: 21 }, (_, i): [number, number] => {
      const angle = from + ((to - from) * i) / 20;
      return [0.47 + width * Math.cos(angle), y + height * Math.sin(angle)];
    });
  return [...arc(-2.5, 1.5, 0.34, 0.15, 0.13), ...arc(-1.4, 2.6, 0.63, 0.17, 0.155)];
}

async function draw(page: Page): Promise<void> {
  const box = (await page.getByLabel('Draw a digit').boundingBox())!;
  const [first, ...rest] = three().map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
  await page.mouse.move(...first!);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point, { steps: 3 });
  await page.mouse.up();
}

/** What the page looks like now. Colours are rounded by what nobody sees, which takes a third off the file. */
async function picture(page: Page, path: string): Promise<void> {
  const png = PNG.sync.read(await page.screenshot());
  png.data.forEach((value, i) => {
    png.data[i] = Math.min(255, 4 * Math.round(value / 4));
  });
  await writeFile(
    path,
    PNG.sync.write(png, { colorType: 2, filterType: 0, deflateLevel: 9, deflateStrategy: 0 }),
  );
}

/** Trains what they show on the Descent at `url`, and writes them to `folder`. */
export async function writeReadmePictures(browser: Browser, url: string, folder: string): Promise<void> {
  const [reference, other] = await train(url);
  for (const colorScheme of ['light', 'dark'] as const) {
    const viewport = { width: 1440, height: 830 };
    const context = await browser.newContext({ viewport, deviceScaleFactor: SHARPNESS, colorScheme });
    const page = await context.newPage();
    await page.goto(`${url}/#/jobs/${reference}`);
    await page.locator('.confusion').waitFor();
    await page.waitForTimeout(SETTLED_MS);
    await picture(page, join(folder, `job-${colorScheme}.png`));
    await context.close();
  }
  const viewport = { width: 1280, height: 800 };
  const context = await browser.newContext({ viewport, deviceScaleFactor: SHARPNESS, colorScheme: 'light' });
  const page = await context.newPage();
  await page.goto(`${url}/#/try?jobs=${reference},${other}`);
  await page.locator('.guess').nth(1).waitFor();
  await draw(page);
  for (const place of [0, 1]) {
    await page.locator('.said strong').nth(place).filter({ hasText: /\d/ }).waitFor();
  }
  // The last stroke's answer.
  await page.waitForTimeout(SETTLED_MS);
  await picture(page, join(folder, 'try-it.png'));
  await context.close();
}
