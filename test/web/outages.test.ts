import type { Page } from 'playwright-core';
import { describe, expect, inject, it } from 'vitest';
import { short } from '../../web/src/parts/format.ts';
import { Installation } from '../end-to-end/installation.ts';
import { MEDIUM, SMALL } from '../end-to-end/small-jobs.ts';
import { browserName, openBrowser } from './browser.ts';

/** The page while parts of the installation are away: it goes on by itself, with nothing lost and nothing twice. */

const browser = openBrowser();

const EPOCHS = MEDIUM.training.epochs;

/** Opens the running job with the table of its epochs, and notes each state of it that is not 1, 2, ... n. */
async function openRunning(descent: Installation, id: string): Promise<Page> {
  const page = await browser.open(`${descent.url}/#/jobs/${id}`);
  await page
    .locator('summary')
    .filter({ hasText: /^Table of/ })
    .click();
  await page.evaluate(() => {
    // @ts-expect-error: this runs in the browser
    const { document, MutationObserver } = globalThis;
    const table = document.querySelector('details table');
    const states: string[] = [];
    Object.assign(globalThis, { broken: states });
    new MutationObserver(() => {
      const epochs: string[] = [...table.rows]
        .slice(1)
        .map((row) => row.cells[0].textContent.match(/\d+$/)[0]);
      if (epochs.some((epoch, i) => epoch !== String(i + 1))) states.push(epochs.join());
    }).observe(table, { childList: true, subtree: true, characterData: true });
  });
  await page.getByText(/^Table of [2-9] epochs$/).waitFor();
  return page;
}

/** The page has followed the job to its end: each epoch once, with the API's own values. */
async function expectWhole(page: Page, descent: Installation, id: string): Promise<void> {
  await page.locator('.status.succeeded').waitFor();
  await page.getByText(`Table of ${EPOCHS} epochs`).waitFor();
  expect(await page.evaluate('broken')).toEqual([]);
  const rows = await page.locator('details tbody tr').evaluateAll((all) => all.map((row) => row.textContent));
  expect(rows).toHaveLength(EPOCHS);
  const { data } = (await (await descent.fetch(`/jobs/${id}/metrics`)).json()) as {
    data: { loss: number }[];
  };
  for (const [i, { loss }] of data.entries()) expect(rows[i]).toContain(short(loss));
  await page.getByRole('button', { name: /^4 taken for 9/ }).waitFor();
}

describe.skipIf(browserName === undefined)('the page in an outage (needs chromium)', () => {
  it('follows a job whose worker is killed to its end on another', async () => {
    const descent = await Installation.start({ leaseMs: 2_000 });
    const { id } = await descent.create(MEDIUM);
    const page = await openRunning(descent, id);
    await descent.workerOf(await descent.job(id)).killTree();
    await descent.startWorker();
    await page.getByText('Attempt 2', { exact: true }).waitFor();
    await expectWhole(page, descent, id);
    await page.getByText('worker_lost').waitFor();
  });

  it.skipIf(inject('redisBinary') === null)(
    'says that Redis is away, frozen or killed, and goes on when it is back',
    async () => {
      const descent = await Installation.start({ ownRedis: true });
      const faults: [fault: () => unknown, cure: () => unknown][] = [
        [() => descent.redis!.process.kill('SIGSTOP'), () => descent.redis!.process.kill('SIGCONT')],
        [() => descent.redis!.killTree(), () => descent.startRedis()],
      ];
      for (const [fault, cure] of faults) {
        // While no job is live, the page asks for nothing.
        const { id } = await descent.create(MEDIUM);
        const page = await openRunning(descent, id);
        const banner = page.getByRole('alert').filter({ hasText: /Redis .* This page goes on by itself/ });
        await fault();
        await banner.waitFor();
        await cure();
        await banner.waitFor({ state: 'detached' });
        await expectWhole(page, descent, id);
      }
    },
  );

  it('reads again what it could not read when the last event of a job came', async () => {
    const descent = await Installation.start({ workers: 0 });
    const { id } = await descent.create(SMALL);
    const page = await browser.open(`${descent.url}/#/jobs/${id}`);
    await page.locator('.status.queued').waitFor();
    await page.clock.install();
    const paths = [`/jobs/${id}`, `/jobs/${id}/evaluation`];
    const isLost = ({ pathname }: URL) => paths.includes(pathname);
    await page.route(isLost, (route) => route.abort());
    await descent.startWorker();
    await page.getByText(/^Succeeded .* into attempt 1/).waitFor();
    // By then the client's own patience is over.
    for (let waits = 0; waits < 10; waits += 1) {
      const failed = page.waitForEvent('requestfailed');
      await page.clock.fastForward(3_000);
      await failed;
    }
    expect(await page.locator('.status.succeeded').count()).toBe(0);
    await page.unroute(isLost);
    await page.locator('.status.succeeded').waitFor();
    await page.getByRole('button', { name: /^4 taken for 9/ }).waitFor();
  });
});
