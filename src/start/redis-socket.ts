import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../process/clock.ts';

/** The few commands that the wrapper sends to its private Redis, without a client library. */

const ANSWER_TIMEOUT_MS = 2_000;
const POLL_MS = 50;
const SHUTDOWN_TIMEOUT_MS = 10_000;

/** Sends one command and returns the reply up to a match of `enough`; undefined when nothing listens. */
export function askRedis(socketPath: string, command: string, enough: RegExp): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(socketPath, () => socket.write(`${command}\r\n`));
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error(`no answer on ${socketPath}`)));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (enough.test(answer)) socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '')) resolve(undefined);
      else reject(error);
    });
    socket.once('close', () => resolve(answer));
  });
}

/** Waits until Redis answers commands; calls `onLoading` each time that Redis replies that it still loads its data. */
export async function waitUntilRedisAnswers(
  socketPath: string,
  onLoading: (isFirst: boolean) => void,
): Promise<void> {
  let isFirst = true;
  for (;;) {
    const answer = await askRedis(socketPath, 'PING', /\r\n/).catch(() => undefined);
    if (answer?.startsWith('+PONG')) return;
    if (answer?.startsWith('-LOADING')) {
      onLoading(isFirst);
      isFirst = false;
    }
    await sleep(POLL_MS);
  }
}

/**
 * Shuts down the Redis of a wrapper that was killed, after it has written its data: a second Redis must never write the
 * same append-only file.
 * @throws when something listens on the socket and is not a Redis, or does not end.
 */
export async function shutDownOrphan(socketPath: string): Promise<void> {
  const info = await askRedis(socketPath, 'INFO server', /process_id:\d+\r\n/);
  if (info === undefined) return;
  const [, pid] = /process_id:(\d+)\r\n/.exec(info) ?? [];
  if (pid === undefined) throw new Error(`something that is not Redis listens on ${socketPath}`);
  // NOSAVE only skips the snapshot; the append-only file is always written and synced before the socket closes.
  await askRedis(socketPath, 'SHUTDOWN NOSAVE', /\r\n/).catch(() => undefined);
  const giveUpAtMs = monotonicMs() + SHUTDOWN_TIMEOUT_MS;
  while ((await askRedis(socketPath, 'PING', /\r\n/)) !== undefined) {
    if (monotonicMs() > giveUpAtMs)
      throw new Error(`process ${pid} does not exit; end it with: kill -9 ${pid}`);
    await sleep(POLL_MS);
  }
}
