/**
 * What a Redis user must be allowed to do: the only list of the commands that this program and BullMQ send, those
 * inside of Lua scripts included, since Redis checks them alike. test/redis/rights.test.ts holds it against the code.
 */

/** Which kind of process needs a right. */
export type Role = 'api' | 'worker';
type Users = Role | 'both';

/** Where the example of a command has a key or a channel of ours. */
const KEY = 'KEY';
const CHANNEL = 'CHANNEL';

/** Command -> who sends it, and arguments that Redis would accept. The check only queues them: see rights-check.ts. */
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
  hincrby: ['worker', 'KEY f 1'],
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
  mget: ['api', 'KEY'],
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
  xrange: ['both', 'KEY - +'],
  xtrim: ['worker', 'KEY MAXLEN 0'],
  zadd: ['both', 'KEY 0 x'],
  zcard: ['both', 'KEY'],
  zcount: ['api', 'KEY 0 0'],
  zpopmin: ['worker', 'KEY'],
  zrange: ['both', 'KEY 0 0'],
  zrangebyscore: ['worker', 'KEY 0 0'],
  zrank: ['api', 'KEY x'],
  zrem: ['both', 'KEY x'],
  zremrangebyrank: ['worker', 'KEY 0 0'],
  zremrangebyscore: ['worker', 'KEY 0 0'],
  zrevrange: ['worker', 'KEY 0 0'],
  zrevrangebylex: ['api', 'KEY + -'],
  zrevrangebyscore: ['both', 'KEY 0 0'],
  zscore: ['both', 'KEY x'],
} as const satisfies Record<string, readonly [Users, string]>;

export type CommandName = keyof typeof COMMANDS;

/** BullMQ names its connections and does not mind a refusal; granted so that Redis has none to log. */
const NICE_TO_HAVE = ['client|setname'];

/** Where the keys, and where the channels, of an installation lie. @param root `{<KEY_PREFIX>}:` */
export const keyPattern = (root: string): string => `~${root}*`;
export const channelPattern = (root: string): string => `&${root}*`;

export const commandsOf = (role: Role): CommandName[] =>
  (Object.keys(COMMANDS) as CommandName[]).filter((name) => ['both', role].includes(COMMANDS[name][0]));

/** Arguments with which Redis would accept the command. */
export function exampleOf(name: CommandName, key: string, channel: string): string[] {
  if (name === 'eval') return ['return 1', '1', key];
  const words = COMMANDS[name][1].split(' ').filter((word) => word !== '');
  return words.map((word) => (word === KEY ? key : word === CHANNEL ? channel : word));
}

/**
 * The line for redis-cli that makes a user who may do all this and nothing else. The resets are there because Redis
 * refuses a pattern after `~*` or `&*`, which a new user of Redis 6.2 has.
 * @param database the number in REDIS_URL; choosing one other than 0 is a command of its own.
 */
export function grantLine(
  root: string,
  user: string,
  { roles = ['api', 'worker'], database = 0 }: { roles?: readonly Role[]; database?: number } = {},
): string {
  const names = new Set(roles.flatMap(commandsOf));
  const granted = [
    ...Object.keys(COMMANDS).filter((name) => names.has(name as CommandName)),
    ...(roles.includes('worker') ? NICE_TO_HAVE : []),
    ...(database === 0 ? [] : ['select']),
  ];
  const places = `resetkeys resetchannels ${keyPattern(root)} ${channelPattern(root)}`;
  return `ACL SETUSER ${user} on ><password> ${places} ${granted.map((name) => `+${name}`).join(' ')}`;
}
