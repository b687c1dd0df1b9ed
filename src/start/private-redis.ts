import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseRedisUrl, type RedisAddress, socketUrl } from '../process/redis-address.ts';
import { openSocketFolder } from './socket-folder.ts';

/** The sockets of the Redis that `npm start` brings, in the folder of openSocketFolder. */
export const REDIS_SOCKET = 'redis.sock';
export const IN_MEMORY_SOCKET = 'redis-in-memory.sock';

/**
 * The private Redis of an `npm start` on this DATA_DIR; undefined when none has run. It may have ended since.
 * @throws {StartError} when DATA_DIR cannot be used.
 */
export async function findPrivateRedis(dataDir: string): Promise<RedisAddress | undefined> {
  const folder = await openSocketFolder(dataDir);
  const socket = [REDIS_SOCKET, IN_MEMORY_SOCKET].map((name) => join(folder, name)).find(existsSync);
  return socket === undefined ? undefined : parseRedisUrl(socketUrl(socket));
}
