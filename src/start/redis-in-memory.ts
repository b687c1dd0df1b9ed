import { rm } from 'node:fs/promises';
import { createRedisCommandExecutor, RedisServerState, Resp2Server } from 'js-redis-server/core';
import { beatToParent, tellParent } from '../process/child-message.ts';
import { watchParent } from '../process/parent-watch.ts';

/**
 * Entry of the last resort: a Redis in JavaScript that keeps everything in memory. It is assembled from the package's
 * parts because its createRedisServer listens on all network interfaces, without a password.
 */

const DATABASES = 16;
const socketPath = process.argv[2];
if (socketPath === undefined) throw new Error('usage: redis-in-memory <socket path>');

watchParent(() => process.exit(0));
beatToParent();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => process.exit(0));

// DATA_DIR is locked, so a socket left here belongs to a dead process.
await rm(socketPath, { force: true });
const redis = new Resp2Server({
  server: new RedisServerState({ databaseCount: DATABASES }),
  executor: createRedisCommandExecutor(),
});
redis.server.listen(socketPath, () => tellParent({ type: 'ready' }));
