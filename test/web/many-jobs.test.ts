import type { Page } from 'playwright-core';
import { monotonicFactory } from 'ulid';
import { beforeAll, describe, expect, it } from 'vitest';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { openApi } from '../api/open-api.ts';
import { created, FAILURE, SUCCESS, startOf } from '../store/open-store.ts';
import { browserName, openBrowser } from './browser.ts';

/** The list of an installation with thousands of jobs. */

const api = openApi();
const browser = openBrowser();

const JOBS = 5_000;
/** Created at a time. */
const BATCH = 500;
/** Every so many jobs one has succeeded, and one has failed; the others wait. */
const ENDED_EVERY = 50;

/** `job 1` is the oldest. */
async function createJob(n: number, id: string): Promise<void> {
  const spec = JobSpecSchema.parse({ name: `job ${n}`, optimizer: { type: n % 2 === 0 ? 'adam' : 'sgd' } });
  await created(api.store, { id, spec });
  const how = n % ENDED_EVERY === 1 ? SUCCESS : n % ENDED_EVERY === 0 ? FAILURE : undefined;
  if (how === undefined) return;
  const start = startOf();
  await api.transitions.start(id, start);
  await api.transitions.finish(id, start.token, how);
}

const link = (page: Page, n: number) => page.getByRole('link', { name: `job ${n}`, exact: true });
const names = (page: Page) => page.locator('td.name').allTextContents();
const IS_AT_END = 'scrollY + innerHeight >= document.documentElement.scrollHeight - 1';
const count = async (page: Page) => Number(await page.locator('table.jobs').getAttribute('aria-rowcount'));

describe.skipIf(browserName === undefined)('the list of 5,000 jobs (needs chromium)', () => {
  beforeAll(async () => {
    const nextUlid = monotonicFactory();
    for (let done = 0; done < JOBS; done += BATCH) {
      const batch = Array.from({ length: BATCH }, (_, i) => createJob(done + i + 1, `job_${nextUlid()}`));
      await Promise.all(batch);
    }
  });

  /** Presses End until the oldest job is there, while few rows exist. */
  async function toTheEnd(page: Page): Promise<void> {
    await expect
      .poll(async () => {
        await page.keyboard.press('End');
        expect(await page.locator('tbody tr').count()).toBeLessThan(100);
        return (await link(page, 1).isVisible()) && (await page.evaluate(IS_AT_END));
      })
      .toBe(true);
  }

  it('is scrolled to its end, and compares jobs from both ends', async () => {
    const page = await browser.open(`${api.url}/`);
    await page.getByLabel(`Select job ${JOBS}`, { exact: true }).check();
    await toTheEnd(page);
    expect(await count(page)).toBe(JOBS + 1);
    expect(await page.locator('tbody tr:has(td.name)').last().getAttribute('aria-rowindex')).toBe(
      `${JOBS + 1}`,
    );
    await page.getByLabel('Select job 1', { exact: true }).check();
    await page.getByText('2 selected').waitFor();
    const compare = page.getByRole('main').getByRole('link', { name: 'Compare' });
    expect((await compare.boundingBox())!.y).toBeLessThan(100);
    expect((await compare.boundingBox())!.y).toBeGreaterThan(0);
    await compare.click();
    await expect
      .poll(() => page.locator('main table').first().textContent())
      .toMatch(new RegExp(`job ${JOBS}.*job 1`));
    expect(await page.evaluate('scrollY')).toBe(0);
  });

  it('takes in a new job at its top, and shows the same rows as before, with the same focus', async () => {
    const page = await browser.open(`${api.url}/`);
    await link(page, JOBS).waitFor();
    const first = await api.create({ name: 'at the top' });
    await expect.poll(() => names(page)).toContain('at the top');
    await toTheEnd(page);
    const total = await count(page);
    await page.getByLabel('Select job 3', { exact: true }).focus();
    const place = async () => (await link(page, 3).boundingBox())?.y;
    const before = await place();
    const { id } = await api.create({ name: 'above' });
    await expect.poll(() => count(page)).toBe(total + 1);
    expect(Math.abs((await place())! - before!)).toBeLessThan(2);
    expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('Select job 3');
    await page.keyboard.press('Home');
    await expect.poll(async () => (await names(page))[0]).toBe('above');
    for (const each of [first.id, id]) await api.transitions.start(each, startOf());
    await page.getByRole('row', { name: /above/ }).getByText('running').waitFor();
  });

  it('is filtered and sorted', async () => {
    const page = await browser.open(`${api.url}/`);
    await page.getByLabel('failed').check();
    await expect.poll(() => count(page)).toBe(JOBS / ENDED_EVERY + 1);
    await expect.poll(async () => (await names(page))[0]).toBe(`job ${JOBS}`);
    await page.getByRole('button', { name: 'Created' }).click();
    await expect.poll(async () => (await names(page))[0]).toBe(`job ${ENDED_EVERY}`);
    await page.getByLabel('failed').uncheck();
    await expect.poll(async () => (await names(page)).slice(0, 2)).toEqual(['job 1', 'job 2']);
    await page.getByLabel('Optimizer').selectOption('adam');
    await expect.poll(async () => (await names(page)).slice(0, 2)).toEqual(['job 2', 'job 4']);
    await page.getByLabel('Name begins with').fill('job 49');
    await expect.poll(async () => (await names(page)).slice(0, 2)).toEqual(['job 490', 'job 492']);
  });
});
