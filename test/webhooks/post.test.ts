import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { PostError, post } from '../../src/webhooks/post.ts';
import { closedUrl } from '../support/closed-port.ts';
import { DnsServer } from './dns-server.ts';
import { Receiver } from './receiver.ts';

const opened: { close(): unknown }[] = [];
const keep = <Opened extends { close(): unknown }>(one: Opened): Opened => {
  opened.push(one);
  return one;
};

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const BODY = JSON.stringify({
  type: 'job.failed',
  timestamp: '2026-11-29T00:00:00.000Z',
  data: { id: 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W', status: 'failed', name: null, result: null },
});

async function sent(
  url: string,
  dns: DnsServer,
  changes: { allowPrivate?: boolean; timeoutMs?: number } = {},
) {
  const options = { headers: {}, body: BODY, allowPrivate: true, timeoutMs: 30_000, ...changes };
  try {
    return { status: await post(new URL(url), { ...options, resolver: dns.resolver() }) };
  } catch (error) {
    if (!(error instanceof PostError)) throw error;
    return { error: error.message, isFinal: error.isFinal };
  }
}

/** Answers whatever it gets with this text, and tells when it has. */
async function raw(text: string, ends = true): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => (ends ? socket.end(text) : socket.write(text)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({ close: () => new Promise((resolve) => server.close(resolve)) });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const port = (receiver: Receiver): string => new URL(receiver.url).port;

describe('a POST to a receiver', () => {
  it('goes to the address that was checked, with the name as Host', async () => {
    const receiver = keep(await Receiver.start());
    const dns = keep(await DnsServer.start(['127.0.0.1']));
    expect(await sent(`http://hooks.example.org:${port(receiver)}/a?b=c`, dns)).toEqual({ status: 204 });
    expect(receiver.received[0]!.headers.host).toBe(`hooks.example.org:${port(receiver)}`);
  });

  it('a name that leads elsewhere at the next look-up leads nowhere', async () => {
    const receiver = keep(await Receiver.start());
    const dns = keep(await DnsServer.start(['198.51.100.7', '127.0.0.1']));
    const url = `http://rebinding.example.org:${port(receiver)}/`;
    const refused = { error: expect.stringContaining('in a private network'), isFinal: true };
    // The first address is of documentation, so it is refused as well; the second would be this machine.
    expect(await sent(url, dns, { allowPrivate: false })).toEqual(refused);
    expect(await sent(url, dns, { allowPrivate: false })).toEqual(refused);
    expect(dns.asked).toBe(2);
    expect(receiver.received).toEqual([]);
  });

  it('a name is looked up once, and a public address is connected to, whatever it is the next time', async () => {
    const receiver = keep(await Receiver.start());
    const dns = keep(await DnsServer.start(['1.1.1.1', '127.0.0.1']));
    const url = `http://rebinding.example.org:${port(receiver)}/`;
    expect(await sent(url, dns, { allowPrivate: false, timeoutMs: 200 })).toMatchObject({ isFinal: false });
    expect(dns.asked).toBe(1);
    expect(receiver.received).toEqual([]);
  });

  it.each(['http://localhost', 'http://127.0.0.1', 'http://[::ffff:127.0.0.1]', 'http://0'])(
    '%s is refused without a connection',
    async (origin) => {
      const receiver = keep(await Receiver.start());
      const dns = keep(await DnsServer.start(['127.0.0.1']));
      const answer = await sent(`${origin}:${port(receiver)}/`, dns, { allowPrivate: false });
      expect(answer).toEqual({ error: expect.stringContaining('WEBHOOK_ALLOW_PRIVATE'), isFinal: true });
      expect(receiver.received).toEqual([]);
      expect(dns.asked).toBe(0);
    },
  );

  it('follows no redirect', async () => {
    const [receiver, target] = [keep(await Receiver.start()), keep(await Receiver.start())];
    receiver.answer = (response) => response.writeHead(307, { location: target.url }).end();
    const dns = keep(await DnsServer.start(['127.0.0.1']));
    expect(await sent(receiver.url, dns)).toEqual({ status: 307 });
    expect(target.received).toEqual([]);
  });

  it('does not wait for the body of an answer', async () => {
    const receiver = keep(await Receiver.start());
    receiver.answer = (response) => void response.writeHead(200).write('and so on');
    const dns = keep(await DnsServer.start(['127.0.0.1']));
    expect(await sent(receiver.url, dns)).toEqual({ status: 200 });
  });

  it('gives up after its time, whether the receiver is silent or sends one informational answer after another', async () => {
    const dns = keep(await DnsServer.start(['127.0.0.1']));
    const late = { error: 'there was no answer within 0.2 seconds', isFinal: false };
    expect(await sent(await raw('', false), dns, { timeoutMs: 200 })).toEqual(late);
    const informed = await raw('HTTP/1.1 102 Processing\r\n\r\n'.repeat(3), false);
    expect(await sent(informed, dns, { timeoutMs: 200 })).toEqual(late);
  });

  it('says in words why there was no answer', async () => {
    const dns = keep(await DnsServer.start(['127.0.0.1']));
    const refused = await sent(await closedUrl(), dns);
    expect(refused).toEqual({ error: 'the connection was refused', isFinal: false });
    expect(await sent(await raw('+PONG\r\n'), dns)).toMatchObject({
      error: expect.stringContaining('not HTTP'),
    });
    expect(await sent(await raw(''), dns)).toMatchObject({ error: 'the connection broke' });
    const large = await raw(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`);
    expect(await sent(large, dns)).toMatchObject({ error: expect.stringContaining('HPE_HEADER_OVERFLOW') });
    const receiver = keep(await Receiver.start());
    const tls = await sent(receiver.url.replace('http:', 'https:'), dns);
    expect(tls).toMatchObject({ error: expect.stringContaining('TLS'), isFinal: false });
  });
});
