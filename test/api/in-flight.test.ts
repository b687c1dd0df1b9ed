import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { EventViewer } from './event-viewer.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi({ timing: { maxInFlight: 2 } });

/** A request whose body does not arrive; resolves when the server has its head. */
async function openRequest() {
  const arrived = once(api.app.server, 'request');
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => {});
  socket.write(
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{',
  );
  await arrived;
  return socket;
}

const statusOf = async (url: string) => (await api.request({ url })).statusCode;

it('refuses requests beyond the limit, except probes and streams, until others are over', async () => {
  const { id } = await api.create();
  const [first, second] = [await openRequest(), await openRequest()];
  await expect.poll(() => statusOf('/jobs'), { timeout: 30_000 }).toBe(503);
  const refused = await api.request({ url: '/jobs' });
  expectProblem(refused, 503, 'overloaded');
  expect(refused.headers['retry-after']).toBe('2');
  for (const path of ['/livez', '/readyz?exclude=workers', '/metrics'])
    expect(await statusOf(path), path).toBe(200);
  const viewer = await EventViewer.open(`${api.url}/jobs/${id}/events`);
  expect(viewer.response.statusCode).toBe(200);

  // One goes away, the other is answered; the stream that is still open takes no place.
  first.destroy();
  second.write('}');
  await expect.poll(() => statusOf('/jobs'), { timeout: 30_000 }).toBe(200);
  const third = await openRequest();
  expect(await statusOf('/jobs')).toBe(200);
  third.destroy();
});
