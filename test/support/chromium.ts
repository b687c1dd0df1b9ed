import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { descendantsOf, signalAll } from './processes.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

/** The first of these browsers on the PATH, or undefined. */
export const findChromium = (): string | undefined =>
  ['chromium', 'chromium-browser', 'google-chrome'].find(
    (name) => spawnSync(name, ['--version']).error === undefined,
  );

/** --no-sandbox: root, as in a container, has none. Nothing of it asks the internet. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-breakpad',
];

/**
 * Opens pages in a headless browser, side by side, until the test is over.
 * @returns what rejects if the browser ends by itself before
 */
export async function browse(browser: string, urls: readonly string[]): Promise<{ ended: Promise<never> }> {
  const home = await makeTemporaryFolder();
  // It opens one address only.
  const frames = urls.map((url) => `<iframe src="${url.replaceAll('&', '&amp;')}"></iframe>`).join('');
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(frames);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const child = spawn(browser, [...FLAGS, `--user-data-dir=${home}`, `http://127.0.0.1:${port}`], {
    env: { PATH: process.env.PATH, HOME: home },
    stdio: 'ignore',
  });
  const closed = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(`it ended with ${signal ?? code}`));
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    const below = child.pid === undefined ? [] : descendantsOf(child.pid);
    child.kill('SIGKILL');
    signalAll(below, 'SIGKILL');
    await closed;
  });
  const ended = closed.then((how) => Promise.reject(new Error(`${browser}: ${how}`)));
  // Once the test is over, nobody asks.
  ended.catch(() => {});
  return { ended };
}
