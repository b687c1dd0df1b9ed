import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { ClassEvaluation } from '../../src/contract/evaluation.ts';
import { Installation } from '../end-to-end/installation.ts';
import { browserName, openBrowser, violationsOf } from './browser.ts';

/** What a person does on the page, from an empty installation on. */

const browser = openBrowser();

/** A seven, in shares of the canvas. */
const SEVEN = [
  [0.28, 0.25],
  [0.72, 0.25],
  [0.45, 0.8],
] as const;

async function drawSeven(page: Page): Promise<void> {
  const box = (await page.getByLabel('Draw a digit').boundingBox())!;
  const at = ([x, y]: readonly [number, number]) => [box.x + x * box.width, box.y + y * box.height] as const;
  await page.mouse.move(...at(SEVEN[0]));
  await page.mouse.down();
  for (const point of SEVEN) await page.mouse.move(...at(point), { steps: 12 });
  await page.mouse.up();
}

describe.skipIf(browserName === undefined)('the page (needs chromium)', () => {
  it('trains a model, shows what it learned and got wrong, and reads a drawing', async () => {
    const descent = await Installation.start();
    const page = await browser.open(`${descent.url}/`);
    await page.getByRole('link', { name: 'New job' }).first().click();
    await page.getByLabel('Name').fill('seven');
    await page.getByText('Ready to train').waitFor();
    await page.getByLabel('Batch size').fill('0');
    await page
      .getByText(/must be at least 1|from 1|1 to/)
      .first()
      .waitFor();
    await page.getByLabel('Batch size').fill('64');
    await page.getByText('Ready to train').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole('button', { name: 'Train it' }).dblclick();
    await page.getByRole('heading', { name: 'seven' }).waitFor();
    const id = /job_\w+/.exec(page.url())![0];
    await page.locator('.status.succeeded').waitFor();
    expect((await descent.job(id)).spec.training.batch_size).toBe(64);
    // A double click creates one job.
    const { data } = (await (await descent.fetch('/jobs')).json()) as { data: unknown[] };
    expect(data).toHaveLength(1);

    const evaluation = await descent.fetch(`/jobs/${id}/evaluation`);
    const text = await evaluation.text();
    expect(evaluation.status, text).toBe(200);
    const { confusion_matrix: matrix } = JSON.parse(text) as ClassEvaluation;
    const count = matrix[4]![9]!;
    const most = Math.max(...matrix.flatMap((counts, i) => counts.filter((_, j) => i !== j)));
    const chosen = page.locator('.confusion [aria-pressed=true]');
    await expect.poll(() => chosen.textContent()).toBe(String(most));
    await page.getByRole('button', { name: `4 taken for 9: ${count}` }).click();
    await expect.poll(() => page.getByLabel(/^Row \d+: 4, the model said 9$/).count()).toBe(count);
    expect(await violationsOf(page)).toEqual([]);
    await page.goBack();
    await expect.poll(() => chosen.textContent()).toBe(String(most));

    await page.getByRole('link', { name: 'Try it' }).last().click();
    await page.getByLabel('Draw a digit').waitFor();
    await drawSeven(page);
    await expect.poll(() => page.locator('.said strong').textContent()).toBe('7');
    expect(await violationsOf(page)).toEqual([]);
  });

  it('shows a job that predicts a number by its errors, alone, in the list and in a comparison', async () => {
    const descent = await Installation.start();
    const spec = { dataset: 'sine', optimizer: { type: 'adam' }, training: { epochs: 3 } };
    const { id } = await descent.create({ ...spec, name: 'number' });
    const other = await descent.create({ dataset: 'moons', name: 'classes', training: { epochs: 3 } });
    await Promise.all([descent.toEnd(id), descent.toEnd(other.id)]);
    const { mae } = (await descent.job(id)).result!.test;
    const shown = String(Number(mae!.toPrecision(4)));

    const page = await browser.open(`${descent.url}/#/jobs/${id}`);
    const figure = (name: string) => page.locator('.figures div', { hasText: name }).locator('dd').first();
    await expect.poll(() => figure('Test MAE').textContent()).toBe(shown);
    await expect.poll(() => figure('Best val_mae').textContent()).toMatch(/^0\.\d+$/);
    expect(await page.locator('figcaption').allTextContents()).toEqual(['Loss', 'MAE']);
    const residuals = page.getByAltText('Histogram of the residuals');
    await expect
      .poll(() => residuals.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth))
      .toBeGreaterThan(0);
    expect(await page.getByText(/^500 rows: MAE .*, RMSE .*, R² 0\.9/).count()).toBe(1);
    for (const file of ['mae.svg', 'residuals.svg']) {
      await page.getByRole('link', { name: file }).waitFor();
    }
    expect(await page.getByText('accuracy', { exact: false }).count()).toBe(0);
    expect(await violationsOf(page)).toEqual([]);

    await page.goto(`${descent.url}/#/jobs`);
    await page.getByRole('cell', { name: `MAE ${shown}` }).waitFor();
    await page.goto(`${descent.url}/#/compare?jobs=${id},${other.id}&metric=val_mae`);
    await page.getByRole('cell', { name: `MAE ${shown}` }).waitFor();
    expect(await page.getByText('★').count()).toBe(1);
  });

  it('compares jobs; the link shows the same to somebody else', async () => {
    const descent = await Installation.start();
    for (const type of ['adam', 'sgd'] as const) {
      const { id } = await descent.create({
        name: type,
        dataset: 'mnist_sample',
        optimizer: { type },
        training: { epochs: 3 },
      });
      await descent.toEnd(id);
    }
    const page = await browser.open(`${descent.url}/`);
    for (const name of ['adam', 'sgd']) await page.getByLabel(`Select ${name}`).check();
    await page.getByRole('link', { name: 'Compare' }).last().click();
    const rows = async (shown: Page) => await shown.locator('main table').first().textContent();
    await expect.poll(() => rows(page)).toMatch(/adam.*sgd|sgd.*adam/);
    await page.getByLabel('Measure').selectOption('val_accuracy');
    await expect.poll(() => page.url()).toContain('val_accuracy');
    expect(await violationsOf(page)).toEqual([]);
    const other = await browser.open(page.url());
    await expect.poll(() => rows(other)).toBe(await rows(page));
    expect(await other.getByLabel('Measure').inputValue()).toBe('val_accuracy');
  });

  it.each([
    ['light', 360],
    ['dark', 1440],
  ] as const)(
    'has no fault that axe finds, and no sideways scrolling: %s, %i px',
    async (colorScheme, width) => {
      const descent = await Installation.start();
      const { id } = await descent.create({ dataset: 'mnist_sample', training: { epochs: 2 } });
      const number = await descent.create({ dataset: 'sine', training: { epochs: 2 } });
      await Promise.all([descent.toEnd(id), descent.toEnd(number.id)]);
      const page = await browser.open(`${descent.url}/`, { colorScheme, viewport: { width, height: 800 } });
      const loaded = {
        jobs: 'td.name',
        new: '.plan dd',
        [`jobs/${id}`]: 'button[aria-label^="4 taken for 9"]',
        [`jobs/${number.id}`]: 'img[alt^=Histogram]',
        [`try?jobs=${id}`]: '.guess a',
        compare: 'main input[type=checkbox]',
        race: 'main button.primary',
        data: 'tbody a',
        'data/mnist': '.pictures img',
        installation: '.why',
        x: '.empty a',
      };
      for (const [path, place] of Object.entries(loaded)) {
        await page.goto(`${descent.url}/#/${path}`);
        await page.locator(place).first().waitFor();
        expect(await violationsOf(page), path).toEqual([]);
        const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect(over, path).toBeLessThanOrEqual(0);
      }
    },
  );
});
