import { Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress } from '../process/redis-address.ts';

/**
 * Makes every connection to Redis. A request must fail fast and a worker must wait for ever, so they never
 * share options.
 */

const common: RedisOptions = {
  lazyConnect: false,
  connectTimeout: 5_000,
  // Back after an outage within 2 s, whatever its length.
  retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000),
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

function connect(address: RedisAddress, options: RedisOptions, onError: OnRedisError): Redis {
  const redis = new Client({ ...common, ...options, ...address.connectionOptions() });
  redis.on('error', onError);
  return redis;
}

/** Hears of every failed try, which is one every two seconds while Redis is away. */
export type OnRedisError = (error: Error) => void;

/** For requests: nothing waits in a queue, nothing takes longer than 2 s, and a command is sent again at most once. */
export const connectForRequests = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(address, { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: 2_000 }, onError);

/** For workers: a command waits as long as it must, and may run after its caller stopped waiting. */
export const connectForWorkers = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(address, { maxRetriesPerRequest: null }, onError);

/** For SUBSCRIBE; subscribes again by itself after an outage. */
export const connectForSubscriptions = (address: RedisAddress, onError: OnRedisError): Redis =>
  connect(address, { maxRetriesPerRequest: null, autoResubscribe: true }, onError);

export type { Redis };
