import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { browserName, openBrowser, violationsOf } from './browser.ts';

/** The form of a new job: fields for whatever a spec may hold, and the server's words beside them. */

const browser = openBrowser();

const isWrong = (page: Page, label: string) =>
  page.getByLabel(label, { exact: true }).getAttribute('aria-invalid');

describe.skipIf(browserName === undefined)('the form of a new job (needs chromium)', () => {
  it('has fields for schedules, callbacks and class weights, and fills them again from a job', async () => {
    const descent = await Installation.start();
    const body = `x,y,kind\n${Array.from({ length: 60 }, (_, i) => `${i % 7},${i % 4},${i % 2 === 0 ? 'even' : 'odd'}\n`).join('')}`;
    await descent.fetch('/datasets/own?format=csv', { method: 'PUT', body });
    const page = await browser.open(`${descent.url}/#/new`);
    const field = (label: string) => page.getByLabel(label, { exact: true });
    await field('Dataset').fill('own');
    await expect
      .poll(() =>
        page
          .locator('datalist[id$=dataset-list] option')
          .evaluateAll((all) => all.map((each) => (each as unknown as { value: string }).value)),
      )
      .toContain('own');
    expect(await field('Loss').isVisible()).toBe(false);
    for (const section of await page.locator('.section summary').all()) await section.click();
    await field('Loss').selectOption('huber');
    await expect.poll(() => isWrong(page, 'Loss')).toBe('true');
    await field('Loss').selectOption('');
    await field('Learning rate by').selectOption('cosine_decay');
    await expect.poll(() => isWrong(page, 'Learning rate: decay steps')).toBe('true');
    await field('Learning rate: initial learning rate').fill('0.01');
    await field('Learning rate: decay steps').fill('100');
    await field('Early stopping').selectOption('on');
    await field('Early stopping: patience').fill('-1');
    await expect.poll(() => isWrong(page, 'Early stopping: patience')).toBe('true');
    expect(await isWrong(page, 'Early stopping')).toBe('false');
    await field('Early stopping: patience').fill('30');
    await field('Class weight').selectOption('pairs');
    const weights = page.getByRole('group', { name: 'Class weight: pairs' });
    await weights.getByRole('button', { name: 'Add a pair' }).click();
    expect(await weights.getByLabel('Key 1').inputValue()).toBe('even');
    await weights.getByLabel('Value 1').fill('2');
    await field('Keep').selectOption('all');
    await page.getByText('Ready to train').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole('button', { name: 'Train it' }).click();
    await page.locator('.status.succeeded').waitFor();
    const id = /job_\w+/.exec(page.url())![0];
    const { spec } = await descent.job(id);
    expect(spec).toMatchObject({
      dataset: 'own',
      optimizer: { learning_rate: { type: 'cosine_decay', initial_learning_rate: 0.01, decay_steps: 100 } },
      training: { early_stopping: { patience: 30 }, class_weight: { even: 2 } },
      checkpoints: { keep: 'all' },
    });

    await page.goto(`${descent.url}/#/new?from=${id}`);
    await expect.poll(() => field('Learning rate by').inputValue()).toBe('cosine_decay');
    // What differs from the defaults is shown at once, and stays when it is set back.
    await field('Keep').selectOption('last');
    expect(await field('Keep').isVisible()).toBe(true);
    await field('Keep').selectOption('all');
    expect(await field('L1').isVisible()).toBe(false);
    expect(await field('Learning rate: decay steps').inputValue()).toBe('100');
    expect(await field('Early stopping: patience').inputValue()).toBe('30');
    expect(await weights.getByLabel('Value 1').inputValue()).toBe('2');
    await field('Class weight').selectOption('balanced');
    await field('Learning rate by').selectOption('number');
    await field('Early stopping').selectOption('none');
    await field('Reduce lr on plateau').selectOption('on');
    await field('Type').selectOption('sgd');
    await page.getByText('Ready to train').waitFor();
    expect(JSON.parse((await page.locator('.snippets pre').textContent())!)).toEqual({
      dataset: 'own',
      loss: 'categorical_crossentropy',
      optimizer: { type: 'sgd' },
      training: { class_weight: 'balanced', reduce_lr_on_plateau: {} },
      checkpoints: { keep: 'all' },
    });
  });
});
