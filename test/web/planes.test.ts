import { describe, expect, it } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { browserName, openBrowser, violationsOf } from './browser.ts';

/** Try it, for models of tables. */

const browser = openBrowser();

describe.skipIf(browserName === undefined)('models of tables on the page (needs chromium)', () => {
  it('shows the boundary of points in a plane while the job trains, and answers for a point', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create({
      dataset: 'moons',
      engine: 'reference',
      training: { epochs: 1000, batch_size: 8 },
    });
    await descent.until(id, 'job.epoch');
    const page = await browser.open(`${descent.url}/#/jobs/${id}`);
    await page.getByRole('main').getByRole('link', { name: 'Try it' }).click();
    const state = page.locator('.boundary [role=status]');
    await expect.poll(() => state.textContent()).toMatch(/^After \d+ epochs?, and it goes on/);
    const first = await state.textContent();
    await expect.poll(() => state.textContent()).not.toBe(first);
    await descent.cancel(id);

    const done = await descent.create({
      dataset: 'moons',
      training: { epochs: 20 },
      checkpoints: { keep: 'all', every: 5 },
    });
    await descent.toEnd(done.id);
    await page.goto(`${descent.url}/#/try?jobs=${done.id}`);
    await page.getByText('After 20 epochs.').waitFor();
    const plane = page.getByRole('img', { name: /^The plane with 500 train rows/ });
    const [, right] = /(\d+\.\d+) % of them/.exec((await plane.getAttribute('aria-label'))!)!;
    expect(Number(right)).toBeGreaterThan(90);
    // The upper moon is at the upper left, the lower one at the lower right, as their colours are.
    const colour = (x: number, y: number) =>
      plane.evaluate(
        (canvas, [at, down]) => {
          const { width } = canvas as unknown as { width: number };
          return [...canvas.getContext('2d').getImageData(at * width, down * width, 1, 1).data].slice(0, 3);
        },
        [x, y] as const,
      );
    expect(await colour(0.01, 0.01)).not.toEqual(await colour(0.99, 0.99));
    const said = page.locator('.said strong');
    await page.getByLabel('x1', { exact: true }).fill('0');
    await page.getByLabel('x2', { exact: true }).fill('1');
    await expect.poll(() => said.textContent()).toBe('upper');
    await page.getByLabel('x2', { exact: true }).fill('-0.5');
    await page.getByLabel('x1', { exact: true }).fill('1');
    await expect.poll(() => said.textContent()).toBe('lower');
    const slider = page.getByRole('slider', { name: 'Epoch' });
    expect(await slider.getAttribute('aria-valuetext')).toBe('epoch 20, the model');
    await slider.press('Home');
    await page.getByText('After 5 epochs.').waitFor();
    expect(await slider.getAttribute('aria-valuetext')).toBe('epoch 5');
    const asked = page.waitForResponse((response) => response.url().includes('/predict?checkpoint=10'));
    await slider.press('ArrowRight');
    expect((await asked).status()).toBe(200);
    await page.getByText('After 10 epochs.').waitFor();
    expect(page.url()).toContain('epoch=10');
    await page.reload();
    await page.getByText('After 10 epochs.').waitFor();
    await slider.press('End');
    await page.getByText('After 20 epochs.').waitFor();
    expect(page.url()).not.toContain('epoch=');
    await page.getByLabel('x1', { exact: true }).fill('much');
    await page.getByRole('alert').waitFor();
    expect(await violationsOf(page)).toEqual([]);
  });

  it('asks for the columns of a table, and answers with a number where the model gives one', async () => {
    const descent = await Installation.start();
    const lines = Array.from(
      { length: 60 },
      (_, i) => `${i % 9},${i % 2 === 0 ? 'north' : 'south'},${(i % 9) * 10 + (i % 2) + 0.5}`,
    );
    const body = ['size,place,price', ...lines, ''].join('\n');
    await descent.fetch('/datasets/prices?format=csv', { method: 'PUT', body });
    const training = { epochs: 60, batch_size: 8 };
    const { id } = await descent.create({ dataset: 'prices', optimizer: { type: 'adam' }, training });
    await descent.toEnd(id);
    const page = await browser.open(`${descent.url}/#/try?jobs=${id}`, {
      viewport: { width: 360, height: 800 },
    });
    await page.getByText('0 to 8 in the train rows').waitFor();
    await page.getByLabel('place').selectOption('south');
    const price = async (size: string) => {
      await page.getByLabel('size').fill(size);
      const answered = await page.waitForResponse((response) => response.url().includes('/predict'));
      const { data } = (await answered.json()) as { data: { value: number }[] };
      await expect
        .poll(() => page.locator('.said strong').textContent())
        .toBe(String(Number(data[0]!.value.toPrecision(4))));
      return data[0]!.value;
    };
    expect(await price('8')).toBeGreaterThan((await price('1')) + 20);
    expect(await violationsOf(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  });
});
