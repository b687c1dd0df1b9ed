import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Places } from '../../src/api/http/in-flight.ts';
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
const api = openApi({ timing: { inFlight: { reads: 2, writes: 3, sustainedWrites: 1 } }, workers });

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

it('takes a burst, and fewer until there has been a pause', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const places = new Places(3, 1);
  const isFree = () => {
    try {
      places.assertFree();
      return true;
    } catch {
      return false;
    }
  };
  for (let k = 0; k < 3; k += 1) {
    expect(isFree()).toBe(true);
    places.take();
    vi.advanceTimersByTime(1_000);
  }
  expect(isFree()).toBe(false);
  places.leave();
  expect(isFree()).toBe(false);
  places.leave();
  places.leave();
  // All are free, but only for a moment.
  expect(isFree()).toBe(true);
  places.take();
  expect(isFree()).toBe(false);
  places.leave();
  vi.advanceTimersByTime(100);
  places.take();
  places.take();
  expect(isFree()).toBe(true);
});
