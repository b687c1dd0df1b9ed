import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openApi } from './open-api.ts';

/** Connections of clumsy and hostile clients: each of them ends, and none keeps others out. */

interface Client {
  socket: Socket;
  /** What the server sent until it closed or reset the connection. */
  closed: Promise<string>;
  /** Resolves with the first bytes of an answer. */
  answered: Promise<void>;
}

/** A client that keeps its half open whatever the server does, as a hostile one would. */
function open(url: string, text = ''): Client {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
  });
  if (text !== '') socket.write(text);
  let answer = '';
  const answered = new Promise<void>((resolve) => socket.once('data', () => resolve()));
  const closed = new Promise<string>((resolve) => {
    socket.setEncoding('latin1').on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => resolve(answer)).on('end', () => resolve(answer));
  });
  return { socket, closed, answered };
}

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

describe('a connection that lasts', () => {
  const hasty = openApi({
    timing: {
      requestTimeoutMs: 300,
      handlerTimeoutMs: 300,
      keepAliveTimeoutMs: 300,
      connectionStateMs: 1_200,
    },
  });
  const sockets = () =>
    new Promise<number>((resolve) => hasty.app.server.getConnections((_error, count) => resolve(count)));
  const post = 'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

  it.each([
    ['says nothing', '', 408],
    ['stops within its headers', 'POST /jobs HTTP/1.1\r\nHost: localhost\r\n', 408],
    ['stops within its body', `${post}Content-Length: 9\r\n\r\n{`, 408],
    ['stops within a chunk', `${post}Transfer-Encoding: chunked\r\n\r\n5\r\n{`, 408],
    ['stops within a body for a stream', get('/jobs/x/events', 'Content-Length: 5\r\n'), 408],
    ['stops within a body that nobody reads', get('/nowhere', 'Content-Length: 5\r\n'), 404],
    ['asks for nothing more', get('/livez'), 200],
    ['is no HTTP', 'nonsense\r\n\r\n', 400],
  ])(
    'and %s is answered and destroyed, also if the client does not close it',
    async (_case, text, status) => {
      const { closed } = open(hasty.url, text);
      expect(await closed).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      await expect.poll(sockets, { timeout: 30_000 }).toBe(0);
    },
  );

  it.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: localhost\r\n', 'X: y\r\n'],
    ['a body', `${post}Content-Length: 10000\r\n\r\n{`, ' '],
    ['a body that nobody reads', get('/nowhere', 'Content-Length: 10000\r\n'), ' '],
  ])('because %s trickle in is closed all the same', async (_case, text, drop) => {
    const { socket, closed } = open(hasty.url, text);
    const trickle = setInterval(() => socket.write(drop), 20);
    await closed;
    clearInterval(trickle);
    await expect.poll(sockets, { timeout: 30_000 }).toBe(0);
  });

  it('because the client does not read its answers is closed all the same', async () => {
    const { socket } = open(hasty.url);
    socket.removeAllListeners('data').pause();
    // More than the kernel buffers.
    const request = get('/openapi.json');
    socket.write(request.repeat(400));
    await expect.poll(sockets, { timeout: 30_000 }).toBe(1);
    await expect.poll(sockets, { timeout: 30_000 }).toBe(0);
  });
});

describe('a server with as many connections as it takes', () => {
  const small = openApi({ maxConnections: 4 });

  it('closes the one that has waited longest for a new one', async () => {
    const silent = Array.from({ length: 12 }, () => open(small.url));
    await Promise.all(silent.slice(0, 8).map(({ closed }) => closed));
    expect((await fetch(`${small.url}/livez`)).status).toBe(200);
  });

  it('answers 503 to a new one while all are busy, and serves it later', async () => {
    const { id } = await small.running();
    const stream = get(`/jobs/${id}/events`, 'Accept: text/event-stream\r\n');
    const viewers = Array.from({ length: 4 }, () => open(small.url, stream));
    await Promise.all(viewers.map(({ answered }) => answered));
    const answer = await open(small.url, get('/livez')).closed;
    expect(answer).toMatch(/^HTTP\/1.1 503 .*retry-after: 5.*"code":"overloaded"/is);
    for (const { socket } of viewers) socket.destroy();
    await expect
      .poll(() => fetch(`${small.url}/livez`).then(({ status }) => status), { timeout: 30_000 })
      .toBe(200);
  });
});

describe('a body that is refused before its end', () => {
  const api = openApi();
  const SIZE = 8_000_000;

  /** Sends everything before it reads, as most clients do, then another request on the same connection. */
  async function sendAll(head: string, body: string): Promise<string> {
    const { socket, closed } = open(api.url, '');
    socket.pause();
    socket.write(`${head}\r\n\r\n`);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.write(body, (error) => (error ? reject(error) : resolve()));
    });
    socket.resume();
    socket.write(get('/livez', 'Connection: close\r\n'));
    return await closed;
  }

  const length = `Content-Length: ${SIZE}`;
  const chunk = `${SIZE.toString(16)}\r\n${'x'.repeat(SIZE)}\r\n0\r\n\r\n`;
  const json = 'Host: localhost\r\nContent-Type: application/json';

  it.each([
    ['too large', `POST /jobs HTTP/1.1\r\n${json}\r\n${length}`, 'x'.repeat(SIZE), 413],
    ['too large, in chunks', `POST /jobs HTTP/1.1\r\n${json}\r\nTransfer-Encoding: chunked`, chunk, 413],
    ['not wanted', `GET /jobs HTTP/1.1\r\n${json}\r\n${length}`, 'x'.repeat(SIZE), 413],
    ['of a wrong type', `POST /jobs HTTP/1.1\r\nHost: localhost\r\n${length}`, 'x'.repeat(SIZE), 415],
    ['of no format', `PUT /datasets/a HTTP/1.1\r\n${json}\r\n${length}`, 'x'.repeat(SIZE), 415],
  ])('because it is %s gets its answer, and the connection goes on', async (_case, head, body, status) => {
    const answers = await sendAll(head, body);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, 'HTTP/1.1 200']);
  });
});

describe('what HTTP allows and this server has no use for', () => {
  const api = openApi();
  const ask = (text: string): Promise<string> => open(api.url, text).closed;
  const once = 'Connection: close\r\n';

  it.each([
    ['an unknown expectation', get('/livez', `Expect: something\r\n${once}`), 200],
    ['an upgrade', get('/livez', 'Connection: close, Upgrade\r\nUpgrade: websocket\r\n'), 200],
    [
      'a settings upgrade',
      get('/livez', 'Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n'),
      200,
    ],
    ['a CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n', 400],
    ['100 headers', get('/livez', `${'a:\r\n'.repeat(98)}${once}`), 200],
    ['101 headers', get('/livez', `${'a:\r\n'.repeat(100)}`), 431],
    ['2,500 headers', get('/livez', `${'a:\r\n'.repeat(2_500)}`), 431],
    ['a long header', get('/livez', `a: ${'x'.repeat(16_384)}\r\n`), 431],
    ['a long path', get(`/${'x'.repeat(16_384)}`), 431],
    ['a long query', get(`/jobs?status=${'x'.repeat(16_384)}`), 431],
  ])('%s is served, or refused with a problem', async (_case, text, status) => {
    const answer = await ask(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    if (status >= 400) {
      expect(answer.toLowerCase()).toContain('\r\ncontent-type: application/problem+json');
      expect(answer.toLowerCase()).toContain('\r\nconnection: close');
    }
  });
});
