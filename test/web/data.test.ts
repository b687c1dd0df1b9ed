import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { encodeZip } from '../../src/export/zip.ts';
import { Installation } from '../end-to-end/installation.ts';
import { browserName, openBrowser, violationsOf } from './browser.ts';

/** People's own data on the page. */

const browser = openBrowser();

const ROWS = Array.from({ length: 60 }, (_, i) => {
  const kind = ['red', 'green', 'blue'][i % 3]!;
  return `${i % 7},${(i % 3) + 0.25 * (i % 4)},${i % 2 === 0 ? 'north' : 'south'},${kind}`;
});
const TABLE = ['length,width,place,colour', ...ROWS, ''].join('\n');

/** The same pictures in two classes, so that any model is wrong about half of them. */
function sameInBothClasses(): Buffer {
  const files = ['left', 'right'].flatMap((kind) =>
    Array.from({ length: 30 }, (_, i) => {
      const png = new PNG({ width: 9, height: 8 });
      for (let at = 0; at < png.data.length; at += 1)
        png.data[at] = at % 4 === 3 ? 255 : (at * (i + 3)) % 256;
      return { name: `${kind}/${i}.png`, bytes: PNG.sync.write(png) };
    }),
  );
  return Buffer.from(encodeZip(files));
}

/** As a file manager does: the page gets the file with the drop. */
async function drop(page: Page, name: string, text: string): Promise<void> {
  const data = await page.evaluateHandle(
    ([file, content]) => {
      // @ts-expect-error: this runs in the browser
      const { DataTransfer, File } = globalThis;
      const transfer = new DataTransfer();
      transfer.items.add(new File([content], file));
      return transfer;
    },
    [name, text] as const,
  );
  const place = page.getByLabel('Add a dataset');
  await place.dispatchEvent('dragover', { dataTransfer: data });
  await place.dispatchEvent('drop', { dataTransfer: data });
}

describe.skipIf(browserName === undefined)('own data on the page (needs chromium)', () => {
  it('takes a table that is dropped, shows how it is read, keeps it, trains on it, and deletes it', async () => {
    const descent = await Installation.start();
    const page = await browser.open(`${descent.url}/#/data`, { viewport: { width: 360, height: 800 } });
    await page.getByRole('link', { name: 'mnist', exact: true }).waitFor();
    await drop(page, 'My Colours.csv', TABLE);
    const preview = page.getByLabel('What My Colours.csv would make');
    await preview.getByText('colour: 3 classes').waitFor();
    const column = (name: string) => preview.getByRole('row', { name: new RegExp(`^${name} `) });
    expect(await column('length').textContent()).toMatch(/number.*0.*6/);
    expect(await column('place').textContent()).toContain('north, south');
    expect(await column('red').textContent()).toBe('red16 + 4');
    expect(await violationsOf(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    // Nothing is kept yet.
    const names = async () =>
      ((await (await descent.fetch('/datasets')).json()) as { data: { name: string }[] }).data.map(
        ({ name }) => name,
      );
    expect(await names()).not.toContain('my-colours');

    await preview.getByText('How to read it').click();
    await preview.getByLabel('Target').fill('width');
    expect(await preview.getByRole('button', { name: 'Keep it' }).isDisabled()).toBe(true);
    await preview.getByLabel('Target').press('Enter');
    await preview.getByText(/width: a number, mean/).waitFor();
    await preview.getByLabel('Task').selectOption('classification');
    await preview.getByRole('button', { name: 'Read it again' }).click();
    await preview.getByText('width: 12 classes').waitFor();
    await preview.getByRole('button', { name: 'back to automatic for Task' }).click();
    await preview.getByRole('button', { name: 'back to automatic for Target' }).click();
    await preview.getByRole('button', { name: 'Read it again' }).click();
    await preview.getByText('colour: 3 classes').waitFor();
    await preview.getByLabel('Name').fill('mnist');
    await preview.getByRole('button', { name: 'Keep it' }).click();
    await preview.getByRole('alert').filter({ hasText: 'built-in' }).waitFor();
    await preview.getByLabel('Name').fill('colours');
    await preview.getByRole('button', { name: 'Keep it' }).click();

    await page.getByRole('heading', { name: 'colours' }).waitFor();
    await page.getByRole('heading', { name: 'Rows 1 to 10 of 48' }).waitFor();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('heading', { name: 'Rows 11 to 20 of 48' }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);

    await page.getByRole('link', { name: 'Train on it' }).click();
    await expect.poll(() => page.getByLabel('Dataset', { exact: true }).inputValue()).toBe('colours');
    await page.getByText('Ready to train').waitFor();
    await page.getByRole('button', { name: 'Train it' }).click();
    await page.locator('.status.succeeded').waitFor();

    await page.goto(`${descent.url}/#/data`);
    await page.getByRole('row', { name: /^colours 4 inputs 3 classes 48$/ }).waitFor();
    const table = page.getByLabel('Table of the datasets');
    expect(
      await table.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth),
    ).toBeLessThanOrEqual(0);
    await page.getByRole('link', { name: 'colours' }).click();
    page.on('dialog', (dialog) => void dialog.accept());
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Data', exact: true }).waitFor();
    expect(await names()).not.toContain('colours');
  });

  it('takes a ZIP archive of pictures that is chosen, and shows them, also beside mistakes', async () => {
    const descent = await Installation.start();
    const page = await browser.open(`${descent.url}/#/data`);
    const chooser = page.waitForEvent('filechooser');
    await page.getByLabel('Choose a file').focus();
    await page.keyboard.press('Enter');
    await (await chooser).setFiles({
      name: 'Same.zip',
      mimeType: 'application/zip',
      buffer: sameInBothClasses(),
    });
    const preview = page.getByLabel('What Same.zip would make');
    await preview.getByText('coloured image, 9 × 8').waitFor();
    await preview.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('heading', { name: 'Rows 1 to 40 of 48' }).waitFor();
    const widths = (selector: string) =>
      page
        .locator(selector)
        .evaluateAll((all) =>
          all.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
        );
    await expect.poll(() => widths('.pictures img')).toEqual(Array(40).fill(9));

    const { id } = await descent.create({ dataset: 'same', training: { epochs: 1 } });
    await descent.toEnd(id);
    await page.goto(`${descent.url}/#/jobs/${id}`);
    const mistakes = page.locator('.mistakes img');
    await mistakes.first().waitFor();
    const count = await mistakes.count();
    expect(count).toBeGreaterThan(0);
    for (const image of await mistakes.all()) await image.scrollIntoViewIfNeeded();
    await expect
      .poll(async () => (await widths('.mistakes img')).filter((width) => width > 0).length)
      .toBe(count);
    await page.locator('.cell-rows .picture').first().waitFor();
  });

  it('says where a refused file is wrong, and why a dataset that is needed stays', async () => {
    const descent = await Installation.start({ workers: 0 });
    const page = await browser.open(`${descent.url}/#/data`);
    await drop(page, 'bad.csv', TABLE.replace('3,0.75,south,red', '3,0.75,south,'));
    await page.getByRole('alert').waitFor();
    const place = page.getByLabel('Places in the file').getByRole('row').nth(1);
    expect(await place.textContent()).toMatch(/^line 5colour/);
    expect(await page.getByRole('button', { name: 'Keep it' }).count()).toBe(0);
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole('button', { name: 'Put it away' }).click();
    await page.getByText('would make').waitFor({ state: 'detached' });

    await descent.fetch('/datasets/needed?format=csv', { method: 'PUT', body: TABLE });
    await descent.create({ dataset: 'needed' });
    await page.goto(`${descent.url}/#/data/needed`);
    page.on('dialog', (dialog) => void dialog.accept());
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('alert').filter({ hasText: 'Jobs that have not ended need needed' }).waitFor();
  });
});
