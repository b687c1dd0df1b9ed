import { describe, expect, it } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { browserName, openBrowser, violationsOf } from './browser.ts';

/** What the page shows of the training doctor. */

const browser = openBrowser();

describe.skipIf(browserName === undefined)('the doctor on the page (needs chromium)', () => {
  it('shows verdicts with their rule, on the time line too, the layers, and the steps', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create({
      name: 'hasty',
      dataset: 'moons',
      model: { hidden_units: [8, 4] },
      optimizer: { type: 'lion', learning_rate: 0.05 },
      training: { epochs: 4 },
    });
    await descent.toEnd(id);
    const page = await browser.open(`${descent.url}/#/jobs/${id}`);
    const card = page.locator('section.doctor');
    await card.getByText('rate too high').waitFor();
    expect(await card.getByLabel('Layers').locator('tbody tr').count()).toBe(3);
    expect(
      await card.getByLabel('Layers').locator('tbody tr').first().locator('td').first().textContent(),
    ).toBe('8');
    expect(await card.locator('h3').allTextContents()).toEqual(['Loss by step', 'Gradient norm by step']);
    await card.locator('canvas').nth(1).waitFor();
    await page.getByText(/^Doctor, epoch \d: rate too high\./).waitFor();
    expect(await violationsOf(page)).toEqual([]);
  });
});
