import { Redis, type RedisOptions } from 'ioredis';
import { monotonicMs } from '../process/clock.ts';
import type { RedisAddress } from '../process/redis-address.ts';

/**
 * Makes every connection to Redis. A request must fail fast and a worker must wait for ever, so they never
 * share options.
 */

const common: RedisOptions = {
  lazyConnect: false,
  connectTimeout: 5_000,
  // Otherwise each connection asks for a right (CLIENT SETINFO) that nothing needs.
  disableClientInfo: true,
};

/** A client whose errors hold no password: ioredis adds the arguments of AUTH to the error of a refused login. */
class Client extends Redis {
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

  /** For BullMQ, which makes a second connection of the one it is given. */
  override duplicate(override?: Partial<RedisOptions>): Redis {
    return new Client({ ...this.options, ...override });
  }
}

const LONGEST_RETRY_MS = 2_000;

/** Whether Redis's words are about the user's name or password, so about the whole connection. */
export const isAboutLogin = (message: string): boolean =>
  /\b(WRONGPASS|NOAUTH)\b|invalid password/.test(message);

/**
 * Back after an outage within 2 s, whatever its length. A refused login always waits that long: where Redis has a
 * default user without a password, the client library takes each such connection for ready, and would count from one.
 */
function retrying() {
  let refusedMs = Number.NEGATIVE_INFINITY;
  return {
    onError: (error: Error) => {
      if (isAboutLogin(error.message)) refusedMs = monotonicMs();
    },
    // Copies of the connection have it too.
    retryStrategy: (attempt: number) =>
      monotonicMs() - refusedMs < 2 * LONGEST_RETRY_MS
        ? LONGEST_RETRY_MS
        : Math.min(50 * 2 ** Math.min(attempt, 6), LONGEST_RETRY_MS),
  };
}

function connect(address: RedisAddress, options: RedisOptions, onError: OnRedisError): Redis {
  const { retryStrategy, onError: onLoginError } = retrying();
  const redis = new Client({ ...common, ...options, retryStrategy, ...address.connectionOptions() });
  redis.on('error', onLoginError);
  redis.on('error', onError);
  return redis;
}

/** Hears of every failed try, which is one every two seconds while Redis is away. */
export type OnRedisError = (error: Error) => void;

/** For requests: nothing waits in a queue, nothing takes longer than 2 s, and a command is sent again at most once. */
export const connectForRequests = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(
    address,
    // What many requests ask at once goes out in one write.
    { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: 2_000, enableAutoPipelining: true },
    onError,
  );

/** For workers: a command waits as long as it must, and may run after its caller stopped waiting. */
export const connectForWorkers = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(address, { maxRetriesPerRequest: null }, onError);

/** For SUBSCRIBE. Its user subscribes at each 'ready', with `subscribeWhile`. */
export const connectForSubscriptions = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(address, { maxRetriesPerRequest: null, autoResubscribe: false }, onError);

const SUBSCRIBE_RETRY_MS = 2_000;

/**
 * Subscribes, and tries again while Redis refuses and `wanted`. The client library's own way of subscribing after an
 * outage throws a refusal where nothing can catch it.
 */
export function subscribeWhile(redis: Redis, channel: string, wanted: () => boolean): void {
  redis.subscribe(channel).catch((error: Error) => {
    // After a lost connection comes another 'ready'.
    if (error.name !== 'ReplyError') return;
    setTimeout(() => {
      if (wanted()) subscribeWhile(redis, channel, wanted);
    }, SUBSCRIBE_RETRY_MS).unref();
  });
}

export type { Redis };
