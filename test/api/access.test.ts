import { connect } from 'node:net';
import type { InjectOptions } from 'fastify';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { accessOf } from '../../src/api/access/authentication.ts';
import { type Access, includesRole, ROLES, type Role } from '../../src/contract/access.ts';
import { makeApiKey } from '../../src/store/api-key-text.ts';
import { ApiKeys } from '../../src/store/api-keys.ts';
import { newJobId } from '../store/open-store.ts';
import { RedisServer } from '../support/redis-server.ts';
import { EventViewer } from './event-viewer.ts';
import { bodyOf } from './needed-body.ts';
import { COMMITTED, expectProblem, filledPath, openApi } from './open-api.ts';

/**
 * Every documented operation, called by everyone: the matrix is generated from the OpenAPI document, so a new operation
 * is in it.
 */

const METRICS_TOKEN = 'prometheus-c4nary-token';
const api = openApi({ auth: 'keys', metricsToken: METRICS_TOKEN, corsOrigins: ['https://lab.example'] });

interface Operation {
  method: string;
  path: string;
  access: Access;
}

const OPERATIONS: Operation[] = Object.entries(COMMITTED.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => {
    const { security } = operation as { security: { key?: Role[] }[] };
    return { method: method.toUpperCase(), path, access: security[0]?.key?.[0] ?? 'public' };
  }),
);
const GUARDED = OPERATIONS.filter(({ access }) => access !== 'public');

/** Keys of alice, one for each role. */
const keyOf = {} as Record<Role, string>;
let bobs: string;
let expired: string;
let revoked: string;

const store = () => new ApiKeys(api.redis, api.keys);

async function newKey(owner: string, role: Role, lifetimeMs?: number): Promise<{ id: string; text: string }> {
  const { key, text } = await store().create({ name: 'test', owner, role, lifetimeMs });
  return { id: key.id, text };
}

beforeAll(async () => {
  for (const role of ROLES) keyOf[role] = (await newKey('alice', role)).text;
  bobs = (await newKey('bob', 'writer')).text;
  expired = (await newKey('alice', 'admin', 1)).text;
  const { id, text } = await newKey('alice', 'admin');
  await store().revoke(id);
  revoked = text;
  // It lives for a millisecond.
  while ((await call('GET', '/me', expired)).statusCode !== 401);
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function call(method: string, url: string, key?: string, more: Partial<InjectOptions> = {}) {
  const { headers, ...body } = bodyOf(method, url);
  return await api.request({
    method: method as 'GET',
    url,
    ...body,
    ...more,
    headers: {
      ...headers,
      ...(key !== undefined && bearer(key)),
      ...more.headers,
    },
  });
}

async function jobOf(key: string): Promise<string> {
  const response = await call('POST', '/jobs', key);
  expect(response.statusCode, response.body).toBe(202);
  return response.json<{ id: string }>().id;
}

it('the matrix has every operation, and each kind of access', () => {
  expect(OPERATIONS.length).toBeGreaterThan(20);
  expect(new Set(OPERATIONS.map(({ access }) => access))).toEqual(new Set(['public', ...ROLES]));
});

describe.each(GUARDED)('$method $path, for $access', ({ method, path, access }) => {
  it('is refused without a valid key', async () => {
    const id = await jobOf(keyOf.writer);
    const url = filledPath(path, id);
    for (const [authorization, error] of [
      [undefined, undefined],
      ['', 'invalid_request'],
      ['Basic YWxpY2U6eA==', 'invalid_request'],
      ['Bearer', 'invalid_request'],
      ['Bearer x', 'invalid_token'],
      [`Bearer ${keyOf.admin.slice(0, -1)}`, 'invalid_token'],
      [`Bearer ${makeApiKey().text}`, 'invalid_token'],
      [`Bearer ${expired}`, 'invalid_token'],
      [`Bearer ${revoked}`, 'invalid_token'],
      ...(path === '/metrics' ? [] : [[`Bearer ${METRICS_TOKEN}`, 'invalid_token'] as const]),
    ] as const) {
      const response = await call(method, url, undefined, {
        headers: authorization === undefined ? {} : { authorization },
        // Each from another address, so that none is refused for the many before it.
        remoteAddress: `10.${Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}`,
      });
      expectProblem(response, 401, 'unauthenticated');
      const challenge = String(response.headers['www-authenticate']);
      expect(challenge).toMatch(/^Bearer realm="descent"/);
      if (error !== undefined) expect(challenge).toContain(`error="${error}"`);
      expect(response.body).not.toMatch(/dsc_\w{20}/);
    }
    // Nothing has happened to the job.
    expect((await call('GET', `/jobs/${id}`, keyOf.reader)).json()).toMatchObject({ status: 'queued' });
  });

  it('is served to its role and those above', async () => {
    for (const role of ROLES) {
      const id = await jobOf(keyOf.writer);
      const response = await call(method, filledPath(path, id), keyOf[role]);
      if (includesRole(role, access as Role)) {
        expect([401, 403], response.body).not.toContain(response.statusCode);
      } else {
        const { detail } = expectProblem(response, 403, 'forbidden');
        expect(detail).toContain(`needs ${access}`);
      }
    }
  });
});

describe.each(GUARDED.filter(({ path }) => path.includes('{id}')))('$method $path', ({ method, path }) => {
  it("gives another owner's job the answer of a random id", async () => {
    const [theirs, random] = [await jobOf(keyOf.writer), newJobId()];
    const [answer, other] = [
      await call(method, filledPath(path, theirs), bobs),
      await call(method, filledPath(path, random), bobs),
    ];
    expect(answer.statusCode).toBe(404);
    const anonymous = (text: string, id: string) =>
      text.replaceAll(id, 'ID').replaceAll(/urn:uuid:[0-9a-f-]+/g, 'REQUEST');
    expect(anonymous(answer.body, theirs)).toBe(anonymous(other.body, random));
    const names = (headers: object) => Object.keys(headers).sort();
    expect(names(answer.headers)).toEqual(names(other.headers));
  });

  it('lets an admin reach the jobs of all owners', async () => {
    const response = await call(method, filledPath(path, await jobOf(bobs)), keyOf.admin);
    // The job is queued: it has no evaluation or checkpoint yet, and cannot be deleted. It predicts classes, so it will
    // have no residuals.
    expect([200, 202, 404, 409], response.body).toContain(response.statusCode);
    const code = /residuals|checkpoints|deliveries/.test(path) ? 'not_found' : 'not_available_yet';
    if (response.statusCode === 404) expect(response.json()).toMatchObject({ code });
  });
});

describe.each(GUARDED.filter(({ path }) => path.startsWith('/compare')))('$method $path', ({ path }) => {
  it("gives another owner's job the answer of a random id", async () => {
    const [theirs, random, own] = [await jobOf(keyOf.writer), newJobId(), await jobOf(bobs)];
    for (const id of [theirs, random]) {
      const response = await call('GET', `${path}?jobs=${own},${id}`, bobs);
      expect(expectProblem(response, 404, 'job_not_found').detail).toBe(
        `No job has the id ${id}. List the jobs to see their ids.`,
      );
    }
    expect((await call('GET', `${path}?jobs=${own},${theirs}`, keyOf.admin)).statusCode).toBe(200);
  });
});

describe.each(OPERATIONS.filter(({ access }) => access === 'public'))('$method $path', ({ method, path }) => {
  it('is public', async () => {
    const payload = method === 'POST' ? JSON.stringify({ key: keyOf.reader }) : undefined;
    const headers = payload === undefined ? {} : { 'content-type': 'application/json' };
    const response = await call(method, path, undefined, { ...(payload && { payload }), headers });
    expect([401, 403]).not.toContain(response.statusCode);
  });
});

describe('a route without access', () => {
  it('does not start, unless it is one of Swagger UI', () => {
    const app = Fastify();
    app.addHook('onRoute', (route) => {
      accessOf(route);
    });
    expect(() => app.get('/new', async () => '')).toThrow('the route /new states no access');
    expect(() => app.get('/docs-x', async () => '')).toThrow('/docs-x states no access');
    app.get('/docs/static/index.html', async () => '');
  });
});

describe('lists', () => {
  it("show each owner's own jobs, and an admin all", async () => {
    const owners = { carol: await newKey('carol', 'writer'), dave: await newKey('dave', 'writer') };
    const ids: string[] = [];
    for (let k = 0; k < 3; k += 1) {
      ids.push(await jobOf(owners.carol.text), await jobOf(owners.dave.text));
    }
    const list = async (key: string, query = '') =>
      (await call('GET', `/jobs?limit=100${query}`, key)).json<{
        data: { id: string; owner: string }[];
        next: string | null;
      }>();
    const ownersIn = async (key: string, query = '') =>
      new Set((await list(key, query)).data.map(({ owner }) => owner));
    expect(await ownersIn(owners.carol.text)).toEqual(new Set(['carol']));
    expect(await ownersIn(owners.carol.text, '&status=queued')).toEqual(new Set(['carol']));
    expect(await ownersIn(owners.carol.text, '&owner=dave')).toEqual(new Set());
    expect(await ownersIn(keyOf.admin, '&owner=dave')).toEqual(new Set(['dave']));
    const newest = (await list(keyOf.admin)).data.map(({ id }) => id).slice(0, 6);
    expect(newest).toEqual(ids.toReversed());
    const page = (await call('GET', '/jobs?limit=2&status=queued', keyOf.admin)).json<{ next: string }>();
    const second = (await call('GET', page.next, keyOf.admin)).json<{ data: { id: string }[] }>();
    expect(second.data.map(({ id }) => id)).toEqual(ids.toReversed().slice(2, 4));
  });

  it('Idempotency-Keys of two owners are independent', async () => {
    const headers = { 'idempotency-key': 'the-same', 'content-type': 'application/json' };
    const ids = await Promise.all(
      [keyOf.writer, bobs].map(
        async (key) => (await call('POST', '/jobs', key, { headers })).json<{ id: string }>().id,
      ),
    );
    expect(ids[0]).not.toBe(ids[1]);
  });
});

describe('keys', () => {
  it('are refused at once when they are revoked, also by another process, and their streams end', async () => {
    const { id, text } = await newKey('erin', 'writer');
    const job = await jobOf(text);
    const viewer = await EventViewer.open(`${api.url}/jobs/${job}/events`, bearer(text));
    expect(await viewer.message()).toMatchObject({ event: 'job.queued' });
    await store().revoke(id);
    await expect.poll(async () => (await call('GET', '/me', text)).statusCode).toBe(401);
    expect(await viewer.message()).toBeUndefined();
  });

  it('that are bad are refused with a 429 after 20 in a minute; good ones are served', async () => {
    const at = { remoteAddress: '192.0.2.7' };
    for (let k = 0; k < 20; k += 1)
      expectProblem(await call('GET', '/me', 'dsc_x', at), 401, 'unauthenticated');
    const { headers } = await call('GET', '/me', 'dsc_x', at);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expectProblem(await call('GET', '/me', makeApiKey().text, at), 429, 'too_many_bad_keys');
    expect((await call('GET', '/me', keyOf.reader, at)).json()).toMatchObject({
      owner: 'alice',
      role: 'reader',
    });
    expectProblem(await call('GET', '/me', 'dsc_x', { remoteAddress: '192.0.2.8' }), 401, 'unauthenticated');
  });

  it('GET /me says what the owner uses and may use', async () => {
    const { text } = await newKey('gina', 'writer');
    await jobOf(text);
    expect((await call('GET', '/me', text)).json()).toMatchObject({
      owner: 'gina',
      use: { queued: { used: 1, limit: null }, running: { used: 0 }, streams: { used: 0, limit: null } },
    });
  });

  it('are remembered as used, to the minute', async () => {
    await call('GET', '/me', keyOf.reader);
    await expect
      .poll(async () => (await store().list()).find(({ role }) => role === 'reader')?.lastUsedMs)
      .toBeGreaterThan(0);
  });

  it('/metrics takes the METRICS_TOKEN', async () => {
    expect((await call('GET', '/metrics', METRICS_TOKEN)).statusCode).toBe(200);
    expectProblem(await call('GET', '/metrics', `${METRICS_TOKEN}x`), 401, 'unauthenticated');
  });
});

describe('a session', () => {
  const login = async (key: string) => {
    const response = await call('POST', '/session', undefined, {
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify({ key }),
    });
    const cookie = String(response.headers['set-cookie'] ?? '');
    return { response, cookie, pair: cookie.split(';', 1)[0]! };
  };

  it('lets a page of this server do what its key may, and nobody else', async () => {
    const { response, cookie, pair } = await login(keyOf.writer);
    expect(response.json()).toMatchObject({ object: 'caller', owner: 'alice', role: 'writer' });
    expect(cookie).toMatch(/; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    const withCookie = (headers: Record<string, string>) => ({
      headers: { cookie: `a=b; ${pair}`, host: 'descent.example:3000', ...headers },
    });
    const own = { origin: 'http://descent.example:3000', 'content-type': 'application/json' };
    expect((await call('GET', '/me', undefined, withCookie({}))).statusCode).toBe(200);
    expect((await call('POST', '/jobs', undefined, withCookie(own))).statusCode).toBe(202);
    for (const origin of ['https://evil.example', 'null', 'http://descent.example']) {
      expectProblem(
        await call('POST', '/jobs', undefined, withCookie({ ...own, origin })),
        403,
        'foreign_origin',
      );
    }
    const { origin: _, ...without } = own;
    expectProblem(await call('POST', '/jobs', undefined, withCookie(without)), 403, 'foreign_origin');
    // Pages that CORS lets in still may not use the session.
    const lab = { ...own, origin: 'https://lab.example' };
    expectProblem(await call('POST', '/jobs', undefined, withCookie(lab)), 403, 'foreign_origin');
    expectProblem(await call('GET', '/workers', undefined, withCookie({})), 403, 'forbidden');

    const logout = await call('DELETE', '/session', undefined, withCookie(own));
    expect(logout.headers['set-cookie']).toMatch(/^descent_session=; .*Max-Age=0/);
    expectProblem(await call('GET', '/me', undefined, withCookie({})), 401, 'unauthenticated');
  });

  it('ends with its key', async () => {
    const { id, text } = await newKey('frank', 'reader');
    const { pair } = await login(text);
    await store().revoke(id);
    await expect
      .poll(async () => (await call('GET', '/me', undefined, { headers: { cookie: pair } })).statusCode)
      .toBe(401);
  });

  it('is not given for a bad key', async () => {
    const { response, cookie } = await login(makeApiKey().text);
    expectProblem(response, 401, 'unauthenticated');
    expect(cookie).toBe('');
  });

  it.each(['', 'x', 'a'.repeat(43), '../../x', '%00'])('with the token %j is none', async (token) => {
    const headers = { cookie: `descent_session=${token}` };
    expectProblem(await call('GET', '/me', undefined, { headers }), 401, 'unauthenticated');
  });
});

describe('an uploaded dataset', () => {
  const put = (key: string, text = 'a,b,c\n1,2,x\n2,3,y\n3,4,x\n4,1,y\n5,2,x\n6,3,y\n') =>
    call('PUT', '/datasets/mine?format=csv', key, { payload: text });

  it("is its owner's alone, and an admin's who names him", async () => {
    expect((await put(keyOf.writer)).statusCode).toBe(201);
    expectProblem(await call('GET', '/datasets/mine', bobs), 404, 'dataset_not_found');
    expectProblem(await call('GET', '/datasets/mine?owner=alice', bobs), 404, 'dataset_not_found');
    expectProblem(await call('GET', '/datasets/mine/rows?owner=alice', bobs), 404, 'dataset_not_found');
    expectProblem(await call('DELETE', '/datasets/mine?owner=alice', bobs), 404, 'dataset_not_found');
    const listed = (await call('GET', '/datasets?owner=alice', bobs)).json<{ data: { name: string }[] }>();
    expect(listed.data.map(({ name }) => name)).not.toContain('mine');
    // The same name of another owner is another dataset.
    expect((await put(bobs, 'a,b,c\n1,2,x\n2,3,y\n3,4,x\n4,1,y\n5,9,x\n6,3,y\n')).statusCode).toBe(201);
    expect((await call('GET', '/datasets/mine?owner=alice', keyOf.reader)).statusCode).toBe(200);
    const admin = keyOf.admin;
    expect((await call('GET', '/datasets/mine/rows?owner=bob', admin)).json().data).toHaveLength(1);
    expect((await call('DELETE', '/datasets/mine?owner=bob', admin)).statusCode).toBe(204);
    expectProblem(await call('GET', '/datasets/mine', bobs), 404, 'dataset_not_found');
    expect((await call('DELETE', '/datasets/mine', keyOf.writer)).statusCode).toBe(204);
  });
});

describe('other origins', () => {
  const open = openApi({ corsOrigins: ['https://lab.example'] });
  const send = (origin: string, more: Partial<InjectOptions> = {}) =>
    open.request({ method: 'GET', url: '/jobs', ...more, headers: { origin, ...more.headers } });

  it('may not change anything, keys or not, whatever the Content-Type', async () => {
    const { id } = await open.create();
    for (const origin of ['https://evil.example', 'null', 'http://localhost:1']) {
      const headers = { 'content-type': 'text/plain' };
      const url = `/jobs/${id}/cancel`;
      expectProblem(await send(origin, { method: 'POST', url, headers }), 403, 'foreign_origin');
      expectProblem(await send(origin, { method: 'DELETE', url: `/jobs/${id}` }), 403, 'foreign_origin');
    }
    const { status } = (await open.request({ url: `/jobs/${id}` })).json<{ status: string }>();
    expect(status).toBe('queued');
    expect((await send('http://localhost', { method: 'POST', url: `/jobs/${id}/cancel` })).statusCode).toBe(
      202,
    );
  });

  it('get the headers of CORS only if listed, on errors, preflights and streams too', async () => {
    for (const url of ['/jobs', '/nothing', '/jobs?x=1']) {
      const { headers } = await send('https://lab.example', { url });
      expect(headers).toMatchObject({ 'access-control-allow-origin': 'https://lab.example' });
      expect(headers.vary).toContain('Origin');
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
      expect((await send('https://evil.example', { url })).headers).not.toHaveProperty(
        'access-control-allow-origin',
      );
    }
    const preflight = await send('https://lab.example', {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers['access-control-allow-headers']).toContain('Authorization');
    const { id } = await open.create();
    const stream = await fetch(`${open.url}/jobs/${id}/events`, {
      headers: { accept: 'text/event-stream', origin: 'https://lab.example' },
    });
    expect(stream.headers.get('access-control-allow-origin')).toBe('https://lab.example');
    await stream.body?.cancel();
  });
});

describe.skipIf(inject('redisBinary') === null)("another owner's job", async () => {
  const own = new RedisServer(['appendonly no']);
  if (inject('redisBinary') !== null) await own.start();
  const guarded = openApi({ auth: 'keys' }, own.url);
  afterAll(() => own.remove());

  it('costs the same commands of Redis as a random id', async () => {
    const keys = new ApiKeys(guarded.redis, guarded.keys);
    const of = async (owner: string) =>
      (await keys.create({ name: 'k', owner, role: 'writer', lifetimeMs: undefined })).text;
    const [alice, bob] = [await of('alice'), await of('bob')];
    const created = await guarded.request({
      method: 'POST',
      url: '/jobs',
      headers: { ...bearer(alice), 'content-type': 'application/json' },
      payload: '{}',
    });
    const { id } = created.json<{ id: string }>();
    const monitor = connect(own.socket);
    let seen = '';
    monitor.on('data', (chunk) => {
      seen += chunk.toString();
    });
    monitor.write('MONITOR\r\n');
    const commandsOf = async (method: string, url: string) => {
      const { headers, ...body } = bodyOf(method, url);
      const ask = () =>
        guarded.request({ method: method as 'GET', url, ...body, headers: { ...headers, ...bearer(bob) } });
      // Once before, so that key and scripts are known.
      await ask();
      const mark = `mark-${Math.random()}`;
      await guarded.redis.set(mark, '');
      await ask();
      await guarded.redis.set(`${mark}-end`, '');
      await expect.poll(() => seen).toContain(`"${mark}-end"`);
      const between = seen.split(`"${mark}"`)[1]!.split(`"${mark}-end"`, 1)[0]!;
      const found = [...between.matchAll(/"(\w+)" "[^"]*job:/g)].map(([, name]) => name!.toLowerCase());
      return found;
    };
    for (const { method, path } of GUARDED.filter(({ path }) => path.includes('{id}'))) {
      const theirs = await commandsOf(method, filledPath(path, id));
      expect(theirs.length, `${method} ${path}`).toBeGreaterThan(0);
      expect(theirs, `${method} ${path}`).toEqual(await commandsOf(method, filledPath(path, newJobId())));
    }
    monitor.destroy();
  });
});
