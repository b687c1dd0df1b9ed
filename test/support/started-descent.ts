import { fileURLToPath } from 'node:url';
import { StartedProgram } from './started-program.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

/** Starts the built program as `npm start` does, with real children and a real Redis. */

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const READY = /^Descent .* is ready\.$/;

interface StartOptions {
  folder?: string;
  env?: NodeJS.ProcessEnv;
  args?: string[];
}

export async function start({ folder, env, args = [] }: StartOptions = {}) {
  const cwd = folder ?? (await makeTemporaryFolder());
  const settings = { PATH: process.env.PATH, PORT: '0', WORKER_CONCURRENCY: '1', ...env };
  return { program: new StartedProgram(MAIN, args, { cwd, env: settings }), folder: cwd };
}

/** Waits until it says that it is ready. */
export async function startReady(options: StartOptions = {}) {
  const started = await start(options);
  await started.program.line(READY);
  const [, url] = /^ {2}API +(\S+)$/.exec(await started.program.line(/^ {2}API /)) ?? [];
  return { ...started, url: url! };
}
