import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from './process/config.ts';
import { ConfigError } from './process/config-error.ts';
import { loadSettings, SETTINGS_ARE_READ } from './process/load-settings.ts';
import { packageVersion } from './process/package-version.ts';
import { stackOf } from './process/process-log.ts';
import { silenceMsOf } from './process/silence-watch.ts';
import { StartError } from './process/start-error.ts';
import { onStopSignals } from './process/stop-signals.ts';
import { chooseRedis, type RedisChoice } from './start/choose-redis.ts';
import { lockDataDir } from './start/data-dir-lock.ts';
import { readableLog } from './start/readable-log.ts';
import { openSocketFolder } from './start/socket-folder.ts';
import { StartProgress } from './start/start-progress.ts';
import type { ChildReport, ChildSpec } from './start/supervised-child.ts';
import { Supervisor } from './start/supervisor.ts';
import { usageText } from './start/usage.ts';

/** Entry of `npm start`: runs Redis, a worker and the API as children of this process, on one machine. */

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

async function run(config: Config, silenceMs: number): Promise<void> {
  const progress = new StartProgress(console.log);
  progress.step(`Opening DATA_DIR=${config.DATA_DIR} and looking for Redis`);
  const socketFolder = await openSocketFolder(config.DATA_DIR);
  const lock = await lockDataDir(config.DATA_DIR, socketFolder);
  const redis = await chooseRedis({
    redisUrl: config.REDIS_URL,
    dataDir: config.DATA_DIR,
    socketFolder,
    searchPath: process.env.PATH ?? '',
  });
  if (redis.warning !== undefined) console.warn(`Warning: ${redis.warning}\n`);

  let apiUrl: string | undefined;
  const report: ChildReport = {
    output: (_name, line) => console.log(readableLog(line)),
    busy: (_name, text) => progress.step(text),
    died: (name, cause, delayMs) =>
      console.error(`The ${name} died (${cause}); restarting it in ${delayMs / 1000} s.`),
    ready: (name, url) => {
      if (url === undefined) return;
      if (apiUrl !== undefined && url !== apiUrl) console.log(`The ${name} now listens on ${url}`);
      apiUrl = url;
    },
    failed: (_name, reason, lastLines) => {
      const quoted = lastLines.map((line) => `  | ${readableLog(line)}`);
      console.error([reason, ...(quoted.length > 0 ? ['Its last lines:', ...quoted] : [])].join('\n'));
      void end(1);
    },
  };
  const supervisor = new Supervisor(childrenFor(redis, config, silenceMs), report);

  let isEnding = false;
  const end = async (exitCode: number) => {
    if (isEnding) return;
    isEnding = true;
    progress.end();
    await supervisor.stop();
    await lock.release();
    process.exit(exitCode);
  };
  onStopSignals(
    () => {
      console.log(
        '\nStopping the API, the worker and Redis, in that order. Press Ctrl-C again to kill them.',
      );
      void end(0);
    },
    () => process.exit(130),
  );
  // However this process ends, its children end with it.
  process.on('exit', () => supervisor.kill());
  // The reader of our output is gone, and with it the person that we run for.
  process.stdout.on('error', () => void end(1));

  progress.step('Starting Redis, the worker and the API');
  await supervisor.start();
  progress.end();
  if (!isEnding) console.log(welcome(config, redis, apiUrl ?? ''));
}

/** Redis starts first and stops last; the API stops before the worker. */
function childrenFor(redis: RedisChoice, config: Config, silenceMs: number): ChildSpec[][] {
  const env = {
    ...process.env,
    ...(redis.url !== undefined && { REDIS_URL: redis.url }),
    DATA_DIR: resolve(config.DATA_DIR),
    [SETTINGS_ARE_READ]: '1',
  };
  // Each child exits by itself a little before its grace is over.
  const common = { args: [`--silence-ms=${silenceMs}`], env, silenceMs };
  const worker = { ...common, name: 'worker', entry: pathOf('../workers/main.js'), stopGraceMs: 10_000 };
  const api = { ...common, name: 'API', entry: pathOf('./server.js'), stopGraceMs: 7_000 };
  if (redis.child === undefined) return [[worker, api]];
  const { entry, args } = redis.child;
  return [
    [{ ...common, name: 'Redis', entry: pathOf(`./start/${entry}`), args, stopGraceMs: 9_000 }],
    [worker, api],
  ];
}

function welcome(config: Config, redis: RedisChoice, url: string): string {
  const isGuarded = config.AUTH === 'keys';
  return [
    '',
    `Descent ${packageVersion()} is ready.`,
    '',
    `  Page   ${url}/`,
    `  API    ${url}`,
    `  Docs   ${url}/docs`,
    `  Redis  ${redis.description}`,
    `  Data   ${resolve(config.DATA_DIR)}`,
    '',
    'Train a network on MNIST, the reference run:',
    `  curl -X POST ${url}/jobs -H 'Content-Type: application/json' -d '{}'${isGuarded ? ' -H "Authorization: Bearer $KEY"' : ''}`,
    ...(isGuarded
      ? ['', 'Make a key first: npm run keys -- create --name laptop --owner alice --role writer']
      : []),
    '',
    'Press Ctrl-C to stop.',
    '',
  ].join('\n');
}

async function main(argument: string | undefined): Promise<void> {
  if (argument === '--help' || argument === '-h') console.log(usageText());
  else if (argument === '--version') console.log(packageVersion());
  else if (argument !== undefined && !argument.startsWith('--silence-ms='))
    throw new StartError(`Unknown argument ${argument}; see npm start -- --help`);
  else {
    const { config, warnings } = loadSettings(process.env);
    for (const warning of warnings) console.warn(`Warning: ${warning}`);
    await run(config, silenceMsOf(process.argv));
  }
}

try {
  await main(process.argv[2]);
} catch (error) {
  console.error(error instanceof StartError || error instanceof ConfigError ? error.message : stackOf(error));
  process.exit(1);
}
