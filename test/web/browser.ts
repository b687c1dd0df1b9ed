import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { findChromium } from '../support/chromium.ts';

/** A real browser for a file's tests. Each page must end without an error of its own on the console. */

export const browserName = findChromium();

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What the page is meant to survive: requests that a server, which is down or refuses, does not answer with 2xx. */
const EXPECTED = /Failed to load resource|net::ERR_/;

interface Opened {
  open(url: string, options?: BrowserContextOptions): Promise<Page>;
}

export function openBrowser(): Opened {
  let browser: Browser | undefined;
  let errors: string[] = [];
  beforeAll(async () => {
    if (browserName === undefined) return;
    browser = await chromium.launch({
      executablePath: `/usr/bin/${browserName}`,
      args: ['--no-sandbox', '--disable-background-networking', '--disable-dev-shm-usage'],
    });
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    await Promise.all((browser?.contexts() ?? []).map((context) => context.close()));
    const found = errors;
    errors = [];
    expect(found).toEqual([]);
  });
  return {
    async open(url, options) {
      const context = await browser!.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      // Chromium reports only choosers that it knows to be awaited when they open; this awaits them from the beginning.
      page.on('filechooser', () => {});
      page.on('pageerror', ({ message }) => errors.push(message));
      page.on('console', (message) => {
        if (message.type() === 'error' && !EXPECTED.test(message.text())) errors.push(message.text());
      });
      await page.goto(url);
      return page;
    },
  };
}

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** What axe-core finds, in the states that the page is in. Playwright evaluates past the page's CSP. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const violations = await page.evaluate(
    async () =>
      (await (globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe.run())
        .violations,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
  );
}
