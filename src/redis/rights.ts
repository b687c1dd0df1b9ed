/**
 * What a Redis user must be allowed to do: the only list of the commands that this program and BullMQ send, including
 * those inside Lua scripts, which Redis checks alike. test/redis/rights.test.ts compares it with the code.
 */

/** The kind of process that needs a right. */
export type Role = 'api' | 'worker';
type Users = Role | 'both';

/** Placeholders for a key or a channel of ours in a command's example. */
const KEY = 'KEY';
const CHANNEL = 'CHANNEL';

/** Command -> the role that sends it, and arguments that Redis accepts. rights-check.ts queues them but runs none. */
const COMMANDS = {
  bzpopmin: ['worker', 'KEY 0.01'],
  del: ['both', 'KEY'],
  discard: ['both', ''],
  eval: ['both', 'return 1 KEY'],
  evalsha: ['both', 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 KEY'],
  exec: ['both', ''],
  exists: ['both', 'KEY'],
  get: ['both', 'KEY'],
  hdel: ['both', 'KEY f'],
  hexists: ['worker', 'KEY f'],
  hget: ['both', 'KEY f'],
  hgetall: ['both', 'KEY'],
  hincrby: ['both', 'KEY f 1'],
  hmget: ['both', 'KEY f'],
  hmset: ['both', 'KEY f v'],
  hset: ['both', 'KEY f v'],
  incr: ['both', 'KEY'],
  info: ['both', ''],
  llen: ['both', 'KEY'],
  lpos: ['both', 'KEY x'],
  lpush: ['both', 'KEY x'],
  lrange: ['both', 'KEY 0 0'],
  lrem: ['worker', 'KEY 0 x'],
  ltrim: ['worker', 'KEY 0 0'],
  mget: ['both', 'KEY'],
  multi: ['both', ''],
  persist: ['both', 'KEY'],
  pexpire: ['both', 'KEY 1'],
  pttl: ['both', 'KEY'],
  publish: ['both', 'CHANNEL x'],
  rpoplpush: ['worker', 'KEY KEY'],
  rpush: ['both', 'KEY x'],
  sadd: ['both', 'KEY x'],
  scard: ['both', 'KEY'],
  set: ['both', 'KEY x'],
  sismember: ['both', 'KEY x'],
  smembers: ['worker', 'KEY'],
  srem: ['both', 'KEY x'],
  subscribe: ['both', 'CHANNEL'],
  time: ['both', ''],
  type: ['both', 'KEY'],
  unsubscribe: ['both', 'CHANNEL'],
  xadd: ['both', 'KEY * f v'],
  xlen: ['api', 'KEY'],
  xrange: ['both', 'KEY - +'],
  xrevrange: ['api', 'KEY + - COUNT 1'],
  xtrim: ['worker', 'KEY MAXLEN 0'],
  zadd: ['both', 'KEY 0 x'],
  zcard: ['both', 'KEY'],
  zcount: ['api', 'KEY 0 0'],
  zlexcount: ['both', 'KEY - +'],
  zpopmin: ['worker', 'KEY'],
  zrange: ['both', 'KEY 0 0'],
  zrangebylex: ['api', 'KEY - +'],
  zrangebyscore: ['both', 'KEY 0 0'],
  zrank: ['api', 'KEY x'],
  zrem: ['both', 'KEY x'],
  zremrangebyrank: ['worker', 'KEY 0 0'],
  zremrangebyscore: ['both', 'KEY 0 0'],
  zrevrange: ['worker', 'KEY 0 0'],
  zrevrangebyscore: ['both', 'KEY 0 0'],
  zscore: ['both', 'KEY x'],
} as const satisfies Record<string, readonly [Users, string]>;

export type CommandName = keyof typeof COMMANDS;

/**
 * Granted so that Redis does not log a refusal. BullMQ names its connections; every connection pings, and takes a refusal
 * for a sign of life.
 */
const NICE_TO_HAVE = { 'client|setname': ['worker'], ping: ['api', 'worker'] } as const;

/** ACL patterns for the keys and the channels of an installation. @param root `{<KEY_PREFIX>}:` */
export const keyPattern = (root: string): string => `~${root}*`;
export const channelPattern = (root: string): string => `&${root}*`;

export const commandsOf = (role: Role): CommandName[] =>
  (Object.keys(COMMANDS) as CommandName[]).filter((name) => ['both', role].includes(COMMANDS[name][0]));

/** Arguments with which Redis accepts the command. */
export function exampleOf(name: CommandName, key: string, channel: string): string[] {
  if (name === 'eval') return ['return 1', '1', key];
  const words = COMMANDS[name][1].split(' ').filter((word) => word !== '');
  return words.map((word) => (word === KEY ? key : word === CHANNEL ? channel : word));
}

/**
 * The line for redis-cli that creates a user with exactly these rights. It resets keys and channels first because Redis
 * refuses a pattern after `~*` or `&*`, which a new user of Redis 6.2 has.
 * @param database the number in REDIS_URL; any other than 0 also needs SELECT.
 */
export function grantLine(
  root: string,
  user: string,
  { roles = ['api', 'worker'], database = 0 }: { roles?: readonly Role[]; database?: number } = {},
): string {
  const names = new Set(roles.flatMap(commandsOf));
  const granted = [
    ...Object.keys(COMMANDS).filter((name) => names.has(name as CommandName)),
    ...Object.entries(NICE_TO_HAVE).flatMap(([name, users]) =>
      users.some((user) => roles.includes(user)) ? [name] : [],
    ),
    ...(database === 0 ? [] : ['select']),
  ];
  const places = `resetkeys resetchannels ${keyPattern(root)} ${channelPattern(root)}`;
  return `ACL SETUSER ${user} on ><password> ${places} ${granted.map((name) => `+${name}`).join(' ')}`;
}
