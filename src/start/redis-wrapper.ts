import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { refuseToStart, tellParent } from '../process/child-message.ts';
import { watchParent } from '../process/parent-watch.ts';
import { BEAT_MS } from '../process/silence-watch.ts';
import { askRedis, shutDownOrphan, waitUntilRedisAnswers } from './redis-socket.ts';

/**
 * Entry of the process between `npm start` and the private Redis. Redis itself does not notice when its parent is
 * killed; this process does, and stops Redis.
 */

export const RedisWrapperArgumentsSchema = z.strictObject({
  /** redis-server or valkey-server. */
  binary: z.string(),
  socketPath: z.string(),
  /** Folder of its append-only file and its log. */
  dir: z.string(),
});
export type RedisWrapperArguments = z.infer<typeof RedisWrapperArgumentsSchema>;

const STOP_GRACE_MS = 7_000;
const PARENT_GONE_GRACE_MS = 2_500;
const LOG_TAIL_LINES = 10;

const { binary, socketPath, dir } = RedisWrapperArgumentsSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const logFile = join(dir, 'redis.log');

let isStopping = false;
let stopRedis = (_graceMs: number): void => process.exit(0);
const stop = (graceMs: number) => {
  isStopping = true;
  stopRedis(graceMs);
};
watchParent(() => stop(PARENT_GONE_GRACE_MS), PARENT_GONE_GRACE_MS + 500);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(STOP_GRACE_MS));

await mkdir(dir, { recursive: true, mode: 0o700 });
await shutDownOrphan(socketPath).catch((error: Error) =>
  refuseToStart(`The Redis of an earlier start still owns ${dir} and cannot be stopped: ${error.message}`),
);
startRedis();
await waitUntilRedisAnswers(socketPath, (isFirst) =>
  tellParent(isFirst ? { type: 'busy', text: 'Redis is loading its data' } : { type: 'alive' }),
);
tellParent({ type: 'ready' });
beatWithRedis();

/** A Redis that is stopped or stuck must not pass for alive, so only its replies are passed on. */
function beatWithRedis(): void {
  askRedis(socketPath, 'PING', /\r\n/)
    .then(
      (reply) => reply !== undefined && reply !== '' && tellParent({ type: 'alive' }),
      () => {},
    )
    .finally(() => setTimeout(beatWithRedis, BEAT_MS).unref());
}

function startRedis(): void {
  const redis = spawn(binary, ['-'], { cwd: dir, stdio: ['pipe', 'ignore', 'inherit'] });
  redis.stdin.on('error', () => {}); // It died before it read its settings: 'exit' handles that.
  redis.stdin.end(redisSettings());
  stopRedis = (graceMs) => {
    redis.kill('SIGTERM');
    setTimeout(() => redis.kill('SIGKILL'), graceMs);
  };
  redis.once('error', (error) => {
    console.error(`${binary} cannot be started: ${error.message}`);
    process.exit(1);
  });
  redis.once('exit', async (code, signal) => {
    if (isStopping) process.exit(0);
    console.error(
      `${binary} exited unexpectedly (${signal ?? `exit code ${code}`}). Last lines of ${logFile}:`,
    );
    console.error(await tailOfLog());
    process.exit(1);
  });
}

/** Sent through stdin, so no configuration file has to be kept in step. */
function redisSettings(): string {
  return [
    'port 0',
    `unixsocket ${quoted(socketPath)}`,
    'unixsocketperm 700',
    `dir ${quoted(dir)}`,
    `logfile ${quoted(logFile)}`,
    `pidfile ${quoted(join(dir, 'redis.pid'))}`,
    'appendonly yes',
    'appendfsync everysec',
    // A crash may leave half a command at the end of the file; without this Redis would refuse to start.
    'aof-load-truncated yes',
    'save ""',
    'maxmemory 512mb',
    'maxmemory-policy noeviction',
  ].join('\n');
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`;
}

async function tailOfLog(): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}
