import type { Redis } from '../redis/connections.ts';
import { answered } from './transition-runner.ts';

/**
 * Milliseconds since the Unix epoch on the clock of Redis, the only clock that stored times are compared with.
 * @throws {StoreUnavailableError}
 */
export async function redisTimeMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await answered(() => redis.time());
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
