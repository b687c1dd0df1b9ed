import type { Redis } from './connections.ts';

/**
 * A finding about a Redis for its operator. `refuse`: no process may use it. `lacking`: none can until a person fixes
 * it. `passing`: none can now, but the cause may go away by itself. `warn`: it works.
 */
export interface RedisFinding {
  level: 'refuse' | 'lacking' | 'passing' | 'warn';
  message: string;
  /** The first word of Redis's answer, if it refuses commands: OOM, MISCONF ... */
  refusal?: string;
}

const OLDEST_VERSION = [6, 2] as const;

/**
 * Checks whether this Redis keeps its data. A value that it does not let us read is itself a finding. It reads INFO
 * rather than CONFIG GET, because hosted Redis services forbid CONFIG.
 * @throws when Redis does not answer.
 */
export async function checkRedis(redis: Redis): Promise<RedisFinding[]> {
  let info: Map<string, string>;
  try {
    info = parseInfo(await redis.info());
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
    return [unreadable('its version, persistence and eviction policy', error)];
  }
  const policy = info.get('maxmemory_policy') ?? (await readPolicy(redis));
  return [checkVersion(info), checkEviction(policy), checkPersistence(info), checkCluster(info)].filter(
    (found) => found !== undefined,
  );
}

function checkVersion(info: Map<string, string>): RedisFinding | undefined {
  // Valkey reports 7.2.4 here, the Redis version it is compatible with.
  const version = info.get('redis_version');
  const [major, minor] = (version ?? '').split('.').map(Number);
  if (version === undefined || !Number.isInteger(major) || !Number.isInteger(minor))
    return unreadable('its version');
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  if (major! > oldestMajor || (major === oldestMajor && minor! >= oldestMinor)) return undefined;
  return {
    level: 'refuse',
    message: `Redis ${version} is too old: Redis 6.2 or newer, or Valkey, is needed.`,
  };
}

/** For a Redis whose INFO lacks the policy, such as js-redis-server. */
async function readPolicy(redis: Redis): Promise<string | undefined> {
  const answer = await redis.config('GET', 'maxmemory-policy').catch(() => undefined);
  return Array.isArray(answer) && typeof answer[1] === 'string' ? answer[1] : undefined;
}

function checkEviction(policy: string | undefined): RedisFinding | undefined {
  if (policy === undefined) return unreadable('its eviction policy; it must be noeviction');
  if (policy === 'noeviction') return undefined;
  return {
    level: 'refuse',
    message:
      `Redis has maxmemory-policy ${policy}: when its memory is full, it silently deletes jobs. ` +
      'Fix it with: redis-cli CONFIG SET maxmemory-policy noeviction (and put the same into its configuration file).',
  };
}

function checkPersistence(info: Map<string, string>): RedisFinding | undefined {
  const aof = info.get('aof_enabled');
  if (aof === undefined) return unreadable('whether it writes an append-only file');
  if (aof === '1') return undefined;
  return {
    level: 'warn',
    message:
      'Redis has its append-only file switched off: when it crashes, every job and metric since its last snapshot ' +
      '(up to an hour with the default settings) is lost. Switch it on with: redis-cli CONFIG SET appendonly yes',
  };
}

/** One server of a cluster works as long as it holds our slot; otherwise it replies MOVED. */
function checkCluster(info: Map<string, string>): RedisFinding | undefined {
  if (info.get('cluster_enabled') !== '1') return undefined;
  return {
    level: 'warn',
    message:
      'Redis runs as a cluster, which is not supported: it works only while this server holds every key of this ' +
      'installation. Use a Redis without cluster mode.',
  };
}

function unreadable(what: string, error?: unknown): RedisFinding {
  const why = error instanceof Error ? `: ${error.message}` : '';
  return { level: 'warn', message: `Redis does not let us read ${what}${why}` };
}

function parseInfo(text: string): Map<string, string> {
  const fields = text.split('\r\n').filter((line) => line.includes(':') && !line.startsWith('#'));
  return new Map(fields.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
