import { describe, expect, it } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { browserName, openBrowser, violationsOf } from './browser.ts';

/** The button that trains a job again, and what both jobs then say. */

const browser = openBrowser();

describe.skipIf(browserName === undefined)('the button Verify (needs chromium)', () => {
  it('trains the job again, and both pages then say that the result is the same', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create({ dataset: 'moons', training: { epochs: 3 } });
    await descent.toEnd(id);
    const page = await browser.open(`${descent.url}/#/jobs/${id}`);
    const verified = page.getByText('✓ Verified: same weights and metrics as');
    await page.getByRole('button', { name: 'Verify' }).waitFor();
    expect(await verified.count()).toBe(0);
    await page.getByRole('button', { name: 'Verify' }).click();
    await verified.waitFor();
    const again = /job_\w+/.exec(page.url())![0];
    expect(again).not.toBe(id);
    expect(await violationsOf(page)).toEqual([]);
    await verified.getByRole('link', { name: id }).click();
    await verified.getByRole('link', { name: again }).waitFor();
    expect(page.url()).toContain(id);
    const [first, second] = await Promise.all([descent.job(id), descent.job(again)]);
    expect(first.verification).toMatchObject({ verdict: 'verified', job: id, by: again });
    expect(second.verification).toEqual(first.verification);
    expect(second.result!.weights_sha256).toBe(first.result!.weights_sha256);
  });

  it('says why a job cannot be verified', async () => {
    const descent = await Installation.start();
    const body = `x,kind\n${Array.from({ length: 60 }, (_, i) => `${i % 7},${i % 2 === 0 ? 'even' : 'odd'}\n`).join('')}`;
    await descent.fetch('/datasets/own?format=csv', { method: 'PUT', body });
    const { id } = await descent.create({ dataset: 'own', training: { epochs: 1 } });
    await descent.toEnd(id);
    expect((await descent.fetch('/datasets/own', { method: 'DELETE' })).status).toBe(204);
    const page = await browser.open(`${descent.url}/#/jobs/${id}`);
    await page.getByRole('button', { name: 'Verify' }).click();
    const alert = page.getByRole('main').getByRole('alert');
    await alert.waitFor();
    expect(await alert.textContent()).toContain('own');
    expect(page.url()).toContain(id);
  });
});
