import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Places } from '../../src/api/http/in-flight.ts';
import type { Problem } from '../../src/contract/problem.ts';
import type { RemoveOutcome } from '../../src/store/jobs.ts';
import { EventViewer } from './event-viewer.ts';
import { expectProblem, openApi } from './open-api.ts';

/** Holds up GET /workers until the test lets it go on. */
const held: (() => void)[] = [];
const workers = {
  list: () =>
    new Promise<[]>((resolve) => {
      held.push(() => resolve([]));
    }),
};
/** Holds up DELETE /jobs/{id}. */
const removals: (() => void)[] = [];
const retention = {
  remove: () =>
    new Promise<RemoveOutcome>((resolve) => {
      removals.push(() => resolve({ outcome: 'not_found' }));
    }),
};
const ORIGIN = 'https://lab.example';
const api = openApi({
  timing: { inFlight: { reads: 2, writes: 3, sustainedWrites: 1 } },
  workers,
  retention,
  corsOrigins: [ORIGIN],
});

const statusOf = async (url: string) => (await api.request({ url })).statusCode;

async function underWay(): Promise<{ answer: Promise<number> }> {
  const before = held.length;
  const answer = statusOf('/workers');
  await expect.poll(() => held.length).toBe(before + 1);
  return { answer };
}

it('refuses requests beyond the limit, except probes and streams, until others are over', async () => {
  const { id } = await api.create();
  // The create asked for the workers, too, and did not wait for them.
  held.length = 0;
  const first = await underWay();
  await underWay();
  const refused = await api.request({ url: '/jobs' });
  expectProblem(refused, 503, 'overloaded');
  expect(refused.headers['retry-after']).toBe('2');
  expect(await statusOf('/livez')).toBe(200);
  const viewer = await EventViewer.open(`${api.url}/jobs/${id}/events`);
  expect(viewer.response.statusCode).toBe(200);

  held[0]!();
  expect(await first.answer).toBe(200);
  // The stream that is still open takes no place.
  expect(await statusOf('/jobs')).toBe(200);
  held[1]!();
});

it('gives the place of a client that goes away to another', async () => {
  held.length = 0;
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET /workers HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await expect.poll(() => held.length).toBe(1);
  await underWay();
  expect(await statusOf('/jobs')).toBe(503);
  socket.destroy();
  await expect.poll(() => statusOf('/jobs'), { timeout: 30_000 }).toBe(200);
  for (const release of held) release();
});

it('refuses writes beyond the limit before it reads them, with all that its answers have', async () => {
  const { id } = await api.create();
  const removed = [1, 2, 3, 4].map(() => fetch(`${api.url}/jobs/${id}`, { method: 'DELETE' }));
  const answers: Response[] = [];
  for (const each of removed) void each.then((answer) => answers.push(answer));
  expect((await Promise.race(removed)).status).toBe(503);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const headers = { origin: ORIGIN, 'content-type': 'application/json' };

  const refused = await ask(agent, 'POST', '/jobs', { ...headers, body: '{"dataset":"mnist_sample"}' });
  expect(refused.statusCode).toBe(503);
  expect(refused.headers).toMatchObject({ 'retry-after': '2', 'access-control-allow-origin': ORIGIN });
  const problem = JSON.parse(refused.body) as Problem;
  expect(problem).toMatchObject({
    code: 'overloaded',
    instance: `urn:uuid:${refused.headers['request-id']}`,
  });
  // The connection serves the next request, and an answer of Fastify has no header that this one lacks.
  const read = await ask(agent, 'GET', '/nothing', headers);
  expect(read.statusCode).toBe(404);
  expect(Object.keys(refused.headers)).toEqual(expect.arrayContaining(Object.keys(read.headers)));
  held.length = 0;
  const metrics = ask(agent, 'GET', '/metrics', headers);
  await expect.poll(() => held.length).toBe(1);
  held[0]!();
  expect((await metrics).body).toMatch(
    /^descent_http_request_duration_seconds_count\{method="POST",route="unknown",status="503"\} 1$/m,
  );

  await expect.poll(() => removals.length + answers.length).toBe(4);
  for (const release of removals) release();
  await Promise.all(removed);
  expect((await ask(agent, 'POST', '/jobs', { ...headers, body: '{}' })).statusCode).toBe(202);
});

/** On a real socket: `inject` does not pass the server's own listener. */
async function ask(
  agent: Agent,
  method: string,
  path: string,
  { body, ...headers }: Record<string, string>,
): Promise<{ statusCode: number | undefined; headers: IncomingHttpHeaders; body: string }> {
  const sent = request(`${api.url}${path}`, { agent, method, headers });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const text = (await response.setEncoding('utf8').toArray()).join('');
  return { statusCode: response.statusCode, headers: response.headers, body: text };
}

it('counts no request whose body has not arrived', async () => {
  for (let k = 0; k < 5; k += 1) {
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
    });
    socket.on('error', () => {});
    const arrived = once(api.app.server, 'request');
    socket.write(
      'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{',
    );
    await arrived;
  }
  expect(await statusOf('/jobs')).toBe(200);
});

const ofTime = () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
};

it('takes a burst, and fewer until there has been a pause', async () => {
  ofTime();
  const places = new Places(3, 1);
  const burst = [1, 2, 3].map(() => {
    expect(places.isFull).toBe(false);
    const place = places.take();
    vi.advanceTimersByTime(1_000);
    return place;
  });
  expect(places.isFull).toBe(true);
  burst[0]!.leave();
  expect(places.isFull).toBe(true);
  burst[1]!.leave();
  burst[2]!.leave();
  // All are free, but only for a moment.
  expect(places.isFull).toBe(false);
  const next = places.take();
  expect(places.isFull).toBe(true);
  next.leave();
  // It was the process that had no time: a request waited in its socket.
  vi.advanceTimersByTime(1_000);
  const waited = places.take();
  await setImmediate();
  expect(places.isFull).toBe(true);
  waited.leave();
  vi.advanceTimersByTime(100);
  await setImmediate();
  places.take();
  places.take();
  expect(places.isFull).toBe(false);
});

it('lets a burst work in turn, the first first, and none wait for long', async () => {
  ofTime();
  const places = new Places(5, 1);
  const begun: number[] = [];
  const take = (k: number) => {
    const place = places.take();
    if (place.turn === undefined) begun.push(k);
    else void place.turn.then(() => begun.push(k));
    return place;
  };
  const burst = [0, 1, 2, 3, 4].map(take);
  await setImmediate();
  expect(begun).toEqual([0]);
  // Its client goes away before its turn.
  burst[1]!.leave();
  await setImmediate();
  burst[0]!.leave();
  await setImmediate();
  expect(begun.filter((k) => k !== 1)).toEqual([0, 2]);
  // Those at work wait for something silent.
  vi.advanceTimersByTime(250);
  await setImmediate();
  expect(begun.filter((k) => k !== 1)).toEqual([0, 2, 3, 4]);
  for (const place of burst.slice(2)) place.leave();
  const after = take(5);
  expect(after.turn).toBeUndefined();
  after.leave();
});
