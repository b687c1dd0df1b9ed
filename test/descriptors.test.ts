import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { makeTemporaryFolder } from './support/temporary-folder.ts';

/** The built API process where the system grants few descriptors. */

const SERVER = fileURLToPath(new URL('../dist/src/server.js', import.meta.url));
const DESCRIPTORS = 256;
const SILENT = 300;

async function startServer(): Promise<{ port: number; ended: Promise<unknown> }> {
  const process_ = spawn('sh', ['-c', `ulimit -n ${DESCRIPTORS}; exec "$0" "$1"`, process.execPath, SERVER], {
    cwd: await makeTemporaryFolder(),
    env: { PATH: process.env.PATH, PORT: '0', REDIS_URL: 'unix:/nowhere' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(process_, 'exit');
  onTestFinished(async () => {
    process_.kill();
    await ended;
  });
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: process_.stdout }).on('line', (line) => {
      const found = /"Server listening at http:\S+:(\d+)"/.exec(line);
      if (found !== null) resolve(Number(found[1]));
    });
    void ended.then((how) => reject(new Error(`ended with ${how} before it listened`)));
  });
  return { port, ended };
}

/** A connection that sends nothing. */
async function openSilently(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  return socket;
}

it('serves others while more silent connections are open than it has descriptors', {
  timeout: 120_000,
}, async () => {
  const { port } = await startServer();
  const closed: number[] = [];
  for (let i = 0; i < SILENT; i++) {
    const socket = await openSilently(port);
    socket.resume().once('close', () => closed.push(i));
  }
  // Those that waited longest make room.
  await expect.poll(() => closed.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(SILENT - DESCRIPTORS);
  for (let i = 0; i < 3; i++) {
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/openapi.json`)).status).toBe(200);
  }
  expect(closed).not.toContain(SILENT - 1);
});
