import { connect, type Socket } from 'node:net';

/**
 * A program: an open-model load of POST /jobs. A request is due every 1/rate seconds, whatever became of the earlier
 * ones, and its latency counts from then: a closed model would slow down with the server and hide the tail.
 * argv: JSON of LoadOptions. Prints JSON of LoadFigures.
 */

export interface LoadOptions {
  port: number;
  /** Requests a second; 0 = as many as the connections carry, for a capacity. */
  rate: number;
  seconds: number;
  connections: number;
}

export interface LoadFigures {
  /** Requests that were sent, by status; `none` = no response. */
  statuses: Record<string, number>;
  /** 429 and 503 without Retry-After. */
  withoutRetryAfter: number;
  /** Latencies of the 202, in ms. */
  accepted: { p50: number; p99: number; max: number };
  /** Requests that found no free connection by the end. */
  unsent: number;
  seconds: number;
}

const BODY = '{"dataset":"mnist_sample","training":{"epochs":1},"cache":false}';
const REQUEST = [
  'POST /jobs HTTP/1.1',
  'Host: localhost',
  'Content-Type: application/json',
  `Content-Length: ${BODY.length}`,
  '',
  BODY,
].join('\r\n');

const END_MS = 15_000;

async function run({ port, rate, seconds, connections }: LoadOptions): Promise<LoadFigures> {
  const statuses: Record<string, number> = {};
  const acceptedMs: number[] = [];
  let withoutRetryAfter = 0;
  const free: Socket[] = [];
  const dueMs = new Map<Socket, number>();
  const queue: number[] = [];
  const count = (status: string) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  const send = (socket: Socket, due: number) => {
    dueMs.set(socket, due);
    socket.write(REQUEST);
  };
  const idle = (socket: Socket) => {
    dueMs.delete(socket);
    const next = queue.shift();
    if (next !== undefined) send(socket, next);
    else free.push(socket);
  };
  const open = () =>
    new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        idle(socket);
        resolve();
      });
      let text = '';
      socket.setNoDelay(true).setEncoding('latin1');
      socket.on('data', (chunk: string) => {
        text += chunk;
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = text.slice(0, end);
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        text = '';
        const status = head.slice(9, 12);
        const due = dueMs.get(socket);
        // A connection that has not been used for long gets a 408, which answers no request.
        if (due === undefined) return;
        count(status);
        if (status === '202') acceptedMs.push(performance.now() - due);
        else if (!/\r\nretry-after: \d/i.test(head)) withoutRetryAfter += 1;
        if (/\r\nconnection: close/i.test(head)) socket.destroy();
        else idle(socket);
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        const at = free.indexOf(socket);
        if (at >= 0) free.splice(at, 1);
        if (dueMs.delete(socket) && text === '') count('none');
        if (!over) void open();
        resolve();
      });
    });
  let over = false;
  await Promise.all(Array.from({ length: connections }, open));
  const startedMs = performance.now();
  let sent = 0;
  while (performance.now() - startedMs < 1000 * seconds) {
    const nowMs = performance.now() - startedMs;
    const due = rate === 0 ? sent + free.length : Math.floor((nowMs * rate) / 1000);
    for (; sent < due; sent += 1) {
      const at = rate === 0 ? performance.now() : startedMs + (1000 * sent) / rate;
      const socket = free.pop();
      if (socket !== undefined) send(socket, at);
      else queue.push(at);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const took = (performance.now() - startedMs) / 1000;
  const unsent = queue.length;
  queue.length = 0;
  const giveUpMs = performance.now() + END_MS;
  while (dueMs.size > 0 && performance.now() < giveUpMs)
    await new Promise((resolve) => setTimeout(resolve, 20));
  over = true;
  for (let left = dueMs.size; left > 0; left -= 1) count('none');
  const sorted = acceptedMs.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    statuses,
    withoutRetryAfter,
    accepted: { p50: at(0.5), p99: at(0.99), max: at(1) },
    unsent,
    seconds: took,
  };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as LoadOptions)));
process.exit(0);
