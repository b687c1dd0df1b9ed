import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUEUED_JOB } from '../../src/api/openapi/examples.ts';
import { EVALUATION } from '../../src/api/openapi/result-examples.ts';
import { SUCCESS } from '../store/open-store.ts';
import { EventViewer } from './event-viewer.ts';
import { expectProblem, openApi } from './open-api.ts';
import { writeModel } from './stored-model.ts';

/** The API behind real reverse proxies at /descent: one strips the prefix, the other keeps it. */

const api = openApi({ basePath: '/descent' });

/** The first segments of the API's own paths. */
const OWN = 'jobs|docs|datasets|engines|workers|livez|readyz|metrics|openapi\\.json';

/** Serves only /descent, from `target`; Location passes through unchanged. */
function openProxy(strips: boolean): { url: () => string } {
  let server: Server;
  beforeAll(async () => {
    server = createServer((incoming, outgoing) => {
      const url = incoming.url ?? '';
      if (!/^\/descent([/?]|$)/.test(url)) {
        outgoing.writeHead(404, { 'content-type': 'text/plain' }).end('not behind the proxy');
        return;
      }
      const path = strips ? url.replace(/^\/descent\/?/, '/') : url;
      const headers = { ...incoming.headers, host: 'localhost' };
      const passed = httpRequest(api.url, { path, method: incoming.method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(passed);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return { url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const post = (url: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(url, {
    method: 'POST',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body }),
  });

/** All links in a response. */
function linksOf({ headers, text }: Answer): string[] {
  const found = [
    headers.get('location') ?? [],
    /<([^>]+)>/.exec(headers.get('link') ?? '')?.[1] ?? [],
  ].flat();
  const type = headers.get('content-type') ?? '';
  if (type.includes('html'))
    found.push(...[...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, to]) => to!));
  if (type.includes('json')) found.push(...jsonLinks(JSON.parse(text)));
  return found;
}

/** JSON values that consist of a path, except for pointers into a body. */
function jsonLinks(value: unknown): string[] {
  if (typeof value === 'string') return /^\/[a-z]\S*$/.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => (key === 'pointer' ? [] : jsonLinks(child)));
}

const EXAMPLE_IDS = QUEUED_JOB.id.slice(0, 10);

async function succeeded(): Promise<string> {
  const { id, token } = await api.running();
  const text = Buffer.from(JSON.stringify(EVALUATION));
  const evaluation = await api.artifacts.write(id, '1-evaluation.json', text);
  const model = await writeModel(api, id, { dataset: 'mnist_sample' });
  await api.transitions.finish(id, token, { ...SUCCESS, evaluation, model });
  return id;
}

describe.each([
  ['strips the prefix', openProxy(true)],
  ['keeps the prefix', openProxy(false)],
])('behind a proxy that %s', (_name, proxy) => {
  it('every link in every response works', async () => {
    const first = await post(`${proxy.url()}/descent/jobs`, '{}', { 'idempotency-key': proxy.url() });
    expect(first.status).toBe(202);
    const again = await post(`${proxy.url()}/descent/jobs`, '{}', { 'idempotency-key': proxy.url() });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.text).toBe(first.text);
    const { id } = JSON.parse(first.text) as { id: string };
    expect(first.headers.get('location')).toBe(`/descent/jobs/${id}`);
    const cancelled = await post(`${proxy.url()}/descent/jobs/${id}/cancel`);
    const done = await succeeded();

    const seen = new Set<string>();
    const open = [
      ...['/descent', '/descent/', '/descent/docs', '/descent/docs/', '/descent/docs/static/index.html'],
      ...[
        '/descent/openapi.json',
        '/descent/docs/json',
        '/descent/jobs?limit=1',
        '/descent/jobs?limit=1&_=1',
      ],
      ...[`/descent/jobs/${done}`, '/descent/datasets', '/descent/engines', '/descent/workers'],
      ...['/descent/livez', '/descent/readyz?exclude=workers', '/descent/metrics', '/descent?_=1'],
      ...linksOf(again),
      ...linksOf(cancelled),
    ];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { pathname, search } = new URL(next, proxy.url());
      const to = `${pathname}${search}`;
      if (seen.has(to) || to.includes(EXAMPLE_IDS)) continue;
      seen.add(to);
      const isCancel = to.endsWith('/cancel');
      const answer = await (isCancel ? post(proxy.url() + to) : ask(proxy.url() + to));
      const expected = isCancel ? [202, 409] : [200, 302];
      const isThere = expected.includes(answer.status) || answer.text.includes('so it has no');
      expect(isThere, `${to}: ${answer.status} ${answer.text.slice(0, 200)}`).toBe(true);
      for (const link of linksOf(answer)) open.push(new URL(link, proxy.url() + to).href);
    }
    for (const path of [
      'charts/loss.svg',
      'charts/accuracy.svg',
      'charts/confusion.svg',
      'metrics',
      'events',
      'evaluation',
      'cancel',
    ]) {
      expect(seen).toContain(`/descent/jobs/${done}/${path}`);
    }
    expect(seen).toContain('/descent/docs/static/swagger-ui-bundle.js');
    expect([...seen].filter((path) => path.startsWith('/descent/jobs?')).length).toBeGreaterThan(2);
  });

  it('no response has a path without the prefix', async () => {
    const done = await succeeded();
    await api.create();
    const answers = await Promise.all([
      post(`${proxy.url()}/descent/jobs`, '{}'),
      post(`${proxy.url()}/descent/jobs`, '{"x":1}'),
      post(`${proxy.url()}/descent/jobs/${done}/cancel`),
      ...[
        '',
        '/',
        '/docs',
        '/docs/',
        '/docs/static/index.html',
        '/jobs?limit=1',
        '/nowhere',
        '/jobs/nope',
      ].map((path) => ask(`${proxy.url()}/descent${path}`)),
      ...['', '/metrics', '/events', '/evaluation', '/charts/loss.svg'].map((path) =>
        ask(`${proxy.url()}/descent/jobs/${done}${path}`),
      ),
    ]);
    const bare = new RegExp(`(?<![\\w.]|/descent)/(?:${OWN})\\b`, 'g');
    for (const { headers, text } of answers) {
      const all = `${[...headers].map(([name, value]) => `${name}: ${value}`).join('\n')}\n\n${text}`;
      expect(all.match(bare), all.slice(0, 2_000)).toBeNull();
    }
    for (const path of ['/openapi.json', '/docs/json']) {
      const document = await ask(`${proxy.url()}/descent${path}`);
      expect(JSON.parse(document.text).servers).toMatchObject([{ url: '/descent' }]);
      const links = jsonLinks(JSON.parse(document.text));
      expect(links.length).toBeGreaterThan(7);
      expect(links.filter((link) => !link.startsWith('/descent'))).toEqual([]);
    }
  });

  it('events arrive live', async () => {
    const id = await succeeded();
    const viewer = await EventViewer.open(`${proxy.url()}/descent/jobs/${id}/events?lastEventId=1`);
    expect((await viewer.messages()).map((message) => message.id)).toEqual(['2', '3']);
  });

  it('a method that a path does not take gets 405', async () => {
    const answer = await ask(`${proxy.url()}/descent/jobs`, { method: 'PUT' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS, POST']);
  });
});

describe('a base path', () => {
  const without = openApi();

  it('matches only whole path segments', async () => {
    for (const url of [
      '/descents',
      '/descentjobs',
      '/descent.',
      '/DESCENT/jobs',
      '/x/descent/jobs',
      '//descent/jobs',
    ]) {
      expectProblem(await api.request({ url }), 404, 'not_found');
    }
  });

  it('is empty by default', async () => {
    expectProblem(await without.request({ url: '/descent/jobs' }), 404, 'not_found');
    expect((await without.create()).links.self).toMatch(/^\/jobs\//);
  });

  it('keeps every byte of a stored response', async () => {
    const key = { 'idempotency-key': 'bytes' };
    const idempotent = async (app: typeof api.app) =>
      await app.inject({
        method: 'POST',
        url: '/jobs',
        headers: { 'content-type': 'application/json', host: 'localhost', ...key },
        payload: JSON.stringify({ name: '"\\ \u2028 😀', metadata: { 2: 'b', 1: 'a' } }),
      });
    const before = await idempotent(api.app);
    const after = await idempotent(api.app);
    expect(after.rawPayload.equals(before.rawPayload)).toBe(true);
    expect(after.body).toBe(JSON.stringify(after.json()));
    expect(Object.keys(after.json()).at(-1)).toBe('links');
    expect((await api.request({ url: after.json().links.self })).body).toBe(after.body);
  });
});
