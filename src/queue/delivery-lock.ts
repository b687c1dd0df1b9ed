import type { Redis } from '../redis/connections.ts';
import type { Keys } from '../store/keys.ts';
import { runScript, scriptOf } from '../store/transition-runner.ts';
import { bullPrefix, QUEUE_NAME } from './training-queue.ts';

/**
 * KEYS: the delivery's lock, then BullMQ's `stalled` and `active`; ARGV: token, lease in ms, id of the delivery.
 *
 * Unlike BullMQ's own script, it runs on a Redis whose memory is full, which accepts PEXPIRE and SREM, and then every
 * later write. And it takes back a lock that lapsed while Redis accepted no writes, if nobody has taken the delivery in
 * the meantime: it is still active.
 */
const EXTEND = scriptOf(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] or not holder and not redis.call('LPOS', KEYS[3], ARGV[3]) then
  return 0
end
redis.call('SREM', KEYS[2], ARGV[3])
if holder then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
`);

/**
 * Extends a worker's lock on a delivery that BullMQ handed to it.
 * @returns false when it is no longer this worker's.
 * @throws {StoreUnavailableError}
 */
export async function extendLock(
  redis: Redis,
  keys: Keys,
  { deliveryId, token, leaseMs }: { deliveryId: string; token: string; leaseMs: number },
): Promise<boolean> {
  const queue = `${bullPrefix(keys)}:${QUEUE_NAME}`;
  const keyNames = [`${queue}:${deliveryId}:lock`, `${queue}:stalled`, `${queue}:active`];
  return (await runScript(redis, EXTEND, keyNames, [token, leaseMs, deliveryId])) === 1;
}
