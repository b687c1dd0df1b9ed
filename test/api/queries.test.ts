import { describe, expect, it } from 'vitest';
import { CURVES } from '../../src/contract/comparison.ts';
import { EventViewer } from './event-viewer.ts';
import { COMMITTED, expectProblem, filledPath, openApi } from './open-api.ts';

const api = openApi();

/** Calls a documented operation on a job in a state that accepts it. */
const OPERATIONS = Object.entries(COMMITTED.paths).flatMap(([path, operations]) =>
  Object.keys(operations).map((method) => [method.toUpperCase(), path] as const),
);

/** Of the operations that take one. */
const BODIES: Record<string, string> = {
  'POST /jobs': '{}',
  'POST /jobs/validate': '{}',
  'POST /jobs/{id}/fork': '{}',
  'POST /jobs/{id}/extend': '{"epochs":5}',
  'PATCH /jobs/{id}': '{}',
  'POST /session': '{"key":"dsc_"}',
};

const TYPES: Record<string, string> = { PATCH: 'application/merge-patch+json' };

const JOBS = 'jobs=job_01KAXW3Q2M5N6P7Q8R9S0T1V2W,job_01KAXW3Q2M5N6P7Q8R9S0T1V2X';

/** Of the operations that need one. */
const QUERIES: Record<string, string> = {
  'GET /compare': JOBS,
  ...Object.fromEntries(CURVES.map((curve) => [`GET /compare/charts/${curve}.svg`, JOBS])),
};

async function ask(method: string, path: string, query: string) {
  const id = path.includes('{id}') ? (await api.create()).id : '';
  const body = BODIES[`${method} ${path}`];
  const needed = QUERIES[`${method} ${path}`] ?? '';
  const whole = [needed, query.replace(/^\?/, '')].filter((part) => part !== '').join('&');
  return await api.request({
    method: method as 'GET',
    url: `${filledPath(path, id)}${whole === '' ? query : `?${whole}`}`,
    ...(body !== undefined && {
      headers: { 'content-type': TYPES[method] ?? 'application/json' },
      payload: body,
    }),
  });
}

describe('an unknown query parameter', () => {
  it.each(OPERATIONS)('is refused by %s %s, which names it', async (method, path) => {
    for (const [query, pointer] of [
      ['statsu=running', '/statsu'],
      ['dry-run', '/dry-run'],
      ['limit%20=1', '/limit '],
      ['Status=running', '/Status'],
      ['page=2&_=1', '/page'],
      ['=1', '/'],
    ]) {
      const { errors } = expectProblem(await ask(method, path, `?${query}`), 422, 'validation_failed');
      expect(errors).toEqual([
        { in: 'query', pointer, detail: expect.stringContaining('is unknown; allowed here: ') },
      ]);
    }
  });

  it.each(OPERATIONS)('is ignored by %s %s if it is a cache buster or tracker', async (method, path) => {
    const plain = (await ask(method, path, '')).statusCode;
    const foreign = [
      ...['_=1732700000000', 't=1', 'ts=1', '1732700000000', '0.123', 'cb=x', 'nocache', 'no-cache=1', 'v=2'],
      ...['cache_bust=1', 'cacheBuster=1', 'r=0.5', 'utm_source=x&utm_medium=y', 'fbclid=x', 'gclid=x'],
      ...[
        'msclkid=x',
        'mc_cid=x&mc_eid=y',
        '_gl=1*x',
        'ref=x',
        '__cf_chl_tk=x',
        'evs_preamble=2056',
        '_rsc=x',
      ],
      ...['', '&', '&&', '_=1&_=2'],
    ];
    for (const query of foreign) {
      expect((await ask(method, path, `?${query}`)).statusCode, query).toBe(plain);
    }
  });

  it('is refused beside a known one', async () => {
    const { data } = (await api.request({ url: '/jobs?_=1&limit=1&utm_source=x' })).json();
    expect(data).toHaveLength(1);
  });

  it.each(['a=1&'.repeat(1_500), '_=1&'.repeat(1_500)])('is found among very many', async (many) => {
    expectProblem(await api.request({ url: `/jobs?${many}statsu=x` }), 422, 'validation_failed');
  });
});

describe('a known parameter', () => {
  it.each([
    ['/jobs?limit=1&limit=2', '/limit'],
    ['/jobs?limit=', '/limit'],
    ['/jobs?limit', '/limit'],
    ['/jobs?after=', '/after'],
    ['/jobs?status=', '/status'],
    ['/jobs?status=queued&status=running', '/status'],
  ])('is refused if it is empty or repeated: %s', async (url, pointer) => {
    const { errors } = expectProblem(await api.request({ url }), 422, 'validation_failed');
    expect(errors).toMatchObject([{ in: 'query', pointer }]);
  });
});

describe('the last event id in a query', () => {
  const NAMES = ['lastEventId', 'lastEventID', 'last-event-id', 'Last-Event-ID', 'last_event_id'];

  it.each([...NAMES, 'evs_last_event_id'])('works as %s like the header Last-Event-ID', async (name) => {
    const id = await api.succeeded();
    const all = await (await EventViewer.open(`${api.url}/jobs/${id}/events`)).messages();
    expect(all.length).toBeGreaterThan(2);
    const rest = await (await EventViewer.open(`${api.url}/jobs/${id}/events?${name}=1`)).messages();
    expect(rest).toEqual(all.slice(1));
    const stream = { accept: 'text/event-stream' };
    const over = { url: `/jobs/${id}/events?${name}=${all.length}`, headers: stream };
    expect((await api.request(over)).statusCode).toBe(204);
  });

  it('overrides after, and the header overrides it', async () => {
    const id = await api.succeeded();
    const first = async (query: string, headers: Record<string, string> = {}) =>
      (await (await EventViewer.open(`${api.url}/jobs/${id}/events${query}`, headers)).message())?.id;
    expect(await first('?after=0&lastEventId=2')).toBe('3');
    expect(await first('?after=2&lastEventId=0')).toBe('1');
    expect(await first('?lastEventId=2', { 'last-event-id': '1' })).toBe('2');
    expect(await first('?lastEventId=1', { 'last-event-id': '' })).toBe('2');
    const { data } = (await api.request({ url: `/jobs/${id}/events?lastEventId=2` })).json();
    expect(data[0].seq).toBe(3);
  });

  it('is ignored when empty, and the last of several counts', async () => {
    const id = await api.succeeded();
    const first = async (query: string) =>
      (await (await EventViewer.open(`${api.url}/jobs/${id}/events${query}`)).message())?.id;
    expect(await first('?lastEventId=')).toBe('1');
    expect(await first('?after=1&lastEventId=')).toBe('2');
    expect(await first('?lastEventId=1&lastEventId=2&_=1&r=0.1')).toBe('3');
    expect(await first('?lastEventID=1&lastEventId=2')).toBe('3');
  });

  it.each(['x', '-1', '1.5', '1e3', '9'.repeat(16)])('is refused as %s', async (value) => {
    const { id } = await api.create();
    for (const accept of ['text/event-stream', 'application/json']) {
      const url = `/jobs/${id}/events?lastEventId=${value}`;
      const { errors } = expectProblem(
        await api.request({ url, headers: { accept } }),
        422,
        'validation_failed',
      );
      expect(errors).toMatchObject([{ in: 'query', pointer: '/lastEventId' }]);
    }
  });

  it('is refused by a path without events', async () => {
    expectProblem(await api.request({ url: '/jobs?lastEventId=3' }), 422, 'validation_failed');
  });
});
