import { describe, expect, it } from 'vitest';
import { runKeys } from '../client/run-keys.ts';
import { Installation } from '../end-to-end/installation.ts';
import { browserName, openBrowser, violationsOf } from './browser.ts';

/** The list of jobs, in a real browser. */

const browser = openBrowser();
const SMALL = { dataset: 'mnist_sample', training: { epochs: 2 } } as const;
const ENDLESS = {
  ...SMALL,
  engine: 'reference',
  model: { hidden_units: [64] },
  training: { epochs: 1000 },
} as const;

describe.skipIf(browserName === undefined)('the list of jobs (needs chromium)', () => {
  it('begins with three ways to start, and shows a job from its creation to its end without a reload', async () => {
    const descent = await Installation.start();
    const page = await browser.open(`${descent.url}/`);
    await page.getByRole('heading', { name: 'No jobs yet' }).waitFor();
    expect(await page.locator('pre').count()).toBe(2);
    expect(await violationsOf(page)).toEqual([]);
    const { id } = await descent.create({ ...SMALL, name: 'first' });
    const row = page.getByRole('row', { name: /first/ });
    await row.getByText('succeeded').waitFor();
    await expect.poll(() => row.locator('polyline').count()).toBe(1);
    expect(await row.textContent()).toMatch(/\d\d\.\d\d %/);
    expect(await violationsOf(page)).toEqual([]);
    await row.getByRole('link', { name: 'first' }).click();
    expect(page.url()).toBe(`${descent.url}/#/jobs/${id}`);
  });

  it('shows a new name at once, in the list and among what happened', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create({ ...ENDLESS, name: 'before' });
    await descent.until(id, 'job.epoch');
    const [list, job] = await Promise.all(
      ['jobs', `jobs/${id}`].map((view) => browser.open(`${descent.url}/#/${view}`)),
    );
    await list!.getByRole('row', { name: /before/ }).waitFor();
    await job!.getByRole('heading', { name: 'before' }).waitFor();
    const headers = { 'content-type': 'application/merge-patch+json' };
    await descent.fetch(`/jobs/${id}`, { method: 'PATCH', headers, body: '{"name":"after"}' });
    await list!.getByRole('row', { name: /after/ }).waitFor();
    await job!.getByRole('heading', { name: 'after' }).waitFor();
    await job!.getByText('Now called after').waitFor();
    await descent.cancel(id);
  });

  it('pauses a job and lets it go on', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create(ENDLESS);
    await descent.until(id, 'job.epoch');
    const page = await browser.open(`${descent.url}/#/jobs/${id}`);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText(/Paused at epoch/).waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await descent.cancel(id);
  });

  it('keeps filters and order in the address', async () => {
    const descent = await Installation.start();
    for (const [name, type] of Object.entries({ one: 'adam', two: 'sgd', three: 'adam' })) {
      const { id } = await descent.create({ ...SMALL, name, optimizer: { type: type as 'adam' } });
      await descent.toEnd(id);
    }
    const page = await browser.open(`${descent.url}/#/jobs`);
    const names = () => page.locator('td.name').allTextContents();
    await expect.poll(names).toEqual(['three', 'two', 'one']);
    await page.getByLabel('Optimizer').selectOption('adam');
    await expect.poll(names).toEqual(['three', 'one']);
    await page.getByRole('button', { name: 'Created' }).click();
    await expect.poll(names).toEqual(['one', 'three']);
    const other = await browser.open(page.url());
    await expect.poll(() => other.locator('td.name').allTextContents()).toEqual(['one', 'three']);
    await page.goBack();
    await expect.poll(names).toEqual(['three', 'one']);
    await page.goto(`${descent.url}/#/jobs?dataset=mnist`);
    await page.getByText('No job passes these filters').waitFor();
    expect(await page.getByLabel('Dataset').inputValue()).toBe('mnist');
    await page.getByRole('button', { name: 'Clear filters' }).first().click();
    await expect.poll(names).toEqual(['three', 'two', 'one']);
  });

  it('says when the server does not answer, and goes on by itself', async () => {
    const descent = await Installation.start();
    const page = await browser.open(`${descent.url}/`);
    await page.getByRole('heading', { name: 'No jobs yet' }).waitFor();
    await descent.started.find(({ pid }) => pid === descent.apiPid)!.killTree();
    await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor();
    await descent.startApi();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await descent.create({ ...SMALL, name: 'later' });
    await page.getByRole('row', { name: /later/ }).getByText('succeeded').waitFor();
  });

  it('asks for a key once, where keys are needed', async () => {
    const descent = await Installation.start({ env: { AUTH: 'keys' } });
    const page = await browser.open(`${descent.url}/`);
    await page.getByRole('heading', { name: 'This server needs a key' }).waitFor();
    await page.getByLabel('API key').fill('dsc_wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    const key = await runKeys(descent, 'create', '--name', 'page', '--owner', 'alice', '--role', 'writer');
    await page.getByLabel('API key').fill(/dsc_\S+/.exec(key)![0]);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'No jobs yet' }).waitFor();
    await page.reload();
    await page.getByText('alice').waitFor();
    await page.getByRole('button', { name: 'Train it' }).click();
    await expect.poll(() => page.url()).toContain('/#/jobs/job_');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'This server needs a key' }).waitFor();
  });
});
