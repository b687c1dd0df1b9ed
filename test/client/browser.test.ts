import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { rolldown } from 'rolldown';
import { expect, it, onTestFinished } from 'vitest';
import { Installation } from '../end-to-end/installation.ts';
import { browse, findChromium } from '../support/chromium.ts';
import type { Report } from './page.ts';
import { runKeys } from './run-keys.ts';

/** The client in a real browser, on a page of another origin. */

const browser = findChromium();

async function bundlePage(): Promise<string> {
  const bundle = await rolldown({ input: 'test/client/page.ts', platform: 'browser', logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'esm' });
  return output[0].code;
}

/** A web server with one page, which sends one report. */
class Site {
  readonly reported: Promise<Report>;
  readonly #server = createServer();

  constructor(script: string) {
    this.reported = new Promise((resolve) => {
      this.#server.on('request', async (request, response) => {
        if (request.url === '/report') resolve((await json(request)) as Report);
        const isScript = request.url!.startsWith('/page.js');
        response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
        response.end(
          isScript
            ? script
            : `<script type="module" src="page.js${new URL(request.url!, this.origin).search}"></script>`,
        );
      });
    });
    onTestFinished(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
  }

  async open(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The address of its page, which does as it is told there. */
  page(parameters: Record<string, string>): string {
    return `${this.origin}/?${new URLSearchParams(parameters)}`;
  }
}

it.skipIf(browser === undefined)(
  'works on a page whose origin is allowed, and only there (needs chromium)',
  async () => {
    const descent = await Installation.start();
    const open = descent.url;
    const script = await bundlePage();
    const [allowed, foreign, nobody] = [new Site(script), new Site(script), new Site(script)];
    await Promise.all([allowed, foreign, nobody].map((site) => site.open()));
    const { url: guarded } = await descent.startAnotherApi({
      AUTH: 'keys',
      CORS_ORIGINS: `https://example.org,${allowed.origin}`,
      MAX_STREAMS: '1',
    });
    const key = await runKeys(descent, 'create', '--name', 'page', '--owner', 'alice', '--role', 'writer');

    const { ended } = await browse(browser!, [
      allowed.page({ act: 'use', api: guarded, key }),
      foreign.page({ act: 'try', api: guarded, key }),
      nobody.page({ act: 'try', api: open, key }),
    ]);
    const reports = [allowed, foreign, nobody].map(({ reported }) => Promise.race([reported, ended]));
    const [used, ...others] = await Promise.all(reports);

    expect(used).toMatchObject({ error: null, status: 'succeeded' });
    const { job, again, events, refusal, label, answers } = used!;
    expect(again).toBe(job);
    expect(events).toEqual(events!.map((_, i) => i + 1));
    expect(events!.length).toBeGreaterThan(3);
    expect(refusal).toEqual({ code: 'overloaded', retryAfterSeconds: 10 });
    expect(label).toMatch(/^\d$/);
    const headersOf = (request: string, nth = 0) =>
      answers.filter((answer) => answer.request === request)[nth]?.headers;
    expect(headersOf('POST /jobs')).toMatchObject({
      location: `/jobs/${job}`,
      'request-id': expect.any(String),
    });
    expect(headersOf('POST /jobs', 1)).toMatchObject({ 'idempotency-replayed': 'true' });
    expect(headersOf(`GET /jobs/${job}/events`, 1)).toMatchObject({ 'retry-after': '10' });
    expect(headersOf(`GET /jobs/${job}`)).toMatchObject({ etag: expect.any(String) });
    expect(headersOf(`GET /jobs/${job}/model`)?.['content-disposition']).toContain('mnist-sample');

    for (const { error, refused } of others) {
      expect(error).toBeNull();
      expect(refused).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError']);
    }
    // The one job is that of the page that may: to an API without keys, too, others came for nothing.
    descent.url = open;
    const { data } = (await (await descent.fetch('/jobs')).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual([job]);
  },
);
