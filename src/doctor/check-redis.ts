import { checkRedis } from '../redis/checks.ts';
import type { Redis } from '../redis/connections.ts';
import { RedisHealth } from '../redis/health.ts';
import type { JobStore } from '../store/jobs.ts';
import { type Finding, note, ok, wrong } from './finding.ts';

/** Above this share of maxmemory, POST /jobs is refused. */
const FULL_SHARE = 0.7;

/**
 * Version, eviction, persistence, rights of both kinds of process, and memory.
 * @param root `{<KEY_PREFIX>}:`
 */
export async function checkTheRedis(redis: Redis, root: string, store: JobStore): Promise<Finding[]> {
  const [settings, api, worker, share] = await Promise.all([
    checkRedis(redis),
    rightsOf(redis, root, 'api'),
    rightsOf(redis, root, 'worker'),
    store.memoryShare(),
  ]);
  const troubles = [...new Set([...api, ...worker])];
  const found = [
    ...settings.map(({ level, message }) => (level === 'warn' ? note(message) : wrong(message))),
    ...troubles.filter((text) => !settings.some(({ message }) => message === text)).map(wrong),
  ];
  if (found.length === 0) found.push(ok('Redis has the settings and the rights that Descent needs.'));
  return [...found, describeMemory(share)];
}

async function rightsOf(redis: Redis, root: string, role: 'api' | 'worker'): Promise<string[]> {
  const health = new RedisHealth(redis, root, role);
  try {
    return (await health.troubles()).map(({ message }) => message);
  } finally {
    health.close();
  }
}

function describeMemory(share: number | undefined): Finding {
  if (share === undefined)
    return note(
      'Redis has no maxmemory: it may take all memory of its machine. Set one, such as: redis-cli CONFIG SET maxmemory 512mb',
    );
  const percent = `${Math.round(share * 100)} %`;
  return share > FULL_SHARE
    ? wrong(
        `Redis uses ${percent} of its maxmemory, so new jobs are refused. Raise maxmemory, or lower RETENTION_JOBS.`,
      )
    : ok(`Redis uses ${percent} of its maxmemory.`);
}
