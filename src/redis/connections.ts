import { Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { monotonicMs } from '../process/clock.ts';
import type { RedisAddress } from '../process/redis-address.ts';

/**
 * Makes every connection to Redis. A request must fail fast and a worker must wait forever, so they never share
 * options.
 */

const common: RedisOptions = {
  lazyConnect: false,
  connectTimeout: 5_000,
  // Otherwise each connection sends CLIENT SETINFO, which would need one more right.
  disableClientInfo: true,
};

/** How often a connection is checked for a sign of life. */
const LOOK_MS = 2_000;
/** Looks without one until the connection counts as dead. Longer than the 5 s that a worker's fetch may block. */
const SILENT_LOOKS = 6;

/**
 * A client whose errors contain no password: ioredis adds AUTH's arguments to the error of a refused login. And it
 * notices within 15 s when the other end is gone without a word, which the kernel reports only a quarter of an hour
 * later: it pings, and breaks a connection on which nothing arrives, so that the client library connects again. (Its
 * own socketTimeout may break the next connection instead, and does not watch one that is idle.)
 */
class Client extends Redis {
  constructor(options: RedisOptions) {
    super(options);
    let heard: number | undefined;
    let silentLooks = 0;
    // It counts looks rather than time: a process that was suspended must first read what has arrived.
    const timer = setInterval(() => {
      const { stream, status } = this;
      if (status === 'end') clearInterval(timer);
      const arrived = status === 'connect' || status === 'ready' ? stream.bytesRead : undefined;
      silentLooks = arrived !== undefined && arrived === heard ? silentLooks + 1 : 0;
      heard = arrived;
      if (silentLooks >= SILENT_LOOKS) stream.destroy(new Error('Redis has been silent for too long'));
      // A refusal is a sign of life too.
      else if (status === 'ready') this.ping().catch(() => {});
    }, LOOK_MS).unref();
  }

  override sendCommand(...parameters: Parameters<Redis['sendCommand']>): unknown {
    const [command] = parameters;
    if (command.name === 'auth') {
      const reject = command.reject;
      command.reject = (error: Error & { command?: unknown }) => {
        delete error.command;
        reject(error);
      };
    }
    return super.sendCommand(...parameters);
  }

  /** For BullMQ, which duplicates the connection it gets. */
  override duplicate(override?: Partial<RedisOptions>): Redis {
    return new Client({ ...this.options, ...override });
  }
}

/**
 * Sends what many requests ask in one turn of the event loop in one write. (The client library's auto-pipelining does so
 * too, but holds what is asked later until Redis has answered: if it does not, a command takes twice its time limit.)
 */
class BatchingClient extends Client {
  #isCorked = false;

  override sendCommand(...parameters: Parameters<Redis['sendCommand']>): unknown {
    const { stream } = this;
    if (!this.#isCorked && stream instanceof Socket) {
      this.#isCorked = true;
      stream.cork();
      setImmediate(() => {
        this.#isCorked = false;
        stream.uncork();
      });
    }
    return super.sendCommand(...parameters);
  }
}

const COMMAND_MS = 5_000;
const LONGEST_RETRY_MS = 2_000;

/** Whether an error of Redis is about the user or password, so that it concerns the whole connection. */
export const isAboutLogin = (message: string): boolean =>
  /\b(WRONGPASS|NOAUTH)\b|invalid password/.test(message);

/**
 * Reconnects within 2 s after an outage of any length. After a refused login it always waits 2 s: if Redis has a
 * default user without a password, the client library takes each such connection for ready and restarts its count.
 */
function retrying() {
  let refusedMs = Number.NEGATIVE_INFINITY;
  return {
    onError: (error: Error) => {
      if (isAboutLogin(error.message)) refusedMs = monotonicMs();
    },
    // Duplicates of the connection share this state.
    retryStrategy: (attempt: number) =>
      monotonicMs() - refusedMs < 2 * LONGEST_RETRY_MS
        ? LONGEST_RETRY_MS
        : Math.min(50 * 2 ** Math.min(attempt, 6), LONGEST_RETRY_MS),
  };
}

function connect(
  address: RedisAddress,
  options: RedisOptions,
  onError: OnRedisError,
  Kind: typeof Client = Client,
): Redis {
  const { retryStrategy, onError: onLoginError } = retrying();
  const redis = new Kind({ ...common, ...options, retryStrategy, ...address.connectionOptions() });
  redis.on('error', onLoginError);
  redis.on('error', onError);
  return redis;
}

/** Called for every failed attempt to connect: every two seconds while Redis is away. */
export type OnRedisError = (error: Error) => void;

/** For requests: no command waits in a queue, takes longer than 2 s or is sent again more than once. */
export const connectForRequests = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(
    address,
    // What many requests ask at once goes out in one write.
    { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: 2_000 },
    onError,
    BatchingClient,
  );

/** For workers: a command waits as long as it must, and may run after its caller stopped waiting. */
export const connectForWorkers = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(address, { maxRetriesPerRequest: null }, onError);

/** For SUBSCRIBE. The caller subscribes at each 'ready' with `subscribeWhile`. */
export const connectForSubscriptions = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(address, { maxRetriesPerRequest: null, autoResubscribe: false }, onError);

/** Redis cannot be reached, or refuses the login. The message is a sentence for a person. */
export class RedisUnreachableError extends Error {
  override readonly name = 'RedisUnreachableError';
}

/**
 * For a command that a person runs and that ends: connects once, or fails.
 * @throws {RedisUnreachableError}
 */
export async function connectForCommand(address: RedisAddress): Promise<Redis> {
  const options = { ...common, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 };
  const redis = new Client({ ...options, commandTimeout: COMMAND_MS, ...address.connectionOptions() });
  let reason = '';
  redis.on('error', (error: Error) => {
    reason = error.message;
  });
  try {
    await redis.connect();
    await redis.time();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw new RedisUnreachableError(
      `Redis at ${address} cannot be used: ${reason || (error as Error).message}. Does it run, and is REDIS_URL right?`,
    );
  }
}

const SUBSCRIBE_RETRY_MS = 2_000;

/**
 * Subscribes, and tries again while Redis refuses and `wanted` returns true. When the client library subscribes again
 * by itself after an outage, it throws a refusal where nothing can catch it.
 */
export function subscribeWhile(redis: Redis, channel: string, wanted: () => boolean): void {
  redis.subscribe(channel).catch((error: Error) => {
    // A lost connection is followed by another 'ready'.
    if (error.name !== 'ReplyError') return;
    setTimeout(() => {
      if (wanted()) subscribeWhile(redis, channel, wanted);
    }, SUBSCRIBE_RETRY_MS).unref();
  });
}

export type { Redis };
