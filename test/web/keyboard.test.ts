import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { browserName, openBrowser } from './browser.ts';

/** The page without a pointer: whatever has the focus is seen, and no view leaves it nowhere. */

const browser = openBrowser();

/** Why nobody sees what has the focus; '' if all is well. A hidden file input is drawn by its label. */
const FAULT = `(() => {
  const focused = document.activeElement;
  const shown = focused.closest('.file') ?? focused;
  const what = shown.outerHTML.slice(0, 200);
  if (shown === document.body) return 'nothing has the focus';
  const { outlineStyle, outlineWidth } = getComputedStyle(shown);
  if (outlineStyle !== 'solid' || parseFloat(outlineWidth) < 2) return 'no outline: ' + what;
  const { left, right, top, bottom } = shown.getClientRects()[0];
  const x = (Math.max(0, left) + Math.min(innerWidth, right)) / 2;
  const y = (Math.max(0, top) + Math.min(innerHeight, bottom)) / 2;
  return shown.contains(document.elementFromPoint(x, y)) ? '' : 'out of sight: ' + what;
})()`;

const MOST_KEYS = 200;

/** Presses Tab until the target has the focus. Everything on the way there is seen, too. */
async function tabTo(page: Page, target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  await target.waitFor({ state: 'attached' });
  for (let keys = 0; keys < MOST_KEYS; keys += 1) {
    await page.keyboard.press(key);
    expect(await page.evaluate(FAULT)).toBe('');
    if (await target.evaluate((node) => node === node.ownerDocument.activeElement)) return;
  }
  throw new Error(`${MOST_KEYS} times ${key} do not reach ${target}`);
}

/** Follows a link or presses a button; the focus goes to the beginning of the view that it opens. */
async function enter(
  page: Page,
  target: Locator,
  heading: string | RegExp,
  key?: 'Shift+Tab',
): Promise<void> {
  await tabTo(page, target, key);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: heading }).first().waitFor();
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('main');
}

const press = async (page: Page, keys: Record<string, number>) => {
  for (const [key, times] of Object.entries(keys)) {
    for (let done = 0; done < times; done += 1) await page.keyboard.press(key);
  }
};

describe.skipIf(browserName === undefined)('the page by keyboard alone (needs chromium)', () => {
  it('makes a job, opens a cell of its matrix, and compares it with another', async () => {
    const descent = await Installation.start();
    const page = await browser.open(`${descent.url}/`);
    await page.getByRole('heading', { name: 'No jobs yet' }).waitFor();
    const main = page.getByRole('main');
    await enter(page, main.getByRole('link', { name: 'New job' }), 'New job');
    await tabTo(page, page.getByLabel('Dataset', { exact: true }));
    await page.keyboard.press('Control+A');
    await page.keyboard.type('mnist_sample');
    await page.getByText('Ready to train').waitFor();
    await enter(page, page.getByRole('button', { name: 'Train it' }), 'How it learns');
    const id = /job_\w+/.exec(page.url())![0];

    await tabTo(page, page.locator('.confusion [aria-pressed=true]'));
    await press(page, { ArrowUp: 9, ArrowLeft: 9 });
    await press(page, { ArrowDown: 4, ArrowRight: 9, ArrowUp: 1, ArrowLeft: 2 });
    expect(await page.evaluate(FAULT)).toBe('');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '3, but the model said 7' }).waitFor();
    expect(await page.evaluate('document.activeElement.ariaLabel')).toMatch(/^3 taken for 7/);

    const { id: other } = await descent.create({ dataset: 'mnist_sample', training: { epochs: 2 } });
    await descent.toEnd(other);
    await enter(page, main.getByRole('link', { name: 'Jobs' }), 'Jobs', 'Shift+Tab');
    for (const each of [other, id]) {
      await tabTo(page, page.getByLabel(new RegExp(`^Select .*${each.slice(-8)}$`)));
      await page.keyboard.press('Space');
    }
    await enter(page, main.getByRole('link', { name: 'Compare' }), 'Compare', 'Shift+Tab');
    await enter(page, main.getByRole('link', { name: id.slice(-8) }), 'rmsprop on mnist_sample');
    await page.goBack();
    await page.getByRole('heading', { name: 'Compare' }).waitFor();
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('main');
  });

  it('draws with the arrows, and chooses a file', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create({ dataset: 'mnist_sample', training: { epochs: 5 } });
    await descent.toEnd(id);
    const page = await browser.open(`${descent.url}/#/jobs/${id}`);
    await enter(page, page.getByRole('main').getByRole('link', { name: 'Try it' }), 'Try it');
    await tabTo(page, page.getByLabel('Draw a digit'));
    const said = () => page.locator('.said strong').textContent();
    expect(await said()).toBe('?');
    // From the middle of the top downwards: a one.
    await press(page, { 'Shift+ArrowDown': 16 });
    await expect.poll(said).toBe('1');
    await page.keyboard.press('Delete');
    await expect.poll(said).toBe('?');

    await tabTo(page, page.getByLabel('Choose a PNG'));
    const chooser = page.waitForEvent('filechooser');
    await page.keyboard.press('Enter');
    const image = await descent.fetch('/datasets/mnist_sample/rows/test/0.png');
    const buffer = Buffer.from(await image.arrayBuffer());
    await (await chooser).setFiles({ name: 'digit.png', mimeType: 'image/png', buffer });
    await expect.poll(said).toMatch(/^\d$/);
  });
});
